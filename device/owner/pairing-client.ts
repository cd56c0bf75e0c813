// The owner's end of pairing over the device's socket: proves the key, checks the device's answer.
import { createConnection, type Socket } from 'node:net';
import type { Clock } from '@doorsill/base/clock';
import { type SigningKey, sha256Hex, verifySignature } from '@doorsill/base/keys';
import type { Network } from '@doorsill/base/network';
import { fromBase64url, toBase64url } from '@doorsill/contract/bytes';
import { pairingProofInput } from '@doorsill/contract/console-messages';
import { failure, isFailure } from '@doorsill/contract/errors';
import { actorId } from '@doorsill/contract/ids';
import { openToken } from '@doorsill/contract/jws';
import { Pairing } from '@doorsill/contract/owner-orders';
import type { SentClipCustody, SentClipPage } from '@doorsill/contract/sent-clips';
import { PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import type { z } from 'zod';
import { readLines, writeLine } from './line-socket.ts';
import type { PairedDevice } from './paired-devices.ts';
import {
  ANSWER_BYTES_MAX,
  CONVERSATION_MS_MAX,
  type ConsoleAddress,
  confirmAnswerSchema,
  consoleAnswerSchema,
  custodyAnswerSchema,
  type Health,
  HelloAnswer,
  healthAnswerSchema,
  ListAnswer,
  leftAnswerSchema,
  PairAnswer,
  type PairingAsk,
  refusalSchema,
  StillAnswer,
  ViewersAnswer,
} from './pairing-wire.ts';

export type { ConsoleAddress, Health } from './pairing-wire.ts';

/**
 * Pairs a key with the device that listens at `socketPath`, under a name of 1 to 60 letters. Pairing a paired key again issues a
 * new account, unless `own` is an account that the owner already has at the broker. Throws `pairing_account_needed`, `unreachable`,
 * `timed_out`, `pairing_refused`, `pairing_locked`, `owner_too_many`, `consent_ledger_damaged`, `consent_storage_failed`.
 */
export async function pairWithDevice(
  deps: { clock: Clock; network?: Network },
  socketPath: string,
  key: SigningKey,
  name: string,
  own?: { user: string; password: string },
): Promise<PairedDevice> {
  return converse(deps, socketPath, async (ask) => {
    const hello = await ask({ verb: 'hello' }, HelloAnswer);
    const { device, deviceKey, trust, nonce } = hello;
    if (!own && !hello.issuesAccounts) throw failure('pairing_account_needed', { device });
    if (device !== actorId('device', sha256Hex(deviceKey))) {
      throw failure('pairing_refused', { detail: 'the device names a key that is not its own' });
    }
    const proof = toBase64url(key.sign(pairingProofInput(device, nonce, key.publicKey, name)));
    const answer = await ask({ verb: 'pair', key: key.publicKey, name, proof }, PairAnswer);
    const statement = openToken(answer.pairing, {
      typ: 'doorsill-pairing+jws',
      schema: Pairing,
      audience: PUBLIC_AUDIENCE,
      keys: [deviceKey],
      verify: verifySignature,
    });
    if (!statement.ok || statement.claims.key !== key.publicKey || statement.claims.device !== device) {
      throw failure('pairing_refused', { detail: 'the statement is not the device’s for this key' });
    }
    const { url, prefix, ca, ...issued } = answer.account;
    const { user, password } = { ...issued, ...own };
    if (user === undefined || password === undefined) throw failure('pairing_account_needed', { device });
    const account = { url, prefix, ...(ca === undefined ? {} : { ca }), user, password };
    return { device, deviceKey, name: hello.name, trust, account, pairing: answer.pairing };
  });
}

/** The owners paired with the device. Throws `unreachable`, `timed_out`, `pairing_refused`. */
export async function listOwners(deps: { clock: Clock }, socketPath: string): Promise<{ key: string; name: string }[]> {
  return converse(deps, socketPath, async (ask) => (await ask({ verb: 'list' }, ListAnswer)).owners);
}

/** Maximum wait for a server that is starting, and the interval of asking. */
const STARTING_MS_MAX = 30_000;
const STARTING_POLL_MS = 250;

/**
 * The address of the device's own server; null when it has none. Waits while it starts. Throws `console_starting` when that takes
 * too long, `console_unusable`, `unreachable`, `timed_out`, `pairing_refused`.
 */
export async function askConsole(deps: { clock: Clock }, socketPath: string): Promise<ConsoleAddress | null> {
  const { clock } = deps;
  const ask = () =>
    converse(deps, socketPath, async (say) => (await say({ verb: 'console' }, consoleAnswerSchema)).console);
  const endMs = clock.monotonicMs() + STARTING_MS_MAX;
  for (;;) {
    try {
      return await ask();
    } catch (thrown) {
      const isStarting = isFailure(thrown) && thrown.code === 'console_starting';
      if (!isStarting || clock.monotonicMs() > endMs) throw thrown;
      await clock.sleep(STARTING_POLL_MS);
    }
  }
}

/**
 * Confirms a browser that waits for pairing, by the six digits it shows; returns the new owner's name. Throws `unreachable`,
 * `timed_out`, `pairing_code_unknown`, `console_off`, `owner_too_many`, `consent_storage_failed`.
 */
export async function confirmPairing(deps: { clock: Clock }, socketPath: string, code: string): Promise<string> {
  return converse(deps, socketPath, async (ask) => (await ask({ verb: 'confirm', code }, confirmAnswerSchema)).name);
}

/** The viewers, and the views of pictures, newest first. Throws `unreachable`, `timed_out`, `pairing_refused`. */
export async function askViewers(deps: { clock: Clock }, socketPath: string): Promise<Omit<ViewersAnswer, 'ok'>> {
  const { viewers, looks } = await converse(deps, socketPath, (ask) => ask({ verb: 'viewers' }, ViewersAnswer));
  return { viewers, looks };
}

/** Sent clips below number `before`, newest first. Throws `unreachable`, `timed_out`, `pairing_refused`, `consent_ledger_damaged`. */
export async function askSentClips(
  deps: { clock: Clock },
  socketPath: string,
  before: number | null,
): Promise<SentClipPage> {
  const question = { verb: 'left', ...(before === null ? {} : { before }) } as const;
  return converse(deps, socketPath, async (ask) => (await ask(question, leftAnswerSchema)).page);
}

/**
 * The bridge's log entries, unchecked, of the clip sent under a grant, and the bridge that they must come from. Throws `unreachable`,
 * `timed_out`, `pairing_refused`, `departure_unknown`, `device_not_enrolled`, `device_moved`, `custody_unreachable`, the bridge's refusal.
 */
export async function askCustody(
  deps: { clock: Clock },
  socketPath: string,
  grant: string,
): Promise<{ shown: SentClipCustody; device: string; bridgeKey: string }> {
  return converse(deps, socketPath, async (ask) => {
    const { device, trust } = await ask({ verb: 'hello' }, HelloAnswer);
    if (!trust) throw failure('device_not_enrolled');
    const { shown } = await ask({ verb: 'custody', grant }, custodyAnswerSchema);
    return { shown, device, bridgeKey: trust.bridgeKey };
  });
}

/** The device's health. Throws `unreachable`, `timed_out`, `pairing_refused`. */
export async function askHealth(deps: { clock: Clock }, socketPath: string): Promise<Health> {
  return converse(deps, socketPath, async (ask) => (await ask({ verb: 'health' }, healthAnswerSchema)).health);
}

/**
 * The still of a sighting, as a JPEG, to an owner's signed `call`. Throws `unreachable`, `timed_out`, `pairing_refused`, `token_...`,
 * `search_party_off`, `sighting_unknown`.
 */
export async function askStill(
  deps: { clock: Clock },
  socketPath: string,
  call: string,
): Promise<{ atUs: number; jpeg: Uint8Array }> {
  const answer = await converse(deps, socketPath, (ask) => ask({ verb: 'still', call }, StillAnswer));
  const jpeg = fromBase64url(answer.jpeg);
  if (!jpeg) throw failure('pairing_refused', { detail: 'the device’s answer was not understood' });
  return { atUs: answer.atUs, jpeg };
}

type Ask = <Schema extends z.ZodType>(ask: PairingAsk, schema: Schema) => Promise<z.infer<Schema>>;

/** Exchanges requests and answers one at a time, and always closes the socket. */
async function converse<Result>(
  { clock, network }: { clock: Clock; network?: Network },
  path: string,
  talk: (ask: Ask) => Promise<Result>,
): Promise<Result> {
  const socket = network?.connect({ path }) ?? createConnection(path);
  let waiting: { resolve: (value: unknown) => void; reject: (thrown: unknown) => void } | null = null;
  let broken: unknown = null;
  const breakOff = (thrown: unknown) => {
    broken ??= thrown;
    waiting?.reject(broken);
    socket.destroy();
  };
  const timer = clock.after(CONVERSATION_MS_MAX, () =>
    breakOff(failure('timed_out', { what: 'pairing', seconds: CONVERSATION_MS_MAX / 1_000 })),
  );
  socket.on('error', (thrown) => breakOff(unreachable(path, thrown.message)));
  socket.on('close', () => breakOff(unreachable(path, 'it closed the connection')));
  const refuse = () => breakOff(failure('pairing_refused', { detail: 'the device’s answer was not understood' }));
  readLines(socket, ANSWER_BYTES_MAX, (value) => waiting?.resolve(value), refuse);
  const exchange = (sent: PairingAsk) =>
    new Promise<unknown>((resolve, reject) => {
      waiting = { resolve, reject };
      if (broken !== null) reject(broken);
      else writeLine(socket, sent);
    });
  const ask: Ask = async (sent, schema) => readAnswer(await exchange(sent), schema);
  try {
    await connected(socket, () => broken);
    return await talk(ask);
  } finally {
    timer.cancel();
    socket.destroy();
  }
}

function connected(socket: Socket, broken: () => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('close', () => reject(broken()));
  });
}

function readAnswer<Schema extends z.ZodType>(value: unknown, schema: Schema): z.infer<Schema> {
  const refusal = refusalSchema.safeParse(value);
  if (refusal.success) throw failure(refusal.data.code, { detail: refusal.data.detail });
  const answer = schema.safeParse(value);
  if (!answer.success) throw failure('pairing_refused', { detail: 'the device’s answer was not understood' });
  return answer.data;
}

function unreachable(where: string, detail: string) {
  return failure('unreachable', { what: 'the device’s pairing socket', where, detail });
}
