import { otherDoorListSchema } from '@doorsill/contract/console-messages';
import { z } from 'zod';

/** The port of a doorbell's own server where its settings name none. */
export const CONSOLE_PORT = 8_480;

/** A host name (RFC 1123 §2.1) without a trailing dot, in lower case. */
const hostName = z.string().regex(/^(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63}){0,7}$/);

/** Announcing the doorbell's name and port on the home network by multicast DNS, so that phones find its page. */
const announceSchema = z.strictObject({
  enabled: z.boolean().default(false),
  /** Interfaces such as `eth0`. Empty: all hardware interfaces (Ethernet, Wi-Fi). */
  interfaces: z
    .array(z.string().regex(/^[\w.-]{1,15}$/))
    .max(8)
    .default([]),
});

export const ConsoleSettings = z.strictObject({
  /** `this-machine`: plain HTTP on the loopback address. `home-network`: HTTPS on every address of the machine. */
  listen: z.enum(['off', 'this-machine', 'home-network']).default('off'),
  /** 0 stands for a free port. */
  port: z.int().min(0).max(65_535).default(CONSOLE_PORT),
  /** Further names under which browsers reach it, such as `porch.local`. Calls under other names are refused. */
  names: z.array(hostName).max(8).default([]),
  announce: announceSchema.prefault({}),
  /** Other doorbells of this owner, to which the page links. Read again at each call, so a change needs no restart. */
  others: otherDoorListSchema.shape.others.default([]),
});
export type ConsoleSettings = z.output<typeof ConsoleSettings>;
