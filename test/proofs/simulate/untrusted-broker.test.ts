import { expect, it } from 'vitest';
import { SeededRandom } from '../../../device/base/random.ts';
import { settled } from '../../../sim/world/quiet.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';
import { MemoryNetwork } from './memory-network.ts';
import { messagesIn, packetOf } from './mqtt-packets.ts';
import { UntrustedBroker } from './untrusted-broker.ts';

const packet = (topic: string, text: string) => packetOf({ topic, payload: Buffer.from(text), retained: false });
const order = (text: string) => packet('doorsill/v1/home/d/consent/r/grant', text);
const list = (text: string) => packet('doorsill/v1/area/revocations', text);
const payloads = (bytes: Uint8Array) =>
  messagesIn(bytes).map(({ payload, retained }) => `${Buffer.from(payload).toString()}${retained ? ' retained' : ''}`);

/** A broker whose injected messages are collected. */
function broker() {
  const world = new VirtualClock({ startUs: 0, quiet: settled });
  const network = new MemoryNetwork({ clock: world, random: new SeededRandom(1) });
  const injected: string[] = [];
  network.inject = (_from, home, bytes) => void injected.push(...payloads(bytes).map((text) => `${home} ${text}`));
  return { world, injected, untrusted: new UntrustedBroker(network, world) };
}

it('forwards everything while honest, and replays earlier orders', () => {
  const { untrusted, injected } = broker();
  expect(payloads(untrusted.passOn('home-1', Buffer.concat([order('a'), list('b')])))).toEqual(['a', 'b']);
  untrusted.record(Buffer.concat([order('yes'), order('no')]));
  untrusted.replay('home-2');
  expect(injected).toEqual(['home-2 yes', 'home-2 no']);
});

it('withholds orders from one home, and delivers them in another order', () => {
  const { untrusted, injected } = broker();
  untrusted.withhold('home-1');
  expect(payloads(untrusted.passOn('home-1', Buffer.concat([order('a'), packet('t', 'event'), order('b')])))).toEqual([
    'event',
  ]);
  expect(payloads(untrusted.passOn('home-2', order('c')))).toEqual(['c']);
  untrusted.release('home-1', 'reversed');
  expect(injected).toEqual(['home-1 b', 'home-1 a']);
  expect(payloads(untrusted.passOn('home-1', order('d')))).toEqual(['d']);
});

it('delivers orders as retained messages', () => {
  const { untrusted } = broker();
  untrusted.retain('home-1', true);
  expect(payloads(untrusted.passOn('home-1', Buffer.concat([order('a'), packet('t', 'event')])))).toEqual([
    'event',
    'a retained',
  ]);
  untrusted.behave();
  expect(payloads(untrusted.passOn('home-1', order('a')))).toEqual(['a']);
});

it('delivers an old list after a newer one, and withholds requests', async () => {
  const { untrusted, injected, world } = broker();
  const document = (text: string) => packet('doorsill/v1/area/9q8/requests', text);
  untrusted.passOn('home-1', list('old'));
  untrusted.outdate('home-1', true);
  expect(payloads(untrusted.passOn('home-1', Buffer.concat([list('new'), document('cancelled')])))).toEqual(['new']);
  const running = world.run();
  await world.sleep(2_000);
  expect(injected).toEqual(['home-1 old']);
  untrusted.outdate('home-1', false);
  expect(injected).toEqual(['home-1 old', 'home-1 cancelled']);
  world.stop();
  await running;
});
