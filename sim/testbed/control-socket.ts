// Orders to a running testbed from another process of the same user: add or remove a doorbell. The socket itself:
// sim/world/order-socket.ts.
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { idSchema } from '@doorsill/contract/ids';
import { listenPrivately, privateSocketPath } from '@doorsill/device/owner/private-socket';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { giveOrder, OrderServer } from '../world/order-socket.ts';

/** Adds or removes a doorbell. */
const TestbedOrder = z.discriminatedUnion('verb', [
  z.strictObject({
    verb: z.literal('add'),
    name: z.string().max(200).optional(),
    camera: z.string().min(1).max(1_000).optional(),
  }),
  z.strictObject({ verb: z.literal('remove'), device: idSchema }),
]);
export type TestbedOrder = z.infer<typeof TestbedOrder>;

/** The doorbell that was added or removed. */
const ChangedDoorbell = z.strictObject({
  name: z.string().max(60),
  device: idSchema,
  page: z.string().max(300).nullable(),
});
export type ChangedDoorbell = z.infer<typeof ChangedDoorbell>;

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
export class ControlServer extends OrderServer<TestbedOrder> {
  constructor({ clock, disk, folder, obey }: ControlServerDeps) {
    const path = controlSocketPath(folder);
    super({
      clock,
      disk,
      path,
      orders: TestbedOrder,
      who: 'the running testbed',
      obey,
      listen: (server) => listenPrivately(disk, server, path),
    });
  }
}

/**
 * Gives an order to the testbed that runs in a folder, and waits until it is carried out. Throws its refusal, `timed_out`, and
 * `unreachable` when nothing listens there or the testbed is another user's.
 */
export function orderTestbed(
  { clock }: { clock: Clock },
  folder: string,
  order: TestbedOrder,
): Promise<ChangedDoorbell> {
  const where = controlSocketPath(folder);
  return giveOrder(
    where,
    order,
    { clock, answerMsMax: ANSWER_MS_MAX, results: ChangedDoorbell },
    {
      silent: (detail) =>
        failure('unreachable', { what: 'the running testbed', where, detail: `${detail}; it may still be starting` }),
      late: () => failure('timed_out', { what: 'the testbed’s answer', seconds: ANSWER_MS_MAX / 1_000 }),
    },
  );
}
