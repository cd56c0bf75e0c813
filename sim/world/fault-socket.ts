// Owns: switching a running virtual doorbell's faults over a socket that only its user can open: one order and one answer a connection, each
// a line of JSON; both ends. Not here: what faults do (device-faults.ts), what the command line prints.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { z } from 'zod';
import {
  type Clock,
  type Disk,
  failure,
  isErrorCode,
  isFailure,
  readLines,
  stopPrivately,
  systemCode,
  writeLine,
} from '../../device/exports-without-firmware.ts';
import { listenAtNamedPath } from '../camera-server/control-socket.ts';
import { DEVICE_FAULTS_MAX, type DeviceFaults, FAULT_LETTERS_MAX } from './device-faults.ts';

const LINE_BYTES_MAX = 64 * 1024;
/** Who has connected says what it wants at once. */
const ORDER_MS_MAX = 5_000;
const ANSWER_MS_MAX = 5_000;

const wordsSchema = z.array(z.string().max(FAULT_LETTERS_MAX)).max(DEVICE_FAULTS_MAX);

/** What is cleared first, then what is added; without either it asks which there are. */
const orderSchema = z.strictObject({ clear: wordsSchema, add: wordsSchema });
export type FaultOrder = z.infer<typeof orderSchema>;

const stateSchema = z.strictObject({
  /** Seconds since the doorbell's start. */
  nowS: z.number(),
  faults: z.array(
    z.strictObject({ fault: z.string(), name: z.string(), fromS: z.number(), untilS: z.number().nullable() }),
  ),
});
export type FaultState = z.infer<typeof stateSchema>;

const answerSchema = z.union([
  z.strictObject({ ok: z.literal(true), state: stateSchema }),
  z.strictObject({
    ok: z.literal(false),
    code: z.string().refine(isErrorCode),
    facts: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
]);

export interface FaultServerDeps {
  clock: Clock;
  /** The machine's: a faulty disk makes no socket. */
  disk: Disk;
  faults: DeviceFaults;
}

/** The doorbell's end. */
export class FaultServer {
  private readonly path: string;
  private readonly deps: FaultServerDeps;
  private readonly sockets = new Set<Socket>();
  private server: Server | null = null;

  /** `path` is absolute. */
  constructor(path: string, deps: FaultServerDeps) {
    this.path = path;
    this.deps = deps;
  }

  /** Listens. A socket that a crash left is replaced; nothing else is. Throws `device_control_unusable`. */
  async start(): Promise<void> {
    const { path } = this;
    const server = createServer((socket) => this.serve(socket));
    await listenAtNamedPath(this.deps.disk, server, path, {
      unusable: (detail) => failure('device_control_unusable', { path, detail }),
      taken: 'another program listens there',
    });
    this.server = server;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = null;
    if (server) await stopPrivately(this.deps.disk, server, this.path, this.sockets);
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    const late = this.deps.clock.after(ORDER_MS_MAX, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      late.cancel();
      this.sockets.delete(socket);
    });
    const given = (value: unknown) => {
      late.cancel();
      writeLine(socket, this.answer(value));
      socket.end();
    };
    readLines(socket, LINE_BYTES_MAX, given, () => socket.destroy());
  }

  private answer(value: unknown): z.input<typeof answerSchema> {
    const { faults } = this.deps;
    try {
      const order = orderSchema.safeParse(value);
      if (!order.success) throw failure('usage', { detail: 'the running doorbell does not know this order' });
      for (const name of order.data.clear) faults.clear(name);
      faults.add(order.data.add);
      return { ok: true, state: { nowS: faults.nowUs / 1_000_000, faults: faults.list() } };
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      return { ok: false, code: thrown.code, facts: { ...thrown.facts } };
    }
  }
}

/** Gives an order to the doorbell at a socket. Throws its refusal, `device_control_silent`. */
export async function orderFaults(path: string, order: FaultOrder, clock: Clock): Promise<FaultState> {
  const socket = connect(path);
  const silent = (detail: string) => failure('device_control_silent', { path, detail });
  try {
    const value = await new Promise<unknown>((resolve, reject) => {
      const timer = clock.after(ANSWER_MS_MAX, () => reject(silent(`no answer within ${ANSWER_MS_MAX / 1_000} s`)));
      socket.once('error', (thrown) => reject(silent(systemCode(thrown) ?? thrown.message)));
      socket.once('close', () => {
        timer.cancel();
        reject(silent('it ended the connection'));
      });
      socket.once('connect', () => writeLine(socket, order));
      readLines(socket, LINE_BYTES_MAX, resolve, () => reject(silent('its answer is too long')));
    });
    const answer = answerSchema.safeParse(value);
    if (!answer.success) throw silent('what answers there is no doorbell');
    if (answer.data.ok) return answer.data.state;
    throw failure(answer.data.code, answer.data.facts);
  } finally {
    socket.destroy();
  }
}
