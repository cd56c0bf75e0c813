// Owns: the schema of the settings of the device's own server.

import { otherDoorListSchema } from '@doorsill/contract/console-messages';
import { z } from 'zod';

/** A host name (RFC 1123 §2.1) without a trailing dot, in lower case. */
const hostName = z.string().regex(/^(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63}){0,7}$/);

/** Saying the doorbell's name, port and page to the networks at home by multicast DNS, so that phones find it. */
const announceSchema = z.strictObject({
  enabled: z.boolean().default(false),
  /** Interfaces such as `eth0`. Of none named, those that are hardware: a cable, Wi-Fi. */
  interfaces: z
    .array(z.string().regex(/^[\w.-]{1,15}$/))
    .max(8)
    .default([]),
});

export const ConsoleSettings = z.strictObject({
  /** `this-machine`: plain HTTP on the loopback address. `home-network`: HTTPS on every address of the machine. */
  listen: z.enum(['off', 'this-machine', 'home-network']).default('off'),
  /** 0 takes a free one. */
  port: z.int().min(0).max(65_535).default(8_480),
  /** Names besides its addresses under which browsers reach it, such as `porch.local`. A call under another name is refused. */
  names: z.array(hostName).max(8).default([]),
  announce: announceSchema.prefault({}),
  /** Other doorbells of this owner, to which the page links. Read again whenever a page asks, so no restart is needed. */
  others: otherDoorListSchema.shape.others.default([]),
});
export type ConsoleSettings = z.output<typeof ConsoleSettings>;
