import { decode, encode } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import {
  type Announced,
  additionalsFor,
  announcement,
  answersTo,
  isClaimedBy,
  namesOf,
  plainAnswer,
  probe,
  readMessage,
  recordsOf,
} from '../../../device/mdns/records.ts';

const DEVICE = 'device-5c80aa';
const DOOR: Announced = { label: 'Front door', host: 'front-door', port: 8_480, address: '192.168.1.20' };
const OTHER: Announced = { ...DOOR, address: '192.168.1.30' };
const INSTANCE = 'Front door._https._tcp.local';

function read(bytes: Uint8Array) {
  const message = readMessage(bytes);
  if (!message) throw new Error('no message');
  return message;
}
const asked = (name: string, type: string, answers: object[] = []) =>
  read(encode({ type: 'query', questions: [{ name, type }], answers }));
const said = (name: string, type: string, answers: object[] = []) =>
  answersTo(asked(name, type, answers), DOOR).map((record) => `${record.type} ${record.name}`);

describe('the names', () => {
  it('are the owner’s name for the doorbell, and the same with its id where another device has that', () => {
    expect(namesOf('Front door', DEVICE)).toEqual([
      { label: 'Front door', host: 'front-door' },
      { label: 'Front door (5c80)', host: 'front-door-5c80' },
    ]);
    const [plain] = namesOf('Haustür „Süd“, St. Ägid', DEVICE);
    expect(plain).toEqual({ label: 'Haustür „Süd“, St Ägid', host: 'haustur-sud-st-agid' });
  });

  it.each(['玄関', '...', '\u0007'])('of %j consist of letters that a host name may have', (name) => {
    const [{ host, label }] = namesOf(name, DEVICE);
    expect([host, label === '']).toEqual(['doorbell', false]);
  });

  it('fit into a label, whatever the owner wrote', () => {
    for (const name of ['ü'.repeat(60), '👪'.repeat(60), `${'a'.repeat(49)}-${'b'.repeat(10)}`]) {
      for (const names of namesOf(name, DEVICE)) {
        expect(Buffer.byteLength(names.label)).toBeLessThanOrEqual(63);
        expect(names.label).not.toContain('\ufffd');
        expect(names.host).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
      }
    }
  });
});

describe('an answer', () => {
  it('is given to questions about our names, in either case, and to nothing else', () => {
    expect(said('_https._tcp.local', 'PTR')).toEqual(['PTR _https._tcp.local']);
    expect(said('_HTTPS._tcp.LOCAL', 'PTR')).toEqual(['PTR _https._tcp.local']);
    expect(said('_services._dns-sd._udp.local', 'PTR')).toEqual(['PTR _services._dns-sd._udp.local']);
    expect(said(INSTANCE, 'ANY')).toEqual([`SRV ${INSTANCE}`, `TXT ${INSTANCE}`]);
    expect(said('front-door.local', 'A')).toEqual(['A front-door.local']);
    for (const name of ['back-door.local', '_http._tcp.local', 'local', '20.1.168.192.in-addr.arpa'])
      expect(said(name, 'ANY')).toEqual([]);
  });

  it('tells that there is no IPv6 address, so that nobody waits for one', () => {
    const [none] = answersTo(asked('front-door.local', 'AAAA'), DOOR);
    expect(none).toMatchObject({ type: 'NSEC', name: 'front-door.local', data: { rrtypes: ['A'] } });
  });

  it('is not repeated for a host that knows it for long enough', () => {
    const known = (ttl: number) => [{ name: '_https._tcp.local', type: 'PTR', ttl, data: INSTANCE }];
    expect(said('_https._tcp.local', 'PTR', known(2_250))).toEqual([]);
    expect(said('_https._tcp.local', 'PTR', known(2_249))).toHaveLength(1);
  });

  it('adds the records that are asked for next', () => {
    const next = (name: string, type: string) =>
      additionalsFor(answersTo(asked(name, type), DOOR), DOOR).map((one) => one.type);
    expect(next('_https._tcp.local', 'PTR')).toEqual(['SRV', 'TXT', 'A']);
    expect(next(INSTANCE, 'SRV')).toEqual(['A']);
    expect(next('front-door.local', 'A')).toEqual([]);
  });

  it('to a simple resolver repeats its question and has a short lifetime', () => {
    const question = read(encode({ id: 4_711, type: 'query', questions: [{ name: 'front-door.local', type: 'A' }] }));
    expect(decode(plainAnswer(question, answersTo(question, DOOR), []))).toMatchObject({
      id: 4_711,
      type: 'response',
      questions: [{ name: 'front-door.local', type: 'A' }],
      answers: [{ ttl: 10, flush: false, data: '192.168.1.20' }],
    });
  });
});

describe('a name', () => {
  const isClaimed = (bytes: Uint8Array, isProbing = false, ours = ['192.168.1.20']) =>
    isClaimedBy(read(bytes), DOOR, ours, isProbing);

  it('is claimed by a host that answers for it with another address, service or text', () => {
    expect(isClaimed(announcement(recordsOf(OTHER), []))).toBe(true);
    expect(isClaimed(announcement(recordsOf({ ...DOOR, port: 443 }), []))).toBe(true);
    expect(
      isClaimed(announcement([{ name: INSTANCE, type: 'TXT', ttl: 120, flush: true, data: ['path=/x'] }], [])),
    ).toBe(true);
    expect(isClaimed(announcement(recordsOf({ ...OTHER, label: 'Gate', host: 'gate' }), []))).toBe(false);
  });

  it('is not claimed by ourselves, on whichever of our networks, nor by a goodbye', () => {
    expect(isClaimed(announcement(recordsOf(DOOR), []))).toBe(false);
    expect(isClaimed(announcement(recordsOf(OTHER), []), false, ['192.168.1.20', '192.168.1.30'])).toBe(false);
    expect(isClaimed(announcement(recordsOf(OTHER), [], 0))).toBe(false);
  });

  it('belongs, of two hosts that probe at once, to the one whose data is later', () => {
    expect(isClaimed(probe(OTHER), true)).toBe(true);
    expect(isClaimedBy(read(probe(DOOR)), OTHER, ['192.168.1.30'], true)).toBe(false);
    // Compared as numbers, not as text.
    const [nine, ten] = [
      { ...DOOR, address: '192.168.1.9' },
      { ...DOOR, address: '192.168.1.10' },
    ];
    expect(isClaimedBy(read(probe(ten)), nine, [], true)).toBe(true);
    expect(isClaimedBy(read(probe(nine)), ten, [], true)).toBe(false);
    expect(isClaimed(probe(OTHER), false)).toBe(false);
  });
});

describe('a message', () => {
  it('from outside is parsed or refused, whatever its bytes are', () => {
    expect(readMessage(new Uint8Array(0))).toBeNull();
    expect(readMessage(new Uint8Array(9_001))).toBeNull();
    const valid = announcement(recordsOf(DOOR), []);
    for (let at = 0; at < valid.length; at += 1) {
      for (const bit of [1, 64, 128, 255]) {
        const changed = Uint8Array.from(valid);
        changed[at] = (changed[at] ?? 0) ^ bit;
        const message = readMessage(changed);
        if (message) isClaimedBy(message, DOOR, [], true);
        if (message) answersTo(message, DOOR);
      }
      readMessage(valid.subarray(0, at));
    }
    const many = encode({
      type: 'query',
      questions: Array.from({ length: 65 }, () => ({ name: 'a.local', type: 'A' })),
    });
    expect(readMessage(many)).toBeNull();
  });
});
