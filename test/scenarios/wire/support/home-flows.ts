// The allowed messages of the two optional flows: notifications to the owner's targets, and multicast DNS. Every message is compared with
// its whole text, written here independently of the device's code.
import { createHmac } from 'node:crypto';
import { encode } from 'dns-packet';
import { z } from 'zod';
import type { Packet } from './capture-file.ts';
import type { Message } from './messages.ts';

/** The destination of all traffic inside the device's own machine. */
export const LOOPBACK = '127.0.0.1';
/** The paths of the two targets, and the link of a notification. */
export const NOTICES = { webhook: '/hook', ntfy: '/door', link: 'https://front-door.local:8480/' } as const;

const TEXTS = {
  press: 'Somebody is at the door.',
  motion: 'Something moves before the door.',
  request: 'A request for footage waits for your answer.',
  'clip-sent': 'A clip that you granted was sent.',
  storage: 'The doorbell cannot store all that it should.',
  online: 'The doorbell has started.',
  offline: 'The doorbell stops.',
} as const;

const webhookSchema = z.object({
  id: z.uuid(),
  type: z.enum(['press', 'motion', 'request', 'clip-sent', 'storage', 'online', 'offline']),
  atUs: z.int(),
});

export interface Notices {
  /** The server's name and port. */
  host: string;
  webhookSecret: string;
  ntfyToken: string;
}

/** The exact call to the webhook. */
export function webhookCall({ host, webhookSecret }: Notices, body: string): { head: string[]; body: string } {
  const signature = createHmac('sha256', webhookSecret).update(body).digest('hex');
  const head = [`POST ${NOTICES.webhook} HTTP/1.1`, ...linesFor(host, body)];
  return { head: [...head, 'Content-Type: application/json', `X-Doorsill-Signature: sha256=${signature}`], body };
}

const linesFor = (host: string, body: string) => [
  'Connection: close',
  `Content-Length: ${Buffer.byteLength(body)}`,
  `Host: ${host}`,
];

/** What differs from the allowed call of a target, or null. */
export function notificationBreach({ path, body, bytes }: Message & { kind: 'http' }, notices: Notices): string | null {
  const text = Buffer.from(body).toString();
  const expected = path === NOTICES.webhook ? expectedWebhook(notices, text) : expectedNtfy(notices, text);
  if (expected === null) return `another notification to ${path}`;
  const [first, ...lines] = Buffer.from(bytes.subarray(0, bytes.length - body.length))
    .toString('latin1')
    .trimEnd()
    .split('\r\n');
  const [wantedFirst, ...wanted] = expected.head;
  const isSame =
    first === wantedFirst && lines.sort().join('\n') === wanted.sort().join('\n') && text === expected.body;
  return isSame ? null : `other words in a notification to ${path}`;
}

function expectedWebhook(notices: Notices, text: string) {
  const read = webhookSchema.safeParse(parsed(text));
  if (!read.success) return null;
  const { id, type, atUs } = read.data;
  return webhookCall(notices, JSON.stringify({ id, type, atUs, text: TEXTS[type] }));
}

function expectedNtfy({ host, ntfyToken }: Notices, text: string) {
  const body = Object.values(TEXTS).find((each) => each === text);
  if (body === undefined) return null;
  const own = ['Content-Type: text/plain', 'Title: Doorbell', `Click: ${NOTICES.link}`];
  return {
    head: [`POST ${NOTICES.ntfy} HTTP/1.1`, ...linesFor(host, body), ...own, `Authorization: Bearer ${ntfyToken}`],
    body,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Multicast DNS (RFC 6762 §3). */
export const MDNS = { address: '224.0.0.251', port: 5_353 } as const;
/** Where a kernel reports its group memberships (RFC 3376 §4.2). */
const REPORTS = '224.0.0.22';
const HOST = 'front-door.local';
const SERVICE = '_https._tcp.local';
const INSTANCE = `Front door.${SERVICE}`;

/** Every unsolicited announcement of a doorbell called `Front door`. */
function announcements(address: string, port: number): Uint8Array[] {
  const unique = [
    { name: INSTANCE, type: 'SRV', ttl: 120, data: { port, target: HOST } },
    { name: INSTANCE, type: 'TXT', ttl: 4_500, data: ['path=/'] },
    { name: HOST, type: 'A', ttl: 120, data: address },
  ];
  const all = [
    { name: '_services._dns-sd._udp.local', type: 'PTR', ttl: 4_500, data: SERVICE },
    { name: SERVICE, type: 'PTR', ttl: 4_500, data: INSTANCE },
    ...unique.map((record) => ({ ...record, flush: true })),
  ];
  const questions = [INSTANCE, HOST].map((name) => ({ name, type: 'ANY' }));
  const said = { type: 'response', flags: 0x0400 };
  return [
    encode({ type: 'query', questions, authorities: unique }),
    encode({ ...said, answers: all }),
    encode({ ...said, answers: all.map((record) => ({ ...record, ttl: 0 })) }),
  ];
}

/**
 * Judges a packet of a doorbell at `address` whose page is at `port`. `undefined`: not an announcement; null: allowed; otherwise a
 * description.
 */
export function announcementBreach({ protocol, from, to, payload }: Packet, address: string, port: number) {
  if (from.address !== address) return undefined;
  if (protocol === 'igmp' && to.address === REPORTS) return reportBreach(Buffer.from(payload));
  if (protocol !== 'udp' || from.port !== MDNS.port || to.address !== MDNS.address || to.port !== MDNS.port)
    return undefined;
  const isOne = announcements(address, port).some((each) => Buffer.compare(each, payload) === 0);
  return isOne ? null : 'other words in multicast DNS';
}

/** A membership report names only the group of multicast DNS (RFC 3376 §4.2). */
function reportBreach(report: Buffer): string | null {
  const group = Buffer.from(MDNS.address.split('.').map(Number));
  const records = report.length >= 8 ? report.readUInt16BE(6) : 0;
  const isPlain = report[0] === 0x22 && records > 0 && report.length === 8 + 8 * records;
  const isOwn = Array.from({ length: records }, (_, at) => report.subarray(8 + 8 * at, 16 + 8 * at)).every(
    (record) =>
      record.readUInt32BE(0) < 0x07_00_00_00 && record.readUInt16BE(2) === 0 && record.subarray(4).equals(group),
  );
  return isPlain && isOwn ? null : 'a report of another group';
}
