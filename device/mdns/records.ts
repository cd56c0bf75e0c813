// Owns: what a doorbell says of itself over multicast DNS: its names, its records, what answers a question, who else claims a name
// (RFC 6762, RFC 6763). Pure. Not here: when it is said and to whom (announcer.ts).

import { utf8 } from '@doorsill/contract/bytes';
import { decode, encode } from 'dns-packet';
import { z } from 'zod';

/** Two names of one doorbell: a label that people read, and a host name without `.local`. */
export interface Names {
  label: string;
  host: string;
}

/** What a doorbell is announced as on one link. */
export interface Announced extends Names {
  port: number;
  /** Its IPv4 address on that link. */
  address: string;
}

export interface MdnsRecord {
  name: string;
  type: 'PTR' | 'SRV' | 'TXT' | 'A' | 'NSEC';
  ttl: number;
  /** Whether this host alone has records of that name: others forget what they knew (RFC 6762 §10.2). */
  flush: boolean;
  data: string | string[] | { port: number; target: string } | { nextDomain: string; rrtypes: string[] };
}

const SERVICE = '_https._tcp.local';
/** All kinds of services on a link (RFC 6763 §9). */
const SERVICES = '_services._dns-sd._udp.local';
/** RFC 6762 §10: records with a host name in them, and all others. */
const TTL_S = { host: 120, other: 4_500 } as const;
/** A simple resolver keeps no cache that we could correct (RFC 6762 §6.7). */
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

/** A message as it came from a link; null for what is none, or is larger than one may be. */
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
 * The names of a doorbell: of what its owner calls it alone, and, where another device has those already, with the beginning of its own
 * id. An address is in none of them.
 */
export function namesOf(name: string, device: string): readonly [Names, Names] {
  const id = device.replace(/^device-/, '').slice(0, ID_LETTERS);
  // A dot divides labels, and the package knows no way to escape one.
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

/** All that a doorbell announces: its two names, its port, the path of its page, and the address by which that link reaches it. */
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

/** Says that there is nothing else under the two names, so that nobody waits for an address of IPv6 (RFC 6762 §6.1). */
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

/** What answers a message's questions; without what the asker knows already (RFC 6762 §7.1). Empty when nothing of it is ours. */
export function answersTo({ questions, answers: known }: MdnsMessage, announced: Announced): MdnsRecord[] {
  const all = recordsOf(announced);
  const found = new Set<MdnsRecord>();
  for (const { name, type, class: kind } of questions) {
    // The last one is IN with the bit that asks for an answer to the asker alone (RFC 6762 §5.4), as the package reads it.
    if (!['IN', 'ANY', 'UNKNOWN_32769'].includes(kind)) continue;
    const named = all.filter((record) => isSameName(record.name, name));
    const asked = named.filter((record) => type === 'ANY' || record.type === type);
    for (const record of asked) found.add(record);
    if (asked.length > 0 || !named.some(({ flush }) => flush)) continue;
    for (const record of nothingElse(announced)) if (isSameName(record.name, name)) found.add(record);
  }
  return [...found].filter((record) => !known.some((one) => isSame(record, one) && one.ttl * 2 >= record.ttl));
}

/** What somebody who asked for `answers` asks for next (RFC 6763 §12). */
export function besides(answers: readonly MdnsRecord[], announced: Announced): MdnsRecord[] {
  const pointsHere = answers.some(({ name, type }) => name === SERVICE && type === 'PTR');
  const hasService = pointsHere || answers.some(({ type }) => type === 'SRV');
  return recordsOf(announced).filter(
    (record) =>
      !answers.includes(record) &&
      !answers.some(({ name, type }) => name === record.name && type === record.type) &&
      ((pointsHere && (record.type === 'SRV' || record.type === 'TXT')) || (hasService && record.type === 'A')),
  );
}

/** Asks whether anybody has the two names, and says for what they are wanted (RFC 6762 §8.1). */
export function probe(announced: Announced): Uint8Array {
  const unique = recordsOf(announced).filter(({ flush }) => flush);
  return encode({
    type: 'query',
    questions: [instanceOf(announced), hostOf(announced)].map((name) => ({ name, type: 'ANY' })),
    authorities: unique.map((record) => ({ ...record, flush: false })),
  });
}

/** A message for the whole link. `ttl` 0 says goodbye (RFC 6762 §10.1). */
export function announcement(answers: readonly MdnsRecord[], additionals: readonly MdnsRecord[], ttl?: 0): Uint8Array {
  const sent = ttl === undefined ? answers : answers.map((record) => ({ ...record, ttl }));
  return encode({ type: 'response', flags: RESPONSE_FLAGS, answers: sent, additionals });
}

/** A message for one simple resolver, which asks as it would ask a server (RFC 6762 §6.7): a phone's own often does. */
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
 * Whether a message shows that another host has one of the two names: it answers for one, or it probes for one at the same time and is to
 * have it (RFC 6762 §8.2, §9). `ours` are all addresses of this machine, whose own messages come back to it.
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

/** The later data wins (RFC 6762 §8.2). */
const isLater = (theirs: ForeignRecord, own: MdnsRecord) => rawOf(theirs) > rawOf(own);

function isSame(own: MdnsRecord, other: ForeignRecord): boolean {
  return own.type === other.type && isSameName(own.name, other.name) && rawOf(own) === rawOf(other);
}

/** Names are the same in either case (RFC 6762 §16). */
function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

const srvSchema = z.object({
  priority: z.number().default(0),
  weight: z.number().default(0),
  port: z.number(),
  target: z.string(),
});

/** A record's data as it lies in a message, uncompressed and with names in lower case, in hexadecimal: so it is compared. */
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
