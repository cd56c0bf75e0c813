// Switches the faults of a running camera: server and client of a Unix socket (0600), one JSON object a line, any number of orders a
// connection.

import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import { readBySchema } from '@doorsill/base/schema-fault';
import { readLines, writeLine } from '@doorsill/device/owner/line-socket';
import { closePrivateSocket } from '@doorsill/device/owner/private-socket';
import { z } from 'zod';
import { failure, isFailure } from '../errors.ts';
import { giveOrder, listenAtNamedPath, refusalOf } from '../world/order-socket.ts';

const LINE_BYTES_MAX = 4_096;
const ORDERS_MAX = 1_000;
const ANSWER_MS_MAX = 5_000;
const FAULT_LENGTH_MAX = 300;

const ControlOrder = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('list') }),
  z.strictObject({ do: z.literal('add'), fault: z.string().max(FAULT_LENGTH_MAX) }),
  z.strictObject({ do: z.literal('clear'), name: z.string().max(FAULT_LENGTH_MAX) }),
]);
export type ControlOrder = z.infer<typeof ControlOrder>;

const ControlState = z.object({
  /** Seconds since the camera's first picture. */
  nowS: z.number(),
  viewers: z.int(),
  serves: z.array(z.string()),
  /** `untilS` is null for a fault that lasts until it is cleared. */
  faults: z.array(z.object({ fault: z.string(), name: z.string(), fromS: z.number(), untilS: z.number().nullable() })),
});
/** The camera's state, the answer to every accepted order. */
export type ControlState = z.infer<typeof ControlState>;

export interface ControlDeps {
  readonly disk: Disk;
  readonly log: Log;
  /** Executes an order. Throws the reason why it is refused. */
  execute(order: ControlOrder): ControlState;
}

export class CameraControlSocket {
  private readonly path: string;
  private readonly deps: ControlDeps;
  private readonly sockets = new Set<Socket>();
  private server: Server | null = null;

  /** `path` is absolute. */
  constructor(path: string, deps: ControlDeps) {
    this.path = path;
    this.deps = deps;
  }

  /** Listens. Replaces a socket that a crash left behind, and no other file. Throws `camera_control_unusable`. */
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
    if (server) await closePrivateSocket(this.deps.disk, server, this.path, this.sockets);
  }

  private converse(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', (thrown) =>
      this.deps.log.debug('a connection to the camera’s control socket broke', { error: thrown.message }),
    );
    socket.on('close', () => void this.sockets.delete(socket));
    let orders = 0;
    const refuse = (thrown: unknown) => {
      if (!isFailure(thrown)) throw thrown;
      writeLine(socket, refusalOf(thrown));
    };
    const garbled = (detail: string) => refuse(failure('camera_control_garbled', { detail }));
    readLines(
      socket,
      LINE_BYTES_MAX,
      (value) => {
        orders += 1;
        const order = readBySchema(ControlOrder, value, 'the order');
        if (orders > ORDERS_MAX) garbled(`more than ${ORDERS_MAX} orders came over one connection`);
        else if (!order.ok) garbled(value === undefined ? 'it is not JSON' : order.fault);
        if (orders > ORDERS_MAX || !order.ok) {
          socket.end();
          return;
        }
        try {
          writeLine(socket, { ok: true, result: this.deps.execute(order.data) });
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

/** Sends one order to the camera at a socket. Throws the camera's refusal, or `camera_control_silent`. */
export function orderCamera(path: string, order: ControlOrder, clock: Clock): Promise<ControlState> {
  return giveOrder(
    path,
    order,
    { clock, answerMsMax: ANSWER_MS_MAX, results: ControlState },
    { silent: (detail) => failure('camera_control_silent', { path, detail }) },
  );
}
