// Settings that every server process has.

import { publicKeySchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import { PerMinute } from './call-rate-limits.ts';

/** The address of an HTTP server. */
export const httpAddressSchema = z.url({ protocol: /^https?$/ }).max(200);

const addressesSchema = z
  .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))
  .max(16)
  .default([]);

/** Spread into a process's own settings, which document the folder's content. */
export const serverSettings = {
  /** Absolute path of the folder for the process's data. */
  dataFolder: z.string().min(1).max(1_000),
  http: z
    .strictObject({
      host: z.string().min(1).max(253).default('127.0.0.1'),
      port: z.int().min(0).max(65_535).default(0),
      /** Addresses of the proxies in front of it, whose forwarded headers are trusted. Nobody else’s are. */
      proxies: addressesSchema,
      /**
       * Addresses of the proxies that begin each connection with the PROXY protocol (HAProxy's `send-proxy`), whose client address is
       * trusted. A connection of theirs without it is refused, and so is anybody else's with it.
       */
      proxyProtocol: addressesSchema,
      perMinuteMax: PerMinute.prefault({}),
    })
    .prefault({}),
};

/** For a process that keeps a custody log. */
export const custodySettings = z
  .strictObject({
    /** Keys of the witnesses whose cosignatures are served. */
    witnesses: z.array(publicKeySchema).max(16).default([]),
  })
  .prefault({});
