// A doorbell's names, records and answers in multicast DNS, and the detection of other claims on its names (RFC 6762, RFC 6763).
import { utf8 } from '@doorsill/contract/bytes';
import { decode, encode } from 'dns-packet';
import { z } from 'zod';

/** A doorbell's two names: a readable label, and a host name without `.local`. */
export interface Names {
  label: string;
  host: string;
}

/** The facts that a doorbell announces on one link. */
export interface Announced extends Names {
  port: number;
  /** Its IPv4 address on that link. */
  address: string;
}

export interface MdnsRecord {
  name: string;
  type: 'PTR' | 'SRV' | 'TXT' | 'A' | 'NSEC';
  ttl: number;
  /** Whether the record is unique to this host: receivers flush their caches of its name (RFC 6762 §10.2). */
  flush: boolean;
  data: string | string[] | { port: number; target: string } | { nextDomain: string; rrtypes: string[] };
}

const SERVICE = '_https._tcp.local';
/** Lists the service types on a link (RFC 6763 §9). */
const SERVICES = '_services._dns-sd._udp.local';
/** RFC 6762 §10: records that hold a host name, and all others. */
const TTL_S = { host: 120, other: 4_500 } as const;
/** Short, because announcements do not correct a simple resolver's cache (RFC 6762 §6.7). */
const PLAIN_TTL_S_MAX = 10;
/** RFC 1035 §2.3.4. */
const LABEL_BYTES_MAX = 63;
const HOST_LETTERS_MAX = 50;
const ID_LETTERS = 4;
/** RFC 6762 §17. */
const MESSAGE_BYTES_MAX = 9_000;
const MANY_MAX = 64;
/** QR and AA (RFC 6762 §18). */
const RESPONSE_FLAGS = 0x0400;

const recordSchema = z.object({
  name: z.string(),
  type: z.string(),
  ttl: z.number().default(0),
  data: z.unknown(),
});
const MdnsMessage = z.object({
  id: z.number(),
  type: z.enum(['query', 'response']),
  questions: z.array(z.object({ name: z.string(), type: z.string(), class: z.string() })).max(MANY_MAX),
  answers: z.array(recordSchema).max(MANY_MAX),
  authorities: z.array(recordSchema).max(MANY_MAX),
});
export type MdnsMessage = z.infer<typeof MdnsMessage>;
type ForeignRecord = z.infer<typeof recordSchema>;

