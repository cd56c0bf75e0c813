import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { encode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock, type Timer } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { Announcer } from '../../../device/mdns/announcer.ts';
import type { MdnsLink } from '../../../device/mdns/links.ts';
import { type MdnsMessage, namesOf, readMessage } from '../../../device/mdns/records.ts';
import { untilFound } from '../../support/until-found.ts';

const GROUP = '224.0.0.251';
/** Real waits, cut short: a name is probed in 40 ms, and the addresses are looked at every 150 ms. */
class HastyClock extends SystemClock {
  override after(delayMs: number, call: () => void): Timer {
    return super.after(delayMs / (delayMs > 5_000 ? 100 : 20), call);
  }
}

/** One whose second never ends: what is said once a second at most is said once. */
class StoppedClock extends HastyClock {
  override monotonicMs(): number {
    return 0;
  }
}

/** All that is sent on the loopback's own group, by a port of the test's own. */
class Listener {
  readonly heard: MdnsMessage[] = [];
  readonly bytes: Uint8Array[] = [];
  readonly socket: Socket;
  readonly port: number;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.port = socket.address().port;
  }

  static async start(): Promise<Listener> {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    socket.bind(0);
    await once(socket, 'listening');
    socket.addMembership(GROUP, '127.0.0.1');
    socket.setMulticastInterface('127.0.0.1');
    const listener = new Listener(socket);
    socket.on('message', (bytes) => {
      listener.bytes.push(bytes);
      const message = readMessage(bytes);
      if (message) listener.heard.push(message);
    });
    return listener;
  }

  /** Sends it from the port of multicast DNS, as another host would. */
  send(message: object): void {
    this.socket.send(encode(message), this.port, GROUP);
  }

  answers(): string[] {
    const answers = this.heard.filter(({ type }) => type === 'response').flatMap((one) => one.answers);
    return answers.map(({ name, type, ttl, data }) => `${name} ${type} ${ttl} ${JSON.stringify(data)}`);
  }
}

let listener: Listener;
const running: Announcer[] = [];
beforeEach(async () => {
  listener = await Listener.start();
});
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
  listener.socket.close();
});

const link = (address: string): MdnsLink => ({ address, netmask: '255.0.0.0' });

function announce(
  name: string,
  {
    address = '127.0.0.1',
    device = 'device-5c80aa',
    links = async () => [link(address)],
    clock = new HastyClock(),
  } = {},
) {
  const seams = { clock, random: new SystemRandom(), log: silentLog() };
  const announcer = new Announcer({
    ...seams,
    names: namesOf(name, device),
    port: 8_480,
    mdnsPort: listener.port,
    links,
  });
  running.push(announcer);
  announcer.start();
  return announcer;
}

const until = (what: string, look: () => boolean) =>
  untilFound(() => look() || null, {
    mostMs: 20_000,
    everyMs: 10,
    missing: () => `${what}: ${listener.answers().join('; ')}`,
  });
const isNamed = (announcer: Announcer, host: string) => until(host, () => announcer.state.host === host);

describe('a doorbell on a network', () => {
  it('says its owner’s name, its port, its page and its address there, and nothing else', async () => {
    const announcer = announce('Front door');
    await until('two announcements', () => listener.heard.filter(({ type }) => type === 'response').length >= 2);
    expect(announcer.state).toEqual({ host: 'front-door.local', fault: null });
    await announcer.stop();
    await until('a goodbye', () => listener.answers().some((one) => one.includes(' A 0 ')));
    // Every word of every message, whatever part of it holds it.
    const words = new Set(
      listener.bytes.flatMap(
        (bytes) =>
          Buffer.from(bytes)
            .toString('latin1')
            .match(/[\x20-\x7e]{4,}/g) ?? [],
      ),
    );
    const allowed = ['Front door', '_https', '_tcp', 'local', '_services', '_dns-sd', '_udp', 'front-door', 'path=/'];
    const rest = [...words].map((word) => allowed.reduce((left, known) => left.replaceAll(known, ''), word));
    expect(rest.filter((word) => /\w{3,}/.test(word))).toEqual([]);
    const kinds = listener.heard.flatMap((one) => [...one.answers, ...one.authorities]).map(({ type }) => type);
    expect([...new Set(kinds)].sort()).toEqual(['A', 'PTR', 'SRV', 'TXT']);
    const addresses = listener.heard.flatMap((one) => one.answers).filter(({ type }) => type === 'A');
    expect(new Set(addresses.map(({ data }) => data))).toEqual(new Set(['127.0.0.1']));
  });

  it('asks whether the name is free before it says that it has it', async () => {
    await isNamed(announce('Front door'), 'front-door.local');
    await until('an announcement', () => listener.answers().length > 0);
    const first = listener.heard.findIndex(({ type }) => type === 'response');
    const before = listener.heard.slice(0, first);
    expect(before).toHaveLength(3);
    expect(before[0]?.questions.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'Front door._https._tcp.local ANY',
      'front-door.local ANY',
    ]);
  });

  it('takes digits of its id where another device has the name', async () => {
    const first = announce('Front door');
    await isNamed(first, 'front-door.local');
    const second = announce('Front door', { address: '127.0.0.2', device: 'device-77ffee' });
    await until('two names', () => {
      const hosts = [first.state.host, second.state.host].sort();
      return hosts[0]?.startsWith('front-door-') === true && hosts[1] === 'front-door.local';
    });
  });

  it('says that both names are taken when they are', async () => {
    const announcer = announce('Front door');
    const taken = (name: string) => ({ name, type: 'A', ttl: 120, data: '127.0.0.9' });
    await until('a fault', () => {
      listener.send({ type: 'response', answers: [taken('front-door.local'), taken('front-door-5c80.local')] });
      return announcer.state.fault !== null;
    });
    expect(announcer.state.fault?.code).toBe('mdns_name_taken');
    expect(announcer.state.fault?.message).toContain('front-door.local, front-door-5c80.local');
  });

  it('follows the machine to another address, and says when it is on no network', async () => {
    let links: MdnsLink[] = [];
    const announcer = announce('Front door', { links: async () => links });
    await until('no network', () => announcer.state.fault?.code === 'mdns_no_network');
    links = [link('127.0.0.1')];
    await isNamed(announcer, 'front-door.local');
    expect(announcer.state.fault).toBeNull();
    links = [link('127.0.0.5')];
    await until('its new address', () => listener.answers().includes('front-door.local A 120 "127.0.0.5"'));
    expect(listener.answers()).toContain('front-door.local A 0 "127.0.0.1"');
  });
});

