// Orders to a process of the same user, over a socket that nobody else can open: one order and one answer for each connection, each a line
// of JSON.
import { stat } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '@doorsill/base/clock';
import { type Disk, systemCode } from '@doorsill/base/disk';
import { readLines, writeLine } from '@doorsill/device/owner/line-socket';
import { closePrivateSocket, listenPrivately } from '@doorsill/device/owner/private-socket';
import { z } from 'zod';
import { failure, isErrorCode, isFailure } from '../errors.ts';

/** The kernel truncates a longer path (108 bytes on Linux, 104 elsewhere). */
const PATH_BYTES_MAX = 100;
const CONNECTIONS_MAX = 8;
/** Longest wait for the order of a connection. */
const ORDER_MS_MAX = 10_000;
/** Longest order or answer: all faults that a machine can have fit into it. */
const LINE_BYTES_MAX = 64 * 1024;

const refusalSchema = z.strictObject({
  ok: z.literal(false),
  code: z.string().refine(isErrorCode),
  facts: z.record(z.string(), z.union([z.string(), z.number()])),
});

/** The refusal to send for a thrown value; an unexpected one becomes `internal`. */
export function refusalOf(thrown: unknown): z.input<typeof refusalSchema> {
  const { code, facts } = isFailure(thrown) ? thrown : failure('internal', { detail: String(thrown) });
  return { ok: false, code, facts: { ...facts } };
}

export interface OrderServerDeps<Order> {
  readonly clock: Clock;
  readonly disk: Disk;
  /** An absolute path. */
  readonly path: string;
  readonly orders: z.ZodType<Order>;
  /** The obeying party in refusals, as in "the running testbed does not know this order". */
  readonly who: string;
  /** Makes the server listen at the path. */
  listen(server: Server): Promise<void>;
  /** Carries out an order, one at a time; returns the result. Throws its refusal. */
  obey(order: Order): object | Promise<object>;
}

/** The obeying end. */
export class OrderServer<Order> {
  private readonly deps: OrderServerDeps<Order>;
  private readonly sockets = new Set<Socket>();
  private server: Server | null = null;
  private turn: Promise<void> = Promise.resolve();

  constructor(deps: OrderServerDeps<Order>) {
    this.deps = deps;
  }

  /** Throws the errors of `listen`. */
  async start(): Promise<void> {
    const server = createServer((socket) => this.serve(socket));
    server.maxConnections = CONNECTIONS_MAX;
    await this.deps.listen(server);
    this.server = server;
  }

  /** Ends every connection; an order that is being carried out goes on. */
  async stop(): Promise<void> {
    const { server } = this;
    this.server = null;
    if (server) await closePrivateSocket(this.deps.disk, server, this.deps.path, this.sockets);
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    const late = this.deps.clock.after(ORDER_MS_MAX, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      late.cancel();
      this.sockets.delete(socket);
    });
    let isGiven = false;
    const given = (value: unknown) => {
      if (isGiven) return void socket.destroy();
      isGiven = true;
      late.cancel();
      this.turn = this.turn.then(() => this.carryOut(value, socket));
    };
    readLines(socket, LINE_BYTES_MAX, given, () => socket.destroy());
  }

  /** Answers synchronously if `obey` does: an order may be to cut this process's power. */
  private carryOut(value: unknown, socket: Socket): void | Promise<void> {
    if (this.server === null) return;
    const { orders, who, obey } = this.deps;
    const answer = (words: object) => {
      writeLine(socket, words);
      socket.end();
    };
    const done = (result: object) => answer({ ok: true, result });
    const refuse = (thrown: unknown) => answer(refusalOf(thrown));
    try {
      const order = orders.safeParse(value);
      if (!order.success) throw failure('usage', { detail: `${who} does not know this order` });
      const result = obey(order.data);
      if (result instanceof Promise) return result.then(done, refuse);
      done(result);
    } catch (thrown) {
      refuse(thrown);
    }
  }
}

export interface OrderFailures {
  /** The failure when there is no proper answer. */
  silent(detail: string): Error;
  /** The failure when the answer takes too long; default: `silent`. */
  late?(): Error;
}

/** Gives an order to the process at a path; returns the result. Throws its refusal, or one of these failures. */
export async function giveOrder<Result>(
  path: string,
  order: object,
  { clock, answerMsMax, results }: { clock: Clock; answerMsMax: number; results: z.ZodType<Result> },
  { silent, late = () => silent(`no answer within ${answerMsMax / 1_000} s`) }: OrderFailures,
): Promise<Result> {
  const socket = connect(path);
  try {
    const value = await new Promise<unknown>((resolve, reject) => {
      const timer = clock.after(answerMsMax, () => reject(late()));
      socket.once('connect', () => writeLine(socket, order));
      socket.once('error', (thrown) => reject(silent(systemCode(thrown) ?? thrown.message)));
      socket.once('close', () => {
        timer.cancel();
        reject(silent('it ended the connection'));
      });
      readLines(socket, LINE_BYTES_MAX, resolve, () => reject(silent('its answer is too long')));
    });
    const answer = z.union([z.strictObject({ ok: z.literal(true), result: results }), refusalSchema]).safeParse(value);
    if (!answer.success) throw silent('its answer was not understood');
    if (answer.data.ok) return answer.data.result;
    throw failure(answer.data.code, answer.data.facts);
  } finally {
    socket.destroy();
  }
}

/** The failure for a socket that cannot be made, and the detail if another process already listens there. */
export interface PathFailures {
  unusable(detail: string): Error;
  taken: string;
}

/** Makes a server listen, only for its user, at a path that a person named. Replaces a socket that a crash left, but no other file. */
export async function listenAtNamedPath(
  disk: Disk,
  server: Server,
  path: string,
  { unusable, taken }: PathFailures,
): Promise<void> {
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) throw unusable('the path is too long for a socket');
  const there = await stat(path).catch(() => null);
  if (there && !there.isSocket()) throw unusable('there is a file or folder of this name');
  if (there && (await isAnswered(path))) throw unusable(taken);
  server.maxConnections = CONNECTIONS_MAX;
  await listenPrivately(disk, server, path).catch((thrown: unknown) => {
    throw unusable(systemCode(thrown) ?? String(thrown));
  });
}

/** Whether a process listens on a socket. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
