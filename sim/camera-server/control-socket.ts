// Owns: switching a running camera's faults over a socket that only its user can open: orders and answers, one JSON object a line, both ends.
// Not here: what faults do, what the command line prints.
import { stat } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { z } from 'zod';
import {
  type Clock,
  type Disk,
  failure,
  isErrorCode,
  isFailure,
  type Log,
  listenPrivately,
  readLines,
  reportedFailure,
  stopPrivately,
  systemCode,
  writeLine,
} from '../../device/exports-without-firmware.ts';

const LINE_BYTES_MAX = 4_096;
/** The kernel cuts a longer one off (108 bytes on Linux, 104 elsewhere). */
const PATH_BYTES_MAX = 100;
const CONNECTIONS_MAX = 8;
const ORDERS_MAX = 1_000;
const ANSWER_MS_MAX = 5_000;
const FAULT_LENGTH_MAX = 300;

const orderSchema = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('list') }),
  z.strictObject({ do: z.literal('add'), fault: z.string().max(FAULT_LENGTH_MAX) }),
  z.strictObject({ do: z.literal('clear'), name: z.string().max(FAULT_LENGTH_MAX) }),
]);
export type ControlOrder = z.infer<typeof orderSchema>;

const stateSchema = z.object({
  /** Seconds since the camera's first picture. */
  nowS: z.number(),
  viewers: z.int(),
  serves: z.array(z.string()),
  /** `untilS` null: until it is cleared. */
  faults: z.array(z.object({ fault: z.string(), name: z.string(), fromS: z.number(), untilS: z.number().nullable() })),
});
/** How a camera is, as every accepted order is answered. */
export type ControlState = z.infer<typeof stateSchema>;

const answerSchema = z.union([
  z.object({ ok: z.literal(true), state: stateSchema }),
  z.object({ ok: z.literal(false), code: z.string(), detail: z.string() }),
]);

export interface ControlDeps {
  readonly disk: Disk;
  readonly log: Log;
  /** Carries an order out. Throws its refusal. */
  obey(order: ControlOrder): ControlState;
}

/** A camera's end. */
export class ControlSocket {
  private readonly path: string;
  private readonly deps: ControlDeps;
  private readonly sockets = new Set<Socket>();
  private server: Server | null = null;

  /** `path` is absolute. */
  constructor(path: string, deps: ControlDeps) {
    this.path = path;
    this.deps = deps;
  }

  /** Listens. A socket that a crash left is replaced; nothing else is. Throws `camera_control_unusable`. */
  async start(): Promise<void> {
    const { path, deps } = this;
    const server = createServer((socket) => this.converse(socket));
    await listenAtNamedPath(deps.disk, server, path, {
      unusable: (detail) => failure('camera_control_unusable', { path, detail }),
      taken: 'another camera listens there',
    });
    this.server = server;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = null;
    if (server) await stopPrivately(this.deps.disk, server, this.path, this.sockets);
  }

  private converse(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', (thrown) => this.deps.log.debug('a control connection broke', { error: thrown.message }));
    socket.on('close', () => void this.sockets.delete(socket));
    let orders = 0;
    const refuse = (thrown: unknown) => {
      if (!isFailure(thrown)) throw thrown;
      writeLine(socket, { ok: false, code: thrown.code, detail: thrown.message });
    };
    const garbled = (detail: string) => refuse(failure('camera_control_garbled', { detail }));
    readLines(
      socket,
      LINE_BYTES_MAX,
      (value) => {
        orders += 1;
        const order = orderSchema.safeParse(value);
        if (orders > ORDERS_MAX) garbled(`more than ${ORDERS_MAX} orders came over one connection`);
        else if (!order.success)
          garbled(value === undefined ? 'it is not JSON' : z.prettifyError(order.error).replaceAll(/\s+/g, ' '));
        if (orders > ORDERS_MAX || !order.success) {
          socket.end();
          return;
        }
        try {
          writeLine(socket, { ok: true, state: this.deps.obey(order.data) });
        } catch (thrown) {
          refuse(thrown);
        }
      },
      () => {
        garbled(`a line is longer than ${LINE_BYTES_MAX} bytes`);
        socket.end();
      },
    );
  }
}

/** How a socket that cannot be made is told: the failure, and the words where somebody listens there already. */
export interface PathWords {
  unusable(detail: string): Error;
  taken: string;
}

/** Has a server listen, for its user alone, at a path that a person named. A socket that a crash left is replaced; nothing else is. */
export async function listenAtNamedPath(disk: Disk, server: Server, path: string, words: PathWords): Promise<void> {
  const { unusable, taken } = words;
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) throw unusable('the path is too long for a socket');
  const there = await stat(path).catch(() => null);
  if (there && !there.isSocket()) throw unusable('there is a file or folder of this name');
  if (there && (await isAnswered(path))) throw unusable(taken);
  server.maxConnections = CONNECTIONS_MAX;
  await listenPrivately(disk, server, path).catch((thrown: unknown) => {
    throw unusable(systemCode(thrown) ?? String(thrown));
  });
}

/** Whether a socket has somebody who listens. */
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

/** Gives one order to the camera at a socket. Throws its refusal, `camera_control_silent`. */
export function orderCamera(path: string, order: ControlOrder, clock: Clock): Promise<ControlState> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const silent = (detail: string) => end(() => reject(failure('camera_control_silent', { path, detail })));
    const timer = clock.after(ANSWER_MS_MAX, () => silent(`no answer within ${ANSWER_MS_MAX / 1_000} s`));
    const end = (call: () => void) => {
      timer.cancel();
      socket.destroy();
      call();
    };
    socket.once('error', (thrown) => silent(systemCode(thrown) ?? thrown.message));
    socket.once('close', () => silent('it ended the connection'));
    socket.once('connect', () => writeLine(socket, order));
    const take = (value: unknown) => {
      const answer = answerSchema.safeParse(value);
      if (!answer.success) return silent('what answers there is no camera');
      const { data } = answer;
      if (data.ok) return end(() => resolve(data.state));
      const refusal = isErrorCode(data.code) ? reportedFailure(data.code, data.detail) : null;
      end(() => reject(refusal ?? failure('camera_control_silent', { path, detail: `it answers with ${data.code}` })));
    };
    readLines(socket, 1024 * 1024, take, () => silent('its answer is too long'));
  });
}
