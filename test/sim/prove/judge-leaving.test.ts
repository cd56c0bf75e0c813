// Each claim is shown by honest traffic, and false with any one violation.
import { describe, expect, it } from 'vitest';
import { SystemRandom } from '../../../device/base/random.ts';
import type { Check } from '../../../sim/prove/claim.ts';
import type { OtherTraffic, SentChunk } from '../../../sim/prove/doorbell-watch.ts';
import {
  type AfterGrant,
  type BeforeGrant,
  checkBefore,
  checkGranted,
  checkNamed,
  checkOtherTraffic,
  checkRevoked,
  framesBetween,
  type NamedFacts,
  type Revoked,
  type Traffic,
} from '../../../sim/prove/judge-leaving.ts';
import type { Packet } from '../../../sim/prove/packet-list.ts';

const random = new SystemRandom();
const PLACES = ['10.128.0.1:41000', '10.128.0.1:42000'];
const [READY, GRANTED, STORED] = [1_000, 2_000, 3_000];
const CHUNK = 196_608;

function mp4(mediaBytes: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + mediaBytes, 0);
  head.write('mdat', 4, 'latin1');
  return Buffer.concat([head, random.bytes(mediaBytes)]);
}

const clip = mp4(40_000);
/** What was sent: the clip, encrypted. */
const file = random.bytes(40_008);
const said = (atUs: number, connection: number, bytes: string | Uint8Array): SentChunk => ({
  atUs,
  connection,
  bytes: Buffer.from(bytes),
});
const request = (method: string, path: string, body: string | Uint8Array) =>
  Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n`),
    Buffer.from(body),
  ]);
const packet = (atUs: number, to = PLACES[0] ?? '', kind: Packet['kind'] = 'tcp'): Packet => ({
  atUs,
  kind,
  to,
  bytes: 9,
});
const captured = (packets: Packet[], sent = packets.length): OtherTraffic => ({ means: 'capture', packets, sent });

/** The traffic of a doorbell that enrols, gets a request, and sends one clip. */
const traffic: Traffic = {
  broker: [said(500, 0, 'CONNECT'), said(1_500, 0, 'a notice of a request'), said(2_500, 0, 'a receipt')],
  bridge: [
    said(600, 0, request('POST', '/v1/enrolments', '{"secret":"s"}')),
    said(2_100, 1, request('POST', '/v1/intakes', '{"manifest":"m"}')),
    said(2_200, 1, request('PATCH', '/v1/intakes/1', file.subarray(0, 30_000))),
    said(2_300, 1, request('PATCH', '/v1/intakes/1', file.subarray(30_000))),
  ],
  bridgeAnswers: [],
  places: PLACES,
  otherTraffic: captured([packet(400, '', 'link'), packet(500), packet(600, PLACES[1]), packet(2_100, PLACES[1])]),
};

/** The failed checks. */
function wrongIn(checks: readonly Check[]): string[] {
  return checks.flatMap(({ what, seen, holds }) => (holds ? [] : [`${what}: ${seen}`]));
}

describe('other traffic than through the proxies', () => {
  it('is absent', () => {
    expect(wrongIn(checkOtherTraffic(traffic, GRANTED))).toEqual([]);
  });

  it.each<[string, Packet]>([
    ['a connection elsewhere', packet(700, '93.184.215.14:443')],
    ['a datagram to the port of a proxy', packet(700, PLACES[0], 'udp')],
    ['a query for a name', packet(700, '10.0.0.53:53', 'udp')],
    ['an echo request', packet(700, '93.184.215.14 (protocol 1)', 'other')],
  ])('%s is a fault if it was sent before the end of the time', (_what, foreign) => {
    const { otherTraffic } = traffic;
    const packets = [...(otherTraffic.means === 'capture' ? otherTraffic.packets : []), foreign];
    const found = wrongIn(checkOtherTraffic({ places: PLACES, otherTraffic: captured(packets) }, GRANTED));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`1 elsewhere: ${foreign.kind} ${foreign.to}`);
    expect(wrongIn(checkOtherTraffic({ places: PLACES, otherTraffic: captured(packets) }, 650))).toEqual([]);
  });

  it('a packet that the kernel counted and the capture lacks is a fault', () => {
    const { otherTraffic } = traffic;
    const packets = otherTraffic.means === 'capture' ? otherTraffic.packets : [];
    expect(wrongIn(checkOtherTraffic({ places: PLACES, otherTraffic: captured(packets, 5) }, GRANTED))).toHaveLength(1);
  });

  it('an empty capture or a look without sockets shows nothing', () => {
    expect(wrongIn(checkOtherTraffic({ places: PLACES, otherTraffic: captured([]) }, GRANTED))).toHaveLength(1);
    const blind: OtherTraffic = { means: 'sockets', why: 'w', looks: 9, blindMs: 31, ends: [] };
    expect(wrongIn(checkOtherTraffic({ places: PLACES, otherTraffic: blind }, GRANTED))).toHaveLength(1);
    expect(checkOtherTraffic({ places: PLACES, otherTraffic: { means: 'none', why: 'w' } }, GRANTED)).toEqual([]);
  });

  it('a socket to another address is a fault if it was seen before the end of the time', () => {
    const own = { end: `tcp ${PLACES[0]}`, firstUs: 500 };
    const seen = (end: string): OtherTraffic => ({
      ...{ means: 'sockets', why: 'w', looks: 9, blindMs: 31 },
      ends: [own, { end, firstUs: 1_900 }],
    });
    expect(wrongIn(checkOtherTraffic({ places: PLACES, otherTraffic: seen(`tcp ${PLACES[1]}`) }, GRANTED))).toEqual([]);
    for (const end of ['tcp 93.184.215.14:443', 'udp (any)', `udp ${PLACES[1]}`, 'tcp 10.128.0.1:4100']) {
      expect(wrongIn(checkOtherTraffic({ places: PLACES, otherTraffic: seen(end) }, GRANTED))[0]).toContain(
        `1 elsewhere: ${end}`,
      );
      expect(wrongIn(checkOtherTraffic({ places: PLACES, otherTraffic: seen(end) }, 1_900))).toEqual([]);
    }
  });
});

describe('before a grant', () => {
  const before: BeforeGrant = {
    traffic,
    ...{ readyUs: READY, grantedUs: GRANTED, storedUs: STORED, clip, file },
    recorded: { bytes: 3_000_000, us: 13_000_000 },
  };

  it('nothing left', () => {
    expect(wrongIn(checkBefore(before))).toEqual([]);
  });

  it.each<[string, Partial<BeforeGrant>]>([
    [
      'a piece of a picture in a message',
      {
        traffic: {
          ...traffic,
          broker: [...traffic.broker, said(1_800, 0, `{"still":"${clip.subarray(9_000, 9_700).toString('base64')}"}`)],
        },
      },
    ],
    [
      'a piece of a picture at the bridge',
      {
        traffic: {
          ...traffic,
          bridge: [
            said(600, 0, request('POST', '/v1/enrolments', clip.subarray(900, 1_500))),
            ...traffic.bridge.slice(1),
          ],
        },
      },
    ],
    [
      'a byte to the bridge after the enrolment',
      { traffic: { ...traffic, bridge: [...traffic.bridge, said(1_700, 4, 'x')] } },
    ],
    [
      'another request than the enrolment',
      { traffic: { ...traffic, bridge: [said(700, 2, request('POST', '/v1/telemetry', 'x')), ...traffic.bridge] } },
    ],
    ['no footage to keep', { recorded: { bytes: 0, us: 0 } }],
    ['a search that finds nothing afterwards either', { file: random.bytes(40_008) }],
    [
      'a piece of a picture in the open afterwards',
      {
        traffic: {
          ...traffic,
          bridge: [...traffic.bridge, said(2_400, 1, request('PATCH', '/v1/intakes/1', clip.subarray(9_000, 9_700)))],
        },
      },
    ],
    ['a clip without pictures', { clip: Buffer.from('\0\0\0\u0010moovxxxxxxxx') }],
    [
      'a connection elsewhere',
      { traffic: { ...traffic, otherTraffic: captured([packet(500), packet(900, '1.2.3.4:80')]) } },
    ],
  ])('%s makes it false', (_what, change) => {
    expect(wrongIn(checkBefore({ ...before, ...change })).length).toBeGreaterThan(0);
  });
});

describe('the frames of a span', () => {
  it('are those at or after its start and before its end', () => {
    expect(framesBetween({ fromUs: 2_430_000, toUs: 5_410_000 })).toEqual(
      Array.from({ length: 45 }, (_, at) => 37 + at),
    );
    expect(framesBetween({ fromUs: 0, toUs: 200_000 })).toEqual([0, 1, 2]);
    expect(framesBetween({ fromUs: 200_000, toUs: 200_001 })).toEqual([3]);
    expect(framesBetween({ fromUs: 200_001, toUs: 266_667 })).toEqual([]);
  });
});

describe('a granted clip', () => {
  const source = { fromUs: 2_430_000, toUs: 5_410_000 };
  const numbers = framesBetween(source);
  const window = { startUs: 102_430_000, endUs: 105_410_000 };
  const after: AfterGrant = {
    ...{ traffic, grantedUs: GRANTED, storedUs: STORED, window, source, clip, file, numbers, held: numbers.length },
    statement: { window, frames: numbers.length },
  };

  it('is exactly what was granted', () => {
    expect(wrongIn(checkGranted(after))).toEqual([]);
  });

  it.each<[string, Partial<AfterGrant>, string]>([
    ['a picture before', { numbers: [36, ...numbers], held: 46 }, '46 pictures, 36 to 81'],
    ['a picture after', { numbers: [...numbers, 82], held: 46 }, '46 pictures, 37 to 82'],
    ['a picture missing', { numbers: numbers.filter((number) => number !== 50), held: 44 }, 'number 14 is 51'],
    [
      'a picture that cannot be read',
      { numbers: numbers.map((number) => (number === 50 ? null : number)) },
      'unreadable',
    ],
    ['two pictures swapped', { numbers: [38, 37, ...numbers.slice(2)] }, 'number 2 is 37'],
    ['no picture', { numbers: [], held: 0 }, 'no picture'],
    ['hidden pictures', { held: 81 }, 'a player shows 45, the file holds 81'],
    ['a statement that does not verify', { statement: { refused: 'bad-signature' } }, 'bad-signature'],
    ['a statement of another count', { statement: { window, frames: 46 } }, '46 pictures'],
    [
      'a statement of another span',
      { statement: { window: { ...window, endUs: window.endUs + 1 }, frames: 45 } },
      '45 pictures',
    ],
    ['another file in the vault', { file: mp4(40_000) }, 'of the latter alone'],
    [
      'the clip sent twice',
      { traffic: { ...traffic, bridge: [...traffic.bridge, said(2_400, 2, request('PATCH', '/v1/intakes/2', file))] } },
      '80016 bytes sent',
    ],
    [
      'much more than documents',
      {
        traffic: {
          ...traffic,
          bridge: [...traffic.bridge, said(2_400, 2, request('POST', '/v1/more', Buffer.alloc(70_000)))],
        },
      },
      'at most 65536 are allowed',
    ],
    [
      'a picture in a message, after the grant',
      {
        traffic: {
          ...traffic,
          broker: [...traffic.broker, said(2_950, 0, clip.subarray(9_000, 9_700).toString('hex'))],
        },
      },
      'pieces of them',
    ],
    [
      'a connection elsewhere, after the grant',
      { traffic: { ...traffic, otherTraffic: captured([packet(500), packet(2_900, '1.2.3.4:80')]) } },
      '1 elsewhere',
    ],
  ])('%s makes it false', (_what, change, told) => {
    const wrong = wrongIn(checkGranted({ ...after, ...change }));
    expect(wrong.join('\n')).toContain(told);
  });
});

describe('the facts with a clip', () => {
  const facts: NamedFacts = {
    traffic,
    values: { name: 'Robin Maple', address: '12 Maple Street', email: 'robin@maple.example', phone: '+1 217 555 0142' },
    ...{ named: ['address'], disclosed: ['address'], streams: ['video'], audioPackets: 0 },
    received: [clip, Buffer.from('{"address":"12 Maple Street"}')],
  };
  const also = (text: string) => ({ received: [...facts.received, Buffer.from(text)] });

  it('are those that were named', () => {
    expect(wrongIn(checkNamed(facts))).toEqual([]);
  });

  it.each<[string, Partial<NamedFacts>]>([
    ['a fact that was not named', { disclosed: ['address', 'email'] }],
    ['no fact at all', { disclosed: [] }],
    ['another value in what the agency has', also('{"who":"Robin Maple"}')],
    [
      'another value in a signed document',
      also(`e30.${Buffer.from('{"mail":"robin@maple.example"}').toString('base64url')}.x`),
    ],
    [
      'another value at the bridge, before the grant',
      { traffic: { ...traffic, bridge: [said(1, 9, '+1 217 555 0142'), ...traffic.bridge] } },
    ],
    ['a search that does not find what was named', { received: [clip] }],
    [
      'a named fact in the open',
      { traffic: { ...traffic, bridge: [said(2_400, 9, '12 Maple Street'), ...traffic.bridge] } },
    ],
    ['a track of sound', { streams: ['video', 'audio'] }],
    ['sound packets in the statement', { audioPackets: 7 }],
  ])('%s makes it false', (_what, change) => {
    expect(wrongIn(checkNamed({ ...facts, ...change })).length).toBe(1);
  });
});

describe('a revocation in the middle of an upload', () => {
  const large = mp4(5 * CHUNK);
  const chunks = (many: number) =>
    Array.from({ length: many }, (_, at) =>
      said(2_100 + at, 1, request('PATCH', '/v1/intakes/1', large.subarray(at * CHUNK, (at + 1) * CHUNK))),
    );
  const answer = (atUs: number, offset: number) =>
    said(atUs, 1, `HTTP/1.1 204 No Content\r\nUpload-Offset: ${offset}\r\n\r\n`);
  const revoked: Revoked = {
    traffic: {
      ...traffic,
      bridge: [...chunks(2), said(2_900, 2, request('POST', '/v1/revocations', 'r'))],
      bridgeAnswers: [answer(2_150, CHUNK)],
    },
    ...{ grantedUs: GRANTED, revokedUs: 2_500, clipBytes: large.length },
    ...{ outcomes: ['granted', 'sealed', 'revoked', 'deleted'], isListed: false, isInVault: false },
  };

  it('wins', () => {
    expect(wrongIn(checkRevoked(revoked))).toEqual([]);
    expect(checkRevoked(revoked)[1]?.seen).toContain(`${CHUNK} beyond`);
  });

  it.each<[string, Partial<Revoked>]>([
    ['a second chunk beyond what was acknowledged', { traffic: { ...revoked.traffic, bridge: chunks(3) } }],
    ['the whole clip', { traffic: { ...revoked.traffic, bridge: chunks(6) } }],
    ['no upload that had begun', { traffic: { ...revoked.traffic, bridgeAnswers: [answer(2_600, CHUNK)] } }],
    ['an upload that had ended', { clipBytes: CHUNK }],
    ['no answer', { outcomes: ['granted', 'sealed', 'revoked'] }],
    ['a clip that was sent', { outcomes: ['granted', 'sealed', 'sent', 'deleted'] }],
    ['a clip that the agency is shown', { isListed: true }],
    ['a clip in the vault', { isInVault: true }],
  ])('%s makes it false', (_what, change) => {
    expect(wrongIn(checkRevoked({ ...revoked, ...change })).length).toBeGreaterThan(0);
  });
});
