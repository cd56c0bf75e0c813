// Switches a running virtual doorbell's faults over a socket that only its user can open. The socket itself: order-socket.ts.
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { DEVICE_FAULTS_MAX, type DeviceFaults } from './device-faults.ts';
import { FAULT_LETTERS_MAX } from './fault-text.ts';
import { giveOrder, listenAtNamedPath, OrderServer } from './order-socket.ts';

const ANSWER_MS_MAX = 5_000;

const wordsSchema = z.array(z.string().max(FAULT_LETTERS_MAX)).max(DEVICE_FAULTS_MAX);

/** Faults to clear first, then faults to add; without both it asks for the list. */
const FaultOrder = z.strictObject({ clear: wordsSchema, add: wordsSchema });
export type FaultOrder = z.infer<typeof FaultOrder>;

const FaultState = z.strictObject({
  /** Seconds since the doorbell's start. */
  nowS: z.number(),
  faults: z.array(
    z.strictObject({ fault: z.string(), name: z.string(), fromS: z.number(), untilS: z.number().nullable() }),
  ),
});
export type FaultState = z.infer<typeof FaultState>;

export interface FaultServerDeps {
  clock: Clock;
  /** The machine's own disk, for the socket's file. The doorbell's simulated disk may be faulty. */
  disk: Disk;
  faults: DeviceFaults;
}

/** The doorbell's end. `start` replaces a socket that a crash left, but no other file, and throws `device_control_unusable`. */
export class FaultServer extends OrderServer<FaultOrder> {
  /** `path` is absolute. */
  constructor(path: string, { clock, disk, faults }: FaultServerDeps) {
    super({
      clock,
      disk,
      path,
      orders: FaultOrder,
      who: 'the running doorbell',
      listen: (server) =>
        listenAtNamedPath(disk, server, path, {
          unusable: (detail) => failure('device_control_unusable', { path, detail }),
          taken: 'another program listens there',
        }),
      obey: ({ clear, add }): FaultState => {
        for (const name of clear) faults.clear(name);
        faults.add(add);
        return { nowS: faults.nowUs / 1_000_000, faults: faults.list() };
      },
    });
  }
}

/** Gives an order to the doorbell at a socket. Throws its refusal, `device_control_silent`. */
export function orderFaults(path: string, order: FaultOrder, clock: Clock): Promise<FaultState> {
  return giveOrder(
    path,
    order,
    { clock, answerMsMax: ANSWER_MS_MAX, results: FaultState },
    { silent: (detail) => failure('device_control_silent', { path, detail }) },
  );
}
