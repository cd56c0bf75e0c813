// A client of a device's own server: opens an owner's session by a signature, over HTTP on this machine or over HTTPS with the
// certificate pinned by its fingerprint.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import type { SigningKey } from '@doorsill/base/keys';
import { TLS_VERSION_MIN } from '@doorsill/base/tls';
import { concatBytes, fromUtf8, toBase64url } from '@doorsill/contract/bytes';
import {
  challengeSchema,
  orderAnswerSchema,
  ownerListSchema,
  Preview,
  PreviewAsk,
  type ShownOwner,
  serverFactsSchema,
  sessionAnswerSchema,
  sessionProofInput,
} from '@doorsill/contract/console-messages';
import { failure } from '@doorsill/contract/errors';
import { DeviceState, type Receipt } from '@doorsill/contract/home-messages';
import { TrialAsk, TrialLine } from '@doorsill/contract/motion-messages';
import type { CommandAction } from '@doorsill/contract/owner-orders';
import { SettingsAnswer } from '@doorsill/contract/owner-settings';
import { parseJson } from '@doorsill/contract/parse-json';
import { failureOf } from '@doorsill/contract/problem';
import { OwnersContentKey } from '@doorsill/contract/sealing';
import type { Window } from '@doorsill/contract/shared-claims';
import type { z } from 'zod';
import { ORDER_SIGNINGS_MAX } from './give-command.ts';
import type { ConsoleAddress } from './pairing-wire.ts';
import { readReceipt, refusalInReceipt } from './read-receipt.ts';
import { makeCommand, type Signer } from './sign-owner-messages.ts';

const ANSWER_BYTES_MAX = 1024 * 1024;
/** Timeout of a silent connection, long enough for cutting a long clip. */
const SILENCE_MS_MAX = 120_000;

interface Answer {
  status: number;
  cookie: string | undefined;
  /** The span that an answer with footage covers. */
  window: Window;
  body: AsyncIterable<Uint8Array>;
}

/** An owner's session with the device's own server. */
export class OwnServerClient {
  private readonly address: Pick<ConsoleAddress, 'url' | 'fingerprint'>;
  private headers: Record<string, string> = {};

  private constructor(address: Pick<ConsoleAddress, 'url' | 'fingerprint'>) {
    this.address = address;
  }

  /** Opens a session for a paired key. Throws `unreachable`, `enrolment_key_mismatch` for another device, `console_session_refused`. */
  static async open(
    address: Pick<ConsoleAddress, 'url' | 'fingerprint'>,
    device: string,
    key: SigningKey,
  ): Promise<OwnServerClient> {
    const client = new OwnServerClient(address);
    const facts = await client.json('GET', '/api/v1/server', serverFactsSchema);
    if (facts.device !== device) throw client.unreachable('it belongs to another device');
    const { challenge } = await client.json('POST', '/api/v1/challenges', challengeSchema);
    const { origin } = new URL(address.url);
    const proof = toBase64url(key.sign(sessionProofInput(device, origin, challenge, key.publicKey)));
    const opened = await client.call('POST', '/api/v1/sessions', { key: key.publicKey, challenge, proof });
    const { session } = await client.read(opened, sessionAnswerSchema);
    client.headers = { cookie: opened.cookie?.split(';')[0] ?? '', 'x-doorsill-session': session };
    return client;
  }

  /** Asks for a clip, cut as it would leave. Throws the device's refusal. */
  preview(terms: z.input<typeof PreviewAsk>): Promise<Preview> {
    return this.json('POST', '/api/v1/previews', Preview, PreviewAsk.parse(terms));
  }

  /** Streams the bytes of a previewed clip. Throws the device's refusal. */
  async clip(preview: string): Promise<AsyncIterable<Uint8Array>> {
    const answer = await this.call('GET', `/api/v1/previews/${preview}/clip.mp4`);
    if (answer.status !== 200) throw await this.refusal(answer);
    return answer.body;
  }

  /** The content key of a clip that the signer granted (`makeContentKeyCall`). Throws the device's refusal. */
  contentKey(grant: string, call: string): Promise<OwnersContentKey> {
    return this.json('POST', `/api/v1/departures/${grant}/content-key`, OwnersContentKey, { call });
  }

  /** The recorded picture of a moment, as JPEG. Throws the device's refusal. */
  async still({ atUs, width, isExact }: { atUs: number; width: number; isExact: boolean }): Promise<Uint8Array> {
    const precision = isExact ? 'exact' : 'key';
    const answer = await this.call('GET', `/api/v1/snapshot.jpg?atUs=${atUs}&width=${width}&precision=${precision}`);
    if (answer.status !== 200) throw await this.refusal(answer);
    return allOf(answer.body);
  }

  /** Streams the recorded footage of a span as fragmented MP4 of whole GOPs. Throws the device's refusal. */
  async footage(window: Window): Promise<AsyncIterable<Uint8Array>> {
    return (await this.footageFile(window)).bytes;
  }

  /**
   * As `footage`, with the span it covers: it begins with the GOP that the asked span begins in, and ends early where the camera's
   * format changes. Throws the device's refusal.
   */
  async footageFile({ startUs, endUs }: Window): Promise<{ window: Window; bytes: AsyncIterable<Uint8Array> }> {
    const answer = await this.call('GET', `/api/v1/footage.mp4?fromUs=${startUs}&toUs=${endUs}`);
    if (answer.status !== 200) throw await this.refusal(answer);
    return { window: answer.window, bytes: answer.body };
  }