/** Parses a message from a link; null when it is malformed or too large. */
export function readMessage(bytes: Uint8Array): MdnsMessage | null {
  if (bytes.length > MESSAGE_BYTES_MAX) return null;
  try {
    const read = MdnsMessage.safeParse(decode(bytes));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
}

/**
 * The names of a doorbell: its owner's name for it, and, for when another device has that name already, the same with the beginning of
 * the doorbell's id. None contains an address.
 */
export function namesOf(name: string, device: string): readonly [Names, Names] {
  const id = device.replace(/^device-/, '').slice(0, ID_LETTERS);
  // Dots separate labels, and the package cannot escape them.
  const readable = name
    .normalize('NFC')
    .replaceAll(/[.\\\p{Cc}\s]+/gu, ' ')
    .trim();
  const label = cutToBytes(readable, LABEL_BYTES_MAX - ID_LETTERS - 3) || 'Doorbell';
  const letters = name.normalize('NFKD').toLowerCase().replaceAll('ß', 'ss').replaceAll(/\p{M}/gu, '');
  const host =
    letters
      .replaceAll(/[^a-z0-9]+/g, '-')
      .slice(0, HOST_LETTERS_MAX)
      .replaceAll(/^-+|-+$/g, '') || 'doorbell';
  return [
    { label, host },
    { label: `${label} (${id})`, host: `${host}-${id}` },
  ];
}

function cutToBytes(text: string, bytesMax: number): string {
  let cut = '';
  for (const letter of text) {
    if (utf8(cut + letter).length > bytesMax) break;
    cut += letter;
  }
  return cut.trim();
}

const instanceOf = ({ label }: Names) => `${label}.${SERVICE}`;
const hostOf = ({ host }: Names) => `${host}.local`;

/** A doorbell's records: its two names, its port, the path of its page, and its address on that link. */
export function recordsOf(announced: Announced): MdnsRecord[] {
  const [instance, host] = [instanceOf(announced), hostOf(announced)];
  const { port, address } = announced;
  return [
    { name: SERVICES, type: 'PTR', ttl: TTL_S.other, flush: false, data: SERVICE },
    { name: SERVICE, type: 'PTR', ttl: TTL_S.other, flush: false, data: instance },
    { name: instance, type: 'SRV', ttl: TTL_S.host, flush: true, data: { port, target: host } },
    { name: instance, type: 'TXT', ttl: TTL_S.other, flush: true, data: ['path=/'] },
    { name: host, type: 'A', ttl: TTL_S.host, flush: true, data: address },
  ];
}

/** NSEC records: no other types exist under the two names, so that nobody waits for an IPv6 address (RFC 6762 §6.1). */
function nothingElse(announced: Announced): MdnsRecord[] {
  const [instance, host] = [instanceOf(announced), hostOf(announced)];
  return [
    {
      name: instance,
      type: 'NSEC',
      ttl: TTL_S.host,
      flush: true,
      data: { nextDomain: instance, rrtypes: ['TXT', 'SRV'] },
    },
    { name: host, type: 'NSEC', ttl: TTL_S.host, flush: true, data: { nextDomain: host, rrtypes: ['A'] } },
  ];
}

/** Our records that answer a message's questions, without those that the asker knows already (RFC 6762 §7.1). */
export function answersTo({ questions, answers: known }: MdnsMessage, announced: Announced): MdnsRecord[] {
  const all = recordsOf(announced);
  const found = new Set<MdnsRecord>();
  for (const { name, type, class: kind } of questions) {
    // UNKNOWN_32769 is the package's name for IN with the bit that asks for a unicast answer (RFC 6762 §5.4).
    if (!['IN', 'ANY', 'UNKNOWN_32769'].includes(kind)) continue;
    const named = all.filter((record) => isSameName(record.name, name));
    const asked = named.filter((record) => type === 'ANY' || record.type === type);
    for (const record of asked) found.add(record);
    if (asked.length > 0 || !named.some(({ flush }) => flush)) continue;
    for (const record of nothingElse(announced)) if (isSameName(record.name, name)) found.add(record);
  }
  return [...found].filter((record) => !known.some((one) => isSame(record, one) && one.ttl * 2 >= record.ttl));
}

/** Additional records that a host which asked for `answers` needs next (RFC 6763 §12). */
export function additionalsFor(answers: readonly MdnsRecord[], announced: Announced): MdnsRecord[] {
  const pointsHere = answers.some(({ name, type }) => name === SERVICE && type === 'PTR');
  const hasService = pointsHere || answers.some(({ type }) => type === 'SRV');
  return recordsOf(announced).filter(
    (record) =>
      !answers.includes(record) &&
      !answers.some(({ name, type }) => name === record.name && type === record.type) &&
      ((pointsHere && (record.type === 'SRV' || record.type === 'TXT')) || (hasService && record.type === 'A')),
  );
}

/** A probe: asks whether a host has the two names, and holds the records planned for them (RFC 6762 §8.1). */
export function probe(announced: Announced): Uint8Array {
  const unique = recordsOf(announced).filter(({ flush }) => flush);
  return encode({
    type: 'query',
    questions: [instanceOf(announced), hostOf(announced)].map((name) => ({ name, type: 'ANY' })),
    authorities: unique.map((record) => ({ ...record, flush: false })),
  });
}

/** A multicast response. `ttl` 0 makes it a goodbye (RFC 6762 §10.1). */
export function announcement(answers: readonly MdnsRecord[], additionals: readonly MdnsRecord[], ttl?: 0): Uint8Array {
  const sent = ttl === undefined ? answers : answers.map((record) => ({ ...record, ttl }));
  return encode({ type: 'response', flags: RESPONSE_FLAGS, answers: sent, additionals });
}

/** A response to one simple resolver, which asks as it would ask a DNS server (RFC 6762 §6.7), as phones often do. */
export function plainAnswer(
  { id, questions }: MdnsMessage,
  answers: readonly MdnsRecord[],
  additionals: readonly MdnsRecord[],
): Uint8Array {
  const plain = (records: readonly MdnsRecord[]) =>
    records.map((record) => ({ ...record, ttl: Math.min(record.ttl, PLAIN_TTL_S_MAX), flush: false }));
  const asked = questions.map(({ name, type }) => ({ name, type }));
  return encode({
    id,
    type: 'response',
    flags: RESPONSE_FLAGS,
    questions: asked,
    answers: plain(answers),
    additionals: plain(additionals),
  });
}

/**
 * Whether another host claims one of the two names: it answers for one, or it probes at the same time and wins the tie-break
 * (RFC 6762 §8.2, §9). `ours`: all addresses of this machine, whose own messages come back to it.
 */
export function isClaimedBy(
  message: MdnsMessage,
  announced: Announced,
  ours: readonly string[],
  isProbing: boolean,
): boolean {
  const unique = recordsOf(announced).filter(({ flush }) => flush);
  const claims = message.type === 'response' ? message.answers : isProbing ? message.authorities : [];
  const foreign = claims.filter((one) => !(one.type === 'A' && ours.includes(String(one.data))));
  return unique.some((own) => {
    const others = foreign.filter((one) => isSameName(one.name, own.name) && one.type === own.type);
    // A goodbye claims nothing.
    return others.some(
      (one) =>
        (message.type === 'query' || one.ttl > 0) &&
        !isSame(own, one) &&
        (message.type === 'response' || isLater(one, own)),
    );
  });
}

/** Tie-break: the lexicographically later data wins (RFC 6762 §8.2). */
const isLater = (theirs: ForeignRecord, own: MdnsRecord) => rawOf(theirs) > rawOf(own);

function isSame(own: MdnsRecord, other: ForeignRecord): boolean {
  return own.type === other.type && isSameName(own.name, other.name) && rawOf(own) === rawOf(other);
}

/** Names are compared without regard to case (RFC 6762 §16). */
function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

const srvSchema = z.object({
  priority: z.number().default(0),
  weight: z.number().default(0),
  port: z.number(),
  target: z.string(),
});

/** A record's data for the comparison: uncompressed, with names in lower case, in hexadecimal. */
function rawOf({ type, data }: { type: string; data?: unknown }): string {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const text = typeof data === 'string' ? data : '';
  if (type === 'A') return hex(Uint8Array.from(text.split('.'), Number));
  if (type === 'PTR') return hex(utf8(text.toLowerCase()));
  if (type === 'TXT') {
    const parts: unknown[] = Array.isArray(data) ? data : [data];
    return parts.map((part) => hex(part instanceof Uint8Array ? part : utf8(String(part)))).join('2c');
  }
  const srv = srvSchema.safeParse(data);
  if (type !== 'SRV' || !srv.success) return '';
  const numbers = [srv.data.priority, srv.data.weight, srv.data.port];
  return numbers.map((one) => one.toString(16).padStart(4, '0')).join('') + hex(utf8(srv.data.target.toLowerCase()));
}
