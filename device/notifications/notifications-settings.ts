// The settings of notifications; their secrets are files of their own.
import { addressList } from '@doorsill/base/http/address-networks';
import { TlsFiles } from '@doorsill/base/tls';
import { z } from 'zod';

const TARGETS_MAX = 8;
export const NOTIFICATION_KINDS = ['press', 'motion', 'request', 'clip-sent', 'storage', 'online'] as const;
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number];

/** Addresses of this machine and of home networks (RFC 1918, RFC 3927, RFC 4193, RFC 4291 §2.5.6). */
const isPrivate = addressList([
  ...['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'],
  ...['::1', 'fc00::/7', 'fe80::/10'],
]);

const webUrl = z
  .url({ protocol: /^https?$/ })
  .max(500)
  .refine((text) => {
    const { username, password, hash } = new URL(text);
    return username === '' && password === '' && hash === '';
  }, 'an address without a name, a password or a fragment');
const secretPath = z.string().min(1).max(1_000);

const target = {
  url: webUrl,
  /** Allows plain HTTP to a host by name, or outside the home network. Addresses of the home network need no permission. */
  allowPlain: z.boolean().default(false),
  on: z.array(z.enum(NOTIFICATION_KINDS)).min(1).default(['press']),
  /** Sends the words of a request and its agency's name, too. */
  requestText: z.boolean().default(false),
  /** The link of a notification, such as the console's address. */
  link: webUrl.optional(),
  /** For https: an authority, and a client certificate if the target asks for one. */
  tls: TlsFiles.optional(),
} as const;

const NotificationTarget = z
  .discriminatedUnion('format', [
    z.strictObject({ ...target, format: z.literal('webhook'), secretFile: secretPath }),
    z.strictObject({ ...target, format: z.literal('ntfy'), tokenFile: secretPath.optional() }),
    z.strictObject({ ...target, format: z.literal('gotify'), tokenFile: secretPath }),
    z.strictObject({
      ...target,
      format: z.literal('partner'),
      secretFile: secretPath,
      /** Ring's format has no event for the other kinds. */
      on: z
        .array(z.enum(['press', 'motion', 'online']))
        .min(1)
        .default(['press']),
    }),
  ])
  .refine(({ url, allowPlain }) => allowPlain || mayBePlain(url), 'https://, or allowPlain: true for such a host');
export type NotificationTarget = z.output<typeof NotificationTarget>;

export const notificationsSchema = z.array(NotificationTarget).max(TARGETS_MAX).default([]);

/** Whether plain HTTP is safe: a host name may lead anywhere, so only private addresses and this machine's own name count. */
function mayBePlain(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || hostname === 'localhost' || isPrivate(hostname.replace(/^\[|\]$/g, ''));
}