describe('who asks', () => {
  const question = { type: 'query', questions: [{ name: '_https._tcp.local', type: 'PTR' }] };
  const pointers = () => listener.answers().filter((one) => one.startsWith('_https._tcp.local PTR')).length;

  beforeEach(async () => {
    await isNamed(announce('Front door', { clock: new StoppedClock() }), 'front-door.local');
    await until('two announcements', () => pointers() === 2);
  });

  it('is told on the network, once a second at most', async () => {
    listener.send(question);
    await until('an answer', () => pointers() === 3);
    for (let turn = 0; turn < 20; turn += 1) listener.send(question);
    listener.send({ type: 'query', questions: [{ name: 'front-door.local', type: 'AAAA' }] });
    await until('the last answer', () => listener.answers().some((one) => one.includes('NSEC')));
    expect(pointers()).toBe(3);
  });

  it('as a simple resolver does is told alone', async () => {
    const resolver = createSocket('udp4');
    resolver.bind(0, '127.0.0.1');
    await once(resolver, 'listening');
    resolver.setMulticastInterface('127.0.0.1');
    const answered = once(resolver, 'message');
    resolver.send(
      encode({ id: 7, type: 'query', questions: [{ name: 'front-door.local', type: 'A' }] }),
      listener.port,
      GROUP,
    );
    const [bytes] = await answered;
    resolver.close();
    expect(readMessage(bytes)).toMatchObject({ id: 7, answers: [{ name: 'front-door.local', ttl: 10 }] });
  });

  it('sends rubbish, or answers from a port of a resolver, is not heard', async () => {
    const stranger = createSocket('udp4');
    stranger.bind(0, '127.0.0.1');
    await once(stranger, 'listening');
    stranger.setMulticastInterface('127.0.0.1');
    const forged = encode({
      type: 'response',
      answers: [{ name: 'front-door.local', type: 'A', ttl: 120, data: '127.0.0.9' }],
    });
    for (const bytes of [forged, Buffer.from('rubbish'), Buffer.alloc(9_100)])
      stranger.send(bytes, listener.port, GROUP);
    listener.send(question);
    await until('an answer', () => pointers() === 3);
    stranger.close();
    expect(running[0]?.state.host).toBe('front-door.local');
  });
});

it('says which program keeps the port to itself', async () => {
  const greedy = createSocket('udp4');
  greedy.bind(0, '0.0.0.0');
  await once(greedy, 'listening');
  const clock = new HastyClock();
  const seams = { clock, random: new SystemRandom(), log: silentLog() };
  const mdnsPort = greedy.address().port;
  const announcer = new Announcer({
    ...seams,
    ...{ names: namesOf('Front door', 'device-5c80aa'), port: 8_480, mdnsPort, links: async () => [link('127.0.0.1')] },
  });
  announcer.start();
  await until('a fault', () => announcer.state.fault !== null);
  expect([announcer.state.host, announcer.state.fault?.code]).toEqual([null, 'mdns_port_taken']);
  greedy.close();
  await until('the name once the port is free', () => announcer.state.host === 'front-door.local');
  await announcer.stop();
});
