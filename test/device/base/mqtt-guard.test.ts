import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { FROM_BROKER, FROM_CLIENT, MqttGuard } from '../../../device/base/mqtt-guard.ts';

const publish = (payloadBytes: number, qos: 0 | 1 | 2 = 0): Uint8Array =>
  generate({
    cmd: 'publish',
    topic: 'a/b',
    payload: Buffer.alloc(payloadBytes),
    qos,
    dup: false,
    retain: false,
    ...(qos > 0 ? { messageId: 1 } : {}),
  });

/** A guard's answers to bytes that come in pieces, cut at the given positions. */
function judge(bytes: Uint8Array, cuts: readonly number[], guard: MqttGuard): string | null {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (const [at, from] of places.entries()) {
    const fault = guard.check(bytes.subarray(from, places[at + 1] ?? bytes.length));
    if (fault) return fault;
  }
  return null;
}

describe('the guard of an MQTT connection', () => {
  it('lets whole packets pass and counts them, however they are cut into pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (sizes, cuts) => {
          const guard = new MqttGuard(FROM_BROKER, 1_000);
          const bytes = Buffer.concat([
            generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }),
            ...sizes.map((size) => publish(size)),
            generate({ cmd: 'pingresp' }),
          ]);
          expect(judge(bytes, cuts, guard)).toBeNull();
          expect(guard.packets).toBe(sizes.length + 2);
        },
      ),
    );
  });

  it('finds the first packet that is too large from its header alone, wherever the pieces are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 6 }), fc.integer({ min: 0, max: 5_000_000 }), (cuts, beyond) => {
        const limit = 1_000;
        const tooLong = publish(limit - 5 + 1 + (beyond % 3_000));
        expect(judge(Buffer.concat([publish(3), tooLong]), cuts, new MqttGuard(FROM_BROKER, limit))).toMatch(/larger/);
      }),
    );
    expect(new MqttGuard(FROM_BROKER, 1_000).check(publish(1_000 - 5))).toBeNull();
    expect(new MqttGuard(FROM_BROKER, 1_000).check(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff))).toMatch(/larger/);
    expect(new MqttGuard(FROM_BROKER, 10 ** 9).check(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80))).toMatch(/larger/);
  });

  it('refuses packets that do not belong to their direction, and QoS 2', () => {
    const fromClient = generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] });
    expect(new MqttGuard(FROM_CLIENT, 1_000).check(fromClient)).toBeNull();
    expect(new MqttGuard(FROM_BROKER, 1_000).check(fromClient)).toMatch(/type 8/);
    for (const kinds of [FROM_BROKER, FROM_CLIENT]) {
      expect(new MqttGuard(kinds, 1_000).check(publish(1, 1))).toBeNull();
      expect(new MqttGuard(kinds, 1_000).check(publish(1, 2))).toMatch(/QoS 2/);
      for (const kind of [0, 5, 6, 7, 15]) {
        expect(new MqttGuard(kinds, 1_000).check(Uint8Array.of(kind << 4, 0)), String(kind)).toMatch(/type/);
      }
    }
  });
});
