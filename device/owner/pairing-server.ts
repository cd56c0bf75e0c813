// The device's end of pairing: a socket that only the user who runs the device can open, and the lock after failed attempts.
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { verifySignature } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { Network } from '@doorsill/base/network';
import type { Random } from '@doorsill/base/random';
import { fromBase64url, toBase64url } from '@doorsill/contract/bytes';
import { pairingProofInput } from '@doorsill/contract/console-messages';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import type { SentClipCustody, SentClipPage } from '@doorsill/contract/sent-clips';
import { readLines, writeLine } from './line-socket.ts';
import type { PairedDevice } from './paired-devices.ts';
import {
  CONVERSATION_MS_MAX,
  type ConsoleAddress,
  type Health,
  type HelloAnswer,
  LINE_BYTES_MAX,
  type ListAnswer,
  type PairAnswer,
  PairingAsk,
  type StillAnswer,
  type ViewersAnswer,
} from './pairing-wire.ts';
import { closePrivateSocket, listenPrivately } from './private-socket.ts';

export interface PairingServerDeps {
  disk: Disk;
  clock: Clock;
  random: Random;
  log: Log;
  /** Absent: the machine's network. */
  network?: Network | undefined;
  path: string;
  /** The device's facts for a new owner; called at each hello. */
  about(): Pick<PairedDevice, 'device' | 'deviceKey' | 'name' | 'trust'>;
  owners(): { key: string; name: string }[];
  /** `ConsentGate.pair`: the statement for a key whose possession was proven. */
  pair(key: string, name: string): Promise<string>;
  health(): Health;
  /** The still that a signed call asks for. Throws the refusal. */
  still(call: string): StillAnswer;
  /** The address of the device's own server; null when it has none. Throws `console_starting`, `console_unusable`. */
  console(): ConsoleAddress | null;
  /** The viewers, and the views of pictures, newest first. */
  viewers(): Pick<ViewersAnswer, 'viewers' | 'looks'>;
  /** Sent clips, newest first, and the bridge's log entries of one. Throw the refusals. */
  sentClips(before: number | null): SentClipPage;
  custody(grant: string): Promise<SentClipCustody>;
  /** Confirms a browser that waits for pairing; returns the new owner's name. Throws `pairing_code_unknown`, `console_off`. */
  confirm(code: string): Promise<string>;
  /** Whether this device issues its owners' accounts. */
  issuesAccounts: boolean;
  /** The address of the home broker for an owner, with an account and a fresh password where this device issues them. */
  issueAccount(ownerKey: string): Promise<PairAnswer['account']>;
}

/** After this many failures pairing is locked until the button is pressed or the device restarts: both need physical access. */
export const PAIRING_FAILURES_MAX = 10;
const CONNECTIONS_MAX = 8;
const ASKS_PER_CONNECTION_MAX = 16;
const NONCE_BYTES = 16;

export class PairingServer {
  private readonly deps: PairingServerDeps;
  private readonly sockets = new Set<Socket>();
  private server: Server | null = null;
  private failures = 0;

  constructor(deps: PairingServerDeps) {
    this.deps = deps;
  }

  /** Listens. A socket left by a crash is replaced: the data folder's lock shows that its process is gone. */
  async start(): Promise<void> {
    const server = createServer((socket) => this.converse(socket));
    server.maxConnections = CONNECTIONS_MAX;
    await listenPrivately(this.deps.disk, server, this.deps.path, this.deps.network);
    this.server = server;
  }

  async stop(): Promise<void> {
    const server = this.server;
    this.server = null;
    if (server) await closePrivateSocket(this.deps.disk, server, this.deps.path, this.sockets);
  }

  get locked(): boolean {
    return this.failures >= PAIRING_FAILURES_MAX;
  }

  /** Ends the lock after failed attempts: the button was pressed. */
  unlock(): void {
    this.failures = 0;
  }

  private converse(socket: Socket): void {
    const { clock, log } = this.deps;
    this.sockets.add(socket);
    const timer = clock.after(CONVERSATION_MS_MAX, () => socket.destroy());
    socket.on('error', (thrown) => log.debug('a connection to the pairing socket broke', { error: thrown.message }));
    socket.on('close', () => {
      timer.cancel();
      this.sockets.delete(socket);
    });
    let nonce: string | null = null;
    let asks = 0;
    let turn: Promise<void> = Promise.resolve();
    const fail = (why: Failure) =>
      writeLine(socket, { ok: false, code: why.code, detail: String(why.facts['detail'] ?? '') });
    const answer = async (value: unknown): Promise<void> => {
      const ask = PairingAsk.safeParse(value);
      if (!ask.success) {
        this.failures += 1;
        fail(failure('pairing_refused', { detail: 'the message was not understood' }));
        socket.end();
        return;
      }
      if (ask.data.verb === 'list') return writeLine(socket, this.list());
      if (ask.data.verb === 'health') return writeLine(socket, { ok: true, health: this.deps.health() });
      if (ask.data.verb === 'console') return writeLine(socket, { ok: true, console: this.deps.console() });
      if (ask.data.verb === 'viewers') return writeLine(socket, { ok: true, ...this.deps.viewers() });
      if (ask.data.verb === 'left')
        return writeLine(socket, { ok: true, page: this.deps.sentClips(ask.data.before ?? null) });
      if (ask.data.verb === 'custody')
        return writeLine(socket, { ok: true, shown: await this.deps.custody(ask.data.grant) });
      if (ask.data.verb === 'confirm')
        return writeLine(socket, { ok: true, name: await this.deps.confirm(ask.data.code) });
      if (ask.data.verb === 'still') return writeLine(socket, this.deps.still(ask.data.call));
      if (ask.data.verb === 'hello') {
        nonce = toBase64url(this.deps.random.bytes(NONCE_BYTES));
        return writeLine(socket, this.hello(nonce));
      }
      const used = nonce;
      nonce = null;
      writeLine(socket, await this.pair(ask.data, used));
    };
    const next = (value: unknown) => {
      asks += 1;
      if (asks > ASKS_PER_CONNECTION_MAX) {
        socket.destroy();
        return;
      }
      turn = turn
        .then(() => answer(value))
        .catch((thrown: unknown) => {
          log.warn('a request on the pairing socket was refused or failed', { error: String(thrown) });
          fail(
            isFailure(thrown) ? thrown : failure('internal', { detail: 'the request on the pairing socket failed' }),
          );
        });
    };
    readLines(socket, LINE_BYTES_MAX, next, () => socket.destroy());
  }

  private hello(nonce: string): HelloAnswer {
    const { issuesAccounts } = this.deps;
    return { ok: true, ...this.deps.about(), issuesAccounts, nonce };
  }

  private list(): ListAnswer {
    return { ok: true, owners: this.deps.owners().map(({ key, name }) => ({ key, name })) };
  }

  private async pair(ask: Extract<PairingAsk, { verb: 'pair' }>, nonce: string | null): Promise<PairAnswer> {
    if (this.locked) throw failure('pairing_locked');
    const signature = fromBase64url(ask.proof);
    const input = nonce === null ? null : pairingProofInput(this.deps.about().device, nonce, ask.key, ask.name);
    if (!signature || !input || !verifySignature(ask.key, input, signature)) {
      this.failures += 1;
      throw failure('pairing_refused', { detail: 'the key was not proven' });
    }
    const pairing = await this.deps.pair(ask.key, ask.name);
    const account = await this.deps.issueAccount(ask.key);
    this.failures = 0;
    return { ok: true, pairing, account };
  }
}
