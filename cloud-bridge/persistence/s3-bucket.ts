// A client for one bucket of an S3 server: signed requests with limits on time and size, whole objects in plain bodies, the body's hash in
// the signature. Of its answers only the status is trusted.
import { isAbsolute } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Span } from '@doorsill/base/http/byte-range';
import { sha256Hex } from '@doorsill/base/keys';
import { failure, isFailure } from '@doorsill/contract/errors';
import { AwsV4Signer } from 'aws4fetch';
import { z } from 'zod';
import { httpAddressSchema } from '../http/http-settings.ts';
import { operatorSecret } from '../signing/server-secrets.ts';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** The `s3` settings of vault.json, and of an instance in bridge.json. */
export const S3Settings = z.strictObject({
  endpoint: httpAddressSchema.refine(
    (text) => URL.canParse(text) && (new URL(text).protocol === 'https:' || LOOPBACK.test(new URL(text).hostname)),
    'evidence needs https:// for any other machine than this one',
  ),
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/),
  region: z.string().min(1).max(60).default('us-east-1'),
  /** Prefix of every name in the bucket. */
  prefix: z
    .string()
    .regex(/^([a-z0-9-]{1,60}\/){0,4}$/, 'names of lower-case letters, digits and -, each followed by /')
    .default(''),
  /** Whether an address has the bucket in its path, not in its host name. */
  pathStyle: z.boolean().default(true),
  keyId: z.string().min(1).max(200),
  /** File with the key's secret. Without it AWS_SECRET_ACCESS_KEY is used. */
  secretFile: z.string().max(1_000).refine(isAbsolute, 'it must be an absolute path').optional(),
  /** Longest wait for an answer, or for the next piece of a clip. */
  answerSMax: z.number().positive().max(3600).default(60),
});
export type S3Settings = z.infer<typeof S3Settings>;

/** Limit for a single PUT (AWS: 5 GiB); below it multipart uploads are not needed. */
export const S3_BYTES_MAX = 5 * 1024 ** 3;

export interface Upload {
  bytes: number;
  sha256: string;
  body: Uint8Array | ReadableStream<Uint8Array>;
}

const EMPTY_SHA256 = sha256Hex('');
const LIST_MAX = 1_000;
/** Size limit for a page of names; usually about 300 kB. */
const XML_LETTERS_MAX = 4 * 1024 * 1024;

interface Asked {
  method: 'GET' | 'PUT' | 'HEAD' | 'DELETE';
  key?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  upload?: Upload;
}

export class S3Bucket {
  /** Its name in messages and logs. */
  readonly name: string;
  private readonly clock: Clock;
  private readonly settings: S3Settings;
  private readonly base: URL;

  constructor(clock: Clock, settings: S3Settings) {
    const { endpoint, bucket, pathStyle } = settings;
    this.clock = clock;
    this.settings = settings;
    this.base = new URL(endpoint);
    const path = this.base.pathname.replace(/\/+$/, '');
    if (!pathStyle) this.base.hostname = `${bucket}.${this.base.hostname}`;
    this.base.pathname = pathStyle ? `${path}/${bucket}` : path;
    this.name = `${this.base.origin}${this.base.pathname}`;
  }

  /** Sends one object. Resolves when the server reports success, which is not trusted yet. */
  async put(key: string, upload: Upload): Promise<void> {
    await this.ask({ method: 'PUT', key, upload }, [200], async () => undefined);
  }

  /** Reads an object, or a span of it, piece by piece; null when there is none. `each` stops it by throwing. */
  async get(key: string, span: Span | null, each: (piece: Uint8Array) => void): Promise<true | null> {
    const headers = span ? { range: `bytes=${span.start}-${span.end - 1}` } : {};
    return this.ask({ method: 'GET', key, headers }, [span ? 206 : 200, 404], async (response, moved) => {
      if (response.status === 404) return null;
      for await (const piece of response.body ?? []) {
        moved();
        each(piece);
      }
      return true;
    });
  }

  async has(key: string): Promise<boolean> {
    return this.ask({ method: 'HEAD', key }, [200, 404], async ({ status }) => status === 200);
  }

  /** Requests the removal of an object; success is not trusted either. */
  async remove(key: string): Promise<void> {
    await this.ask({ method: 'DELETE', key }, [200, 204, 404], async () => undefined);
  }

  /** One page of names under the prefix, in order, starting after `after`. */
  async list(after: string, below = ''): Promise<string[]> {
    const prefix = this.settings.prefix + below;
    const query = { 'list-type': '2', 'max-keys': String(LIST_MAX), prefix, 'start-after': after };
    const xml = await this.xml(query);
    if (!/<ListBucketResult\b/.test(xml)) throw this.unfit('its answer is not a list of objects');
    return [...xml.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => plainText(key));
  }

  /** Whether the bucket keeps deleted objects as older versions. */
  async isVersioned(): Promise<boolean> {
    return /<Status>\s*Enabled\s*</.test(await this.xml({ versioning: '' }));
  }

