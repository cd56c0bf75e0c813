// Owns: giving orders to a running testbed, from another process of the same user: a socket that only they can open, one line of JSON each
// way. Not here: carrying the orders out (whoever runs the testbed).
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { z } from 'zod';
import {
  type Clock,
  type Disk,
  failure,
  idSchema,
  isErrorCode,
  isFailure,
  listenPrivately,
  privateSocketPath,
  readLines,
  stopPrivately,
  writeLine,
} from '../../device/exports-without-firmware.ts';

/** One more doorbell, or one less. */
const orderSchema = z.discriminatedUnion('verb', [
  z.strictObject({
    verb: z.literal('add'),
    name: z.string().max(200).optional(),
    camera: z.string().min(1).max(1_000).optional(),
  }),
  z.strictObject({ verb: z.literal('remove'), device: idSchema }),
]);
export type TestbedOrder = z.infer<typeof orderSchema>;

/** The doorbell that was added or removed. */
const doorbellSchema = z.strictObject({
  name: z.string().max(60),
  device: idSchema,
  page: z.string().max(300).nullable(),
});
export type ChangedDoorbell = z.infer<typeof doorbellSchema>;

const answerSchema = z.union([
  z.strictObject({ ok: z.literal(true), doorbell: doorbellSchema }),
  z.strictObject({
    ok: z.literal(false),
    code: z.string().refine(isErrorCode),
    facts: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
]);

const LINE_BYTES_MAX = 8_192;
const CONNECTIONS_MAX = 8;
/** Who has connected says what it wants at once. */
const ORDER_MS_MAX = 10_000;
/** A doorbell takes minutes to start on a small board (child-process.ts). */
const ANSWER_MS_MAX = 300_000;

const controlSocketPath = (folder: string) => privateSocketPath(folder, 'control.sock');

export interface ControlServerDeps {
  clock: Clock;
  disk: Disk;
  /** The testbed's folder, whose lock this process holds. */
  folder: string;
  /** Carries out an order; one at a time. Throws its refusal. */
  obey(order: TestbedOrder): Promise<ChangedDoorbell>;
}

/** The running testbed's end. */
export class ControlServer {
  private readonly deps: ControlServerDeps;
  private readonly sockets = new Set<Socket>();
  private server: Server | null = null;
  private turn: Promise<void> = Promise.resolve();

  constructor(deps: ControlServerDeps) {
    this.deps = deps;
  }

  async start(): Promise<void> {
    const server = createServer((socket) => this.serve(socket));
    server.maxConnections = CONNECTIONS_MAX;
    await listenPrivately(this.deps.disk, server, controlSocketPath(this.deps.folder));
    this.server = server;
  }

  /** Ends every connection; an order under way goes on to its end, or to that of the testbed. */
  async stop(): Promise<void> {
    const { server } = this;
    this.server = null;
    if (server) await stopPrivately(this.deps.disk, server, controlSocketPath(this.deps.folder), this.sockets);
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
      this.turn = this.turn.then(async () => {
        if (this.server === null) return;
        writeLine(socket, await this.answer(value));
        socket.end();
      });
    };
    readLines(socket, LINE_BYTES_MAX, given, () => socket.destroy());
  }

  private async answer(value: unknown): Promise<z.input<typeof answerSchema>> {
    try {
      const order = orderSchema.safeParse(value);
      if (!order.success) throw failure('usage', { detail: 'the running testbed does not know this order' });
      return { ok: true, doorbell: await this.deps.obey(order.data) };
    } catch (thrown) {
      const refusal = isFailure(thrown) ? thrown : failure('internal', { detail: String(thrown) });
      return { ok: false, code: refusal.code, facts: { ...refusal.facts } };
    }
  }
}

/**
 * Gives an order to the testbed that runs in a folder, and waits until it is carried out. Throws its refusal, `unreachable` when nothing
 * listens there or it is another user's, `timed_out`.
 */
export async function orderTestbed(
  { clock }: { clock: Clock },
  folder: string,
  order: TestbedOrder,
): Promise<ChangedDoorbell> {
  const path = controlSocketPath(folder);
  const socket = createConnection(path);
  const unreachable = (detail: string) =>
    failure('unreachable', { what: 'the running testbed', where: path, detail: `${detail}; it may be starting yet` });
  try {
    const value = await new Promise<unknown>((resolve, reject) => {
      const late = clock.after(ANSWER_MS_MAX, () =>
        reject(failure('timed_out', { what: 'the testbed’s answer', seconds: ANSWER_MS_MAX / 1_000 })),
      );
      socket.once('connect', () => writeLine(socket, order));
      socket.once('error', (thrown) => reject(unreachable(thrown.message)));
      socket.once('close', () => {
        late.cancel();
        reject(unreachable('it closed the connection'));
      });
      readLines(socket, LINE_BYTES_MAX, resolve, () => reject(unreachable('its answer is too long')));
    });
    const answer = answerSchema.safeParse(value);
    if (!answer.success) throw unreachable('its answer was not understood');
    if (answer.data.ok) return answer.data.doorbell;
    throw failure(answer.data.code, answer.data.facts);
  } finally {
    socket.destroy();
  }
}
