import { generate } from 'mqtt-packet';
import { expect, it } from 'vitest';
import { messagesIn, packetOf, parted } from './mqtt-packets.ts';

const publish = (topic: string, payload: string, qos: 0 | 1) =>
  generate({ cmd: 'publish', topic, payload, qos, dup: false, retain: false, ...(qos === 1 ? { messageId: 7 } : {}) });
const texts = (bytes: Uint8Array) =>
  messagesIn(bytes).map(({ topic, payload }) => [topic, Buffer.from(payload).toString()]);

it('finds the messages of a piece among other packets', () => {
  const piece = Buffer.concat([
    generate({ cmd: 'puback', messageId: 3 }),
    publish('home/door/event', 'ring', 1),
    generate({ cmd: 'pingreq' }),
    publish('ä', 'x'.repeat(20_000), 0),
  ]);
  expect(texts(piece)).toEqual([
    ['home/door/event', 'ring'],
    ['ä', 'x'.repeat(20_000)],
  ]);
});

it('ignores a truncated one', () => {
  const piece = Buffer.concat([publish('a', 'whole', 1), publish('b', 'cut', 1)]);
  for (let cut = 1; cut < publish('b', 'cut', 1).length; cut += 1)
    expect(texts(piece.subarray(0, piece.length - cut))).toEqual([['a', 'whole']]);
});

it('writes a packet that reads back', () => {
  for (const length of [0, 1, 100, 127, 128, 16_383, 16_384, 60_000]) {
    const packet = packetOf({ topic: 'home/door', payload: Buffer.alloc(length, 97), retained: false });
    expect(Buffer.compare(packet, publish('home/door', 'a'.repeat(length), 0))).toBe(0);
    expect(texts(packet)).toEqual([['home/door', 'a'.repeat(length)]]);
  }
});

it('removes selected messages, and keeps all other packets, also truncated ones', () => {
  const [ack, order, event] = [
    generate({ cmd: 'puback', messageId: 3 }),
    publish('x/consent/r/grant', 'yes', 1),
    publish('e', 'ring', 1),
  ];
  const half = publish('x/consent/r/revoke', 'no', 1).subarray(0, 9);
  const { kept, taken } = parted(Buffer.concat([ack, order, event, order, half]), ({ topic }) =>
    topic.includes('/consent/'),
  );
  expect(taken.map(({ payload }) => Buffer.from(payload).toString())).toEqual(['yes', 'yes']);
  expect(Buffer.compare(kept, Buffer.concat([ack, event, half]))).toBe(0);
});

it('distinguishes retained messages', () => {
  const packets = [true, false].map((retained) => packetOf({ topic: 't', payload: Buffer.from('x'), retained }));
  expect(messagesIn(Buffer.concat(packets)).map(({ retained }) => retained)).toEqual([true, false]);
  const kept = generate({ cmd: 'publish', topic: 't', payload: 'x', qos: 0, dup: false, retain: true });
  expect(Buffer.compare(packets[0] ?? Buffer.alloc(0), kept)).toBe(0);
});

it('parses a piece once, and another with the same bytes separately', () => {
  const piece = publish('home/door/event', 'ring', 1);
  expect(messagesIn(piece)).toBe(messagesIn(piece));
  expect(messagesIn(Buffer.from(piece))).not.toBe(messagesIn(piece));
  expect(messagesIn(Buffer.from(piece))).toEqual(messagesIn(piece));
});
