// A notification as an HTTP request in each format, with its signature or token. No other fields leave the device.
import { createHmac } from 'node:crypto';
import type { Notification } from './notification.ts';
import type { NotificationTarget } from './notifications-settings.ts';

/** One HTTP request, with the same bytes at each attempt. */
export interface Parcel {
  url: URL;
  headers: Record<string, string>;
  body: string;
}

const TITLE = 'Doorbell';
const PARTNER_TYPES = {
  press: 'button_press',
  motion: 'motion_detected',
  online: 'device_online',
  offline: 'device_offline',
} as const;

const hmac = (secret: string, text: string) => createHmac('sha256', secret).update(text).digest('hex');
const signature = (secret: string, body: string) => `sha256=${hmac(secret, body)}`;

/** `id`: a UUID by which the receiver recognises a repetition. Null when the format has no event of that kind. */
export function parcelOf(
  target: NotificationTarget,
  secret: string,
  id: string,
  notification: Notification,
): Parcel | null {
  const { kind, atUs } = notification;
  const text = (target.requestText ? notification.textWithRequest : undefined) ?? notification.text;
  const link = target.link === undefined ? undefined : new URL(target.link).href;
  const url = new URL(target.url);
  const json = { 'Content-Type': 'application/json' };
  if (target.format === 'webhook') {
    const body = JSON.stringify({ id, type: kind, atUs, text, ...(link === undefined ? {} : { link }) });
    return { url, headers: { ...json, 'X-Doorsill-Signature': signature(secret, body) }, body };
  }
  if (target.format === 'ntfy') {
    const click = link === undefined ? {} : { Click: link };
    const token = secret === '' ? {} : { Authorization: `Bearer ${secret}` };
    return { url, headers: { 'Content-Type': 'text/plain', Title: TITLE, ...click, ...token }, body: text };
  }
  if (target.format === 'gotify') {
    url.pathname = `${url.pathname.replace(/\/$/, '')}/message`;
    const extras = link === undefined ? {} : { extras: { 'client::notification': { click: { url: link } } } };
    const body = JSON.stringify({ title: TITLE, message: text, priority: 5, ...extras });
    return { url, headers: { ...json, 'X-Gotify-Key': secret }, body };
  }
  if (kind !== 'press' && kind !== 'motion' && kind !== 'online' && kind !== 'offline') return null;
  const body = JSON.stringify(partnerBody(secret, id, kind, Math.floor(atUs / 1_000)));
  return { url, headers: { ...json, 'X-Signature': signature(secret, body) }, body };
}

/** Ring's partner webhook, version 1.1. Device and account are pseudonyms under the target's secret. */
function partnerBody(secret: string, id: string, kind: keyof typeof PARTNER_TYPES, timestamp: number): object {
  const type = PARTNER_TYPES[kind];
  const source = hmac(secret, 'doorsill device').slice(0, 32);
  const account = hmac(secret, 'doorsill account').slice(0, 32);
  return {
    meta: { version: '1.1', time: new Date(timestamp).toISOString(), request_id: id, account_id: account },
    data: {
      id: `${source}_${kind === 'motion' ? 'motion' : type}_${timestamp}`,
      type,
      ...(kind === 'motion' ? { subType: 'motion' } : {}),
      attributes: { source, source_type: 'devices', timestamp },
      relationships: { devices: { links: { self: `/v1/devices/${source}` } } },
    },
  };
}
