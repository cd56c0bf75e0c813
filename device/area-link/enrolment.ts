// Enrolling with a bridge by a one-time code, and the file that stores the enrolment.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { isPublicKey, type SigningKey, sha256Hex, verifySignature } from '@doorsill/base/keys';
import { tlsFilesRead } from '@doorsill/base/link-failure';
import type { Network } from '@doorsill/base/network';
import { freshId, type Random } from '@doorsill/base/random';
import type { TlsSource } from '@doorsill/base/tls';
import { utf8 } from '@doorsill/contract/bytes';
import { EnrolmentStatement, parseEnrolmentCode } from '@doorsill/contract/enrolment';
import { failure, isFailure } from '@doorsill/contract/errors';
import { actorId, idSchema, publicKeySchema, sha256Schema } from '@doorsill/contract/ids';
import { openToken, parseToken, signToken } from '@doorsill/contract/jws';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';
import { BridgeHttp } from '../upload/bridge-http.ts';
import { refusalOf } from '../upload/intake-requests.ts';

const Enrolment = z.strictObject({
  bridgeUrl: z.url(),
  bridge: idSchema,
  bridgeKey: publicKeySchema,
  registryKey: publicKeySchema,
  area: EnrolmentStatement.shape.area,
  /** Hash of the code used; absent in files from before it was stored. */
  codeSha256: sha256Schema.optional(),
});
/** A device's bridge: the pinned keys, the addresses and the area account. */
export type Enrolment = z.infer<typeof Enrolment>;

const PROOF_LIFE_S = 300;
const FILE_BYTES_MAX = 20_000;

const answerSchema = z.strictObject({ statement: z.string().max(8_192) });

interface EnrolmentDeps {
  clock: Clock;
  random: Random;
  key: SigningKey;
  id: string;
  /** For a bridge at an https address with a certificate from no public authority. */
  tls?: TlsSource | undefined;
  /** Absent: the machine's network. */
  network?: Network | undefined;
}

/**
 * Uses a one-time code: proves the device's key, and accepts the answer only if bridge and registry have the
 * thumbprints in the code. The home's location is not sent. Throws `usage`, `enrolment_clock_unset`, `enrolment_code_invalid`,
 * `enrolment_key_mismatch`, `unreachable`, `tls_file_unusable`.
 */
export async function enrol(deps: EnrolmentDeps, codeText: string, signal?: AbortSignal): Promise<Enrolment> {
  const code = parseEnrolmentCode(codeText);
  if (!code) throw failure('usage', { detail: 'that is not an enrolment code' });
  // The bridge would refuse a proof dated 1970, and its refusal would blame the code.
  if (!deps.clock.synchronised()) throw failure('enrolment_clock_unset');
  const bridge = actorId('bridge', code.bridge);
  const iat = wallSeconds(deps.clock);
  const claims = {
    iss: deps.key.publicKey,
    aud: bridge,
    iat,
    exp: iat + PROOF_LIFE_S,
    jti: freshId(deps.random, 'proof'),
    device: deps.id,
    secretSha256: sha256Hex(code.secret),
  };
  const proof = signToken('doorsill-enrolment+jws', claims, deps.key);
  const url = code.url.replace(/\/+$/, '');
  const answer = answerSchema.safeParse(await post(deps, url, { secret: code.secret, proof }, signal));
  // The statement's key is accepted only if it has the code's thumbprint: the statement may name its key, not choose it.
  const key = answer.success
    ? EnrolmentStatement.safeParse(parseToken(answer.data.statement)?.claims).data?.iss
    : undefined;
  if (!answer.success || key === undefined || sha256Hex(key) !== code.bridge || !isPublicKey(key)) {
    throw failure('enrolment_key_mismatch');
  }
  const opened = openToken(answer.data.statement, {
    typ: 'doorsill-enrolment+jws',
    schema: EnrolmentStatement,
    audience: deps.id,
    keys: [key],
    verify: verifySignature,
  });
  if (!opened.ok || opened.claims.bridge !== bridge || opened.claims.device !== deps.id) {
    throw failure('enrolment_key_mismatch');
  }
  const { registry, area } = opened.claims;
  if (sha256Hex(registry) !== code.registry || !isPublicKey(registry)) throw failure('enrolment_key_mismatch');
  return { bridgeUrl: url, bridge, bridgeKey: key, registryKey: registry, area, codeSha256: sha256Hex(codeText) };
}

/** Sends one POST to the bridge; returns the parsed answer. Throws `unreachable`, or the failure that the bridge names. */
async function post(deps: EnrolmentDeps, url: string, body: object, signal: AbortSignal | undefined): Promise<unknown> {
  const http = new BridgeHttp({
    baseUrl: url,
    mayLeave: () => signal?.throwIfAborted(),
    signal: signal ?? new AbortController().signal,
    tls: await tlsFilesRead(deps.tls?.() ?? Promise.resolve(undefined)),
    network: deps.network,
    clock: deps.clock,
  });
  try {
    const request = http.createRequest('POST', `${url}/v1/enrolments`);
    request.setHeader('Content-Type', 'application/json');
    const answer = await request.send(utf8(JSON.stringify(body)));
    if (answer.getStatus() !== 201) throw refusalOf(answer);
    return parseJson(answer.getBody());
  } catch (thrown) {
    signal?.throwIfAborted();
    if (!isFailure(thrown) || thrown.code !== 'upload_unreachable') throw thrown;
    const detail = String(thrown.facts['detail'] ?? '');
    throw failure('unreachable', { what: 'the bridge', where: new URL(url).origin, detail }, thrown);
  } finally {
    http.close();
  }
}

/**
 * The stored enrolment or, with a code other than the stored one's, a new enrolment, which is then stored. So a service can be
 * restarted with the same code. Throws as `enrol`, `state_damaged`.
 */
export async function ensureEnrolled(
  deps: EnrolmentDeps & { disk: Disk },
  path: string,
  code: string | undefined,
): Promise<Enrolment | null> {
  if (code === undefined) return readEnrolment(deps.disk, path);
  const kept = await readEnrolment(deps.disk, path).catch((thrown: unknown) => {
    // A fresh code replaces a damaged file.
    if (isFailure(thrown) && thrown.code === 'state_damaged') return null;
    throw thrown;
  });
  if (kept?.codeSha256 === sha256Hex(code)) return kept;
  const enrolment = await enrol(deps, code);
  await storeEnrolment(deps.disk, path, enrolment);
  return enrolment;
}

/** The stored enrolment; null before the first. Throws `state_damaged`. */
export async function readEnrolment(disk: Disk, path: string): Promise<Enrolment | null> {
  const bytes = await disk.readSecret(path, FILE_BYTES_MAX);
  if (!bytes) return null;
  try {
    return Enrolment.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (thrown) {
    throw failure('state_damaged', { file: path, detail: 'it is not an enrolment' }, thrown);
  }
}

/** Stores an enrolment, durably. It contains the area account's password, so only the device's user may read the file. */
async function storeEnrolment(disk: Disk, path: string, enrolment: Enrolment): Promise<void> {
  await disk.replaceFile(path, new TextEncoder().encode(`${JSON.stringify(enrolment, null, 2)}\n`));
}