  state(): Promise<DeviceState> {
    return this.json('GET', '/api/v1/state', DeviceState);
  }

  /** The owners in the order of their pairing. */
  async owners(): Promise<ShownOwner[]> {
    return (await this.json('GET', '/api/v1/owners', ownerListSchema)).owners;
  }

  /** The settings in force among those that owners may change. */
  settings(): Promise<SettingsAnswer> {
    return this.json('GET', '/api/v1/settings', SettingsAnswer);
  }

  /**
   * Gives an order that no broker may read; signs it again when another order was accepted first. Throws the refusal in the device's
   * receipt, `token_*` for a receipt of another signer.
   */
  async order(signer: Signer, device: { id: string; key: string }, action: CommandAction): Promise<Receipt> {
    let after = (await this.json('GET', '/api/v1/state', DeviceState)).lastOrder;
    for (let signings = 1; ; signings += 1) {
      const { token } = makeCommand(signer, device.id, action, after);
      const answer = await this.json('POST', '/api/v1/orders', orderAnswerSchema, { kind: 'command', token });
      const receipt = readReceipt(answer.receipt, device);
      if (receipt.outcome === 'command-done') return receipt;
      if (receipt.code !== 'consent_order_stale' || signings >= ORDER_SIGNINGS_MAX) throw refusalInReceipt(receipt);
      after = receipt.lastOrder;
    }
  }

  /** Streams the motion that other settings would have found in recorded footage. Throws the device's refusal. */
  async *motionTrial(asked: z.input<typeof TrialAsk>): AsyncGenerator<TrialLine> {
    const answer = await this.call('POST', '/api/v1/motion/trials', TrialAsk.parse(asked));
    if (answer.status !== 200) throw await this.refusal(answer);
    let rest = '';
    const decoder = new TextDecoder();
    for await (const part of answer.body) {
      const lines = (rest + decoder.decode(part, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const read = TrialLine.safeParse(parseJson(line));
        if (!read.success) throw this.unreachable('its answer was not understood');
        yield read.data;
      }
    }
  }

  /** Ends the session and its streams. */
  async close(): Promise<void> {
    const answer = await this.call('DELETE', '/api/v1/sessions/current');
    await allOf(answer.body);
  }

  private async json<Schema extends z.ZodType>(
    method: string,
    path: string,
    schema: Schema,
    body?: object,
  ): Promise<z.output<Schema>> {
    return this.read(await this.call(method, path, body), schema);
  }

  private async read<Schema extends z.ZodType>(answer: Answer, schema: Schema): Promise<z.output<Schema>> {
    if (answer.status !== 200) throw await this.refusal(answer);
    const parsed = schema.safeParse(parseJson(fromUtf8(await allOf(answer.body)) ?? ''));
    if (!parsed.success) throw this.unreachable('its answer was not understood');
    return parsed.data;
  }

  private async refusal(answer: Answer): Promise<Error> {
    const told = failureOf(parseJson(fromUtf8(await allOf(answer.body)) ?? ''));
    return told ?? this.unreachable(`it answered with status ${answer.status}`);
  }

  private async call(method: string, path: string, body?: object): Promise<Answer> {
    const url = new URL(path, this.address.url);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { ...this.headers, ...(text === undefined ? {} : { 'content-type': 'application/json' }) };
    const options: RequestOptions = { method, headers, timeout: SILENCE_MS_MAX };
    const socket = url.protocol === 'https:' ? await this.pinned(url) : null;
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = socket
        ? httpsRequest(url, { ...options, agent: false, createConnection: () => socket })
        : httpRequest(url, { ...options, agent: false });
      sent.once('response', resolve);
      sent.once('timeout', () => sent.destroy(new Error('it was silent for too long')));
      sent.once('error', (thrown) => reject(this.unreachable(thrown.message)));
      sent.end(text);
    });
    const told = (name: string) => Number(answer.headers[name] ?? Number.NaN);
    const window = { startUs: told('x-doorsill-start-us'), endUs: told('x-doorsill-end-us') };
    return { status: answer.statusCode ?? 0, cookie: answer.headers['set-cookie']?.[0], window, body: answer };
  }

  /** A connection on which nothing is sent before its certificate was found to be the pinned one. */
  private pinned(url: URL): Promise<TLSSocket> {
    const { fingerprint } = this.address;
    return new Promise((resolve, reject) => {
      const host = url.hostname.replace(/^\[|\]$/g, '');
      // The certificate is self-signed: its fingerprint is checked instead, which came over the device's own socket.
      const socket = connect({ host, port: Number(url.port), minVersion: TLS_VERSION_MIN, rejectUnauthorized: false });
      socket.once('error', (thrown) => reject(this.unreachable(thrown.message)));
      socket.once('secureConnect', () => {
        const shown = socket.getPeerCertificate().fingerprint256.replaceAll(':', '').toLowerCase();
        if (fingerprint !== null && shown === fingerprint) return resolve(socket);
        socket.destroy();
        reject(this.unreachable('its certificate is not the one of the device'));
      });
    });
  }

  private unreachable(detail: string): Error {
    return failure('unreachable', { what: 'the doorbell’s own server', where: this.address.url, detail });
  }
}

async function allOf(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > ANSWER_BYTES_MAX)
      throw failure('unreachable', {
        what: 'the doorbell’s own server',
        where: 'it',
        detail: 'its answer is too long',
      });
    parts.push(part);
  }
  return concatBytes(parts);
}
