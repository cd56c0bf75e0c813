import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MqttQueue, type OutgoingMessage } from '../../../device/base/mqtt-queue.ts';

/** A message that records its end. */
function message(name: string, bytes: number, keep: boolean, fate: string[]): OutgoingMessage {
  return {
    topic: name,
    payload: new Uint8Array(bytes),
    retain: false,
    keep,
    acknowledged: () => void fate.push(`${name} sent`),
    dropped: (why) => void fate.push(`${name} dropped: ${why}`),
  };
}

function drain(queue: MqttQueue): string[] {
  const names: string[] = [];
  for (let next = queue.take(); next; next = queue.take()) {
    names.push(next.topic);
    queue.acknowledge(next);
  }
  return names;
}

describe('the queue of unsent messages', () => {
  it('drops the oldest message without `keep`, by count and by bytes, and those with `keep` last', () => {
    const fate: string[] = [];
    const queue = new MqttQueue({ messages: 3, bytes: 100 });
    queue.push(message('receipt-1', 10, true, fate));
    queue.push(message('event-1', 10, false, fate));
    queue.push(message('event-2', 10, false, fate));
    queue.push(message('receipt-2', 10, true, fate));
    queue.push(message('event-3', 70, false, fate));
    expect(fate.map((line) => line.split(':')[0])).toEqual(['event-1 dropped', 'event-2 dropped']);
    queue.push(message('receipt-3', 40, true, fate));
    expect(fate.at(-1)).toMatch(/^event-3 dropped: .*full/);
    queue.push(message('receipt-4', 50, true, fate));
    expect(fate.at(-1)).toMatch(/^receipt-1 dropped/);
    expect(queue.dropped).toBe(4);
  });

  it('never exceeds its limits, keeps its count, and sends in order, for any course of events', () => {
    const arrival = fc.record({ bytes: fc.nat(60), keep: fc.boolean(), after: fc.constantFrom('', 'take', 'lost') });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 80 }), (arrivals) => {
        const fate: string[] = [];
        const queue = new MqttQueue({ messages: 8, bytes: 200 });
        for (const [at, { bytes, keep, after }] of arrivals.entries()) {
          queue.push(message(`${at}`, bytes, keep, fate));
          if (after === 'take') queue.take();
          if (after === 'lost') queue.connectionLost();
          expect(queue.size - queue.underWay).toBeLessThanOrEqual(8);
        }
        queue.connectionLost();
        const sent = drain(queue).map(Number);
        expect(sent).toEqual([...sent].sort((a, b) => a - b));
        const dropped = fate.filter((line) => line.includes('dropped'));
        expect(dropped).toHaveLength(queue.dropped);
        expect(sent.length + dropped.length).toBe(arrivals.length);
        expect(new Set(fate.map((line) => line.split(' ')[0])).size).toBe(arrivals.length);
      }),
    );
  });
});