  unreachable(detail: string, cause?: unknown) {
    return failure('evidence_store_unreachable', { store: this.name, detail }, cause);
  }

  unfit(detail: string, cause?: unknown) {
    return failure('evidence_store_unfit', { store: this.name, detail }, cause);
  }

  private xml(query: Record<string, string>): Promise<string> {
    return this.ask({ method: 'GET', query }, [200], async (response, moved) => {
      const decoder = new TextDecoder();
      let text = '';
      for await (const piece of response.body ?? []) {
        moved();
        text += decoder.decode(piece, { stream: true });
        if (text.length > XML_LETTERS_MAX) throw this.unfit('its answer is too large');
      }
      return text;
    });
  }

  /** One request; aborted at the stall timeout. Rejects with `evidence_store_...`, `file_unusable`. */
  private async ask<Result>(
    asked: Asked,
    good: readonly number[],
    read: (response: Response, moved: () => void) => Promise<Result>,
  ): Promise<Result> {
    const late = new AbortController();
    const limitMs = this.settings.answerSMax * 1000;
    const arm = () =>
      this.clock.after(limitMs, () => late.abort(this.unreachable(`no byte moved for ${limitMs / 1000} s`)));
    let timer = arm();
    const moved = () => {
      timer.cancel();
      timer = arm();
    };
    try {
      const response = await this.send(asked, late.signal, moved);
      moved();
      if (good.includes(response.status)) return await read(response, moved);
      // The body of the answer is not passed on: it may repeat parts of the request.
      await response.body?.cancel();
      const detail = `it answered ${asked.method} with status ${response.status}`;
      // 301 and 400 mean a wrong address or region, 403 a wrong key.
      throw [301, 307, 400, 401, 403, 405, 501].includes(response.status) || (response.status === 404 && !asked.key)
        ? this.unfit(detail)
        : this.unreachable(detail);
    } catch (thrown) {
      if (isFailure(thrown)) throw thrown;
      late.signal.throwIfAborted();
      throw this.unreachable(whyOf(thrown), thrown);
    } finally {
      timer.cancel();
    }
  }

  private async send(asked: Asked, signal: AbortSignal, moved: () => void): Promise<Response> {
    const { method, key, query = {}, headers = {}, upload } = asked;
    const url = new URL(this.base);
    if (key !== undefined) url.pathname += `/${key}`;
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const signer = new AwsV4Signer({
      method,
      url: url.href,
      service: 's3',
      region: this.settings.region,
      accessKeyId: this.settings.keyId,
      secretAccessKey: secretOf(this.settings),
      datetime: new Date(this.clock.wallUs() / 1000).toISOString().replaceAll(/[:-]|\.\d{3}/g, ''),
      headers: { ...headers, 'x-amz-content-sha256': upload?.sha256 ?? EMPTY_SHA256 },
    });
    const signed = await signer.sign();
    // The stored bytes, without compression.
    signed.headers.set('accept-encoding', 'identity');
    // With a length in the header the body is sent without chunk framing, byte for byte as it is to be stored.
    if (upload) signed.headers.set('content-length', String(upload.bytes));
    return fetch(signed.url, {
      method,
      headers: signed.headers,
      signal,
      redirect: 'manual',
      ...(upload ? { body: paced(upload.body, moved), duplex: 'half' } : {}),
    });
  }
}

const ENTITIES = new Map<string, string>([
  ...([
    ['lt', '<'],
    ['gt', '>'],
    ['quot', '"'],
    ['apos', "'"],
    ['amp', '&'],
  ] as const),
]);

/** XML character data as text. */
function plainText(xml: string): string {
  return xml.replaceAll(/&(#x?[0-9a-f]{1,6}|[a-z]{2,4});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES.get(name) ?? whole;
    const code = Number.parseInt(name.replace(/^#x?/i, ''), /^#x/i.test(name) ? 16 : 10);
    return code > 0x10ffff ? whole : String.fromCodePoint(code);
  });
}

/** The body, calling `moved` for every piece that is consumed. */
function paced(body: Upload['body'], moved: () => void): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> {
  if (body instanceof Uint8Array) return new Uint8Array(body);
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (piece, controller) => {
        moved();
        controller.enqueue(piece);
      },
    }),
  );
}

/** The secret is read each time, so that a new one needs no restart. Throws `secret_file_exposed`, `file_unusable`, `config_invalid`. */
function secretOf({ secretFile }: S3Settings, environment: NodeJS.ProcessEnv = process.env): string {
  if (secretFile === undefined) {
    const secret = environment['AWS_SECRET_ACCESS_KEY'];
    if (secret) return secret;
    throw failure('config_invalid', {
      file: 'the settings',
      detail: 's3 has no secretFile, and there is no AWS_SECRET_ACCESS_KEY',
    });
  }
  return operatorSecret(secretFile);
}

function whyOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
