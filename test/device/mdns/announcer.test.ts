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
/** Real waits, shortened: a name is probed in 40 ms, and the addresses are read every 150 ms. */
class HastyClock extends SystemClock {
  override after(delayMs: number, call: () => void): Timer {
    return super.after(delayMs / (delayMs > 5_000 ? 100 : 20), call);
  }
}

/** A clock whose second ends when the test says so: until then, rate-limited messages are sent once. */
class SteppedClock extends HastyClock {
  nowMs = 0;
  override monotonicMs(): number {
    return this.nowMs;
  }
}

/** Everything sent to the loopback's own group, on a port of the test's own. */
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
  it('announces its owner’s name, its port, its page and its address there, and nothing else', async () => {
    const announcer = announce('Front door');
    await until('two announcements', () => listener.heard.filter(({ type }) => type === 'response').length >= 2);
    expect(announcer.state).toEqual({ host: 'front-door.local', fault: null });
    await announcer.stop();
    await until('a goodbye', () => listener.answers().some((one) => one.includes(' A 0 ')));
    // Every word of every message, whichever part of it holds the word.
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

  it('probes whether the name is free before it announces it', async () => {
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

  it('reports that both names are taken when they are', async () => {
    const announcer = announce('Front door');
    const taken = (name: string) => ({ name, type: 'A', ttl: 120, data: '127.0.0.9' });
    await until('a fault', () => {
      listener.send({ type: 'response', answers: [taken('front-door.local'), taken('front-door-5c80.local')] });
      return announcer.state.fault !== null;
    });
    expect(announcer.state.fault?.code).toBe('mdns_name_taken');
    expect(announcer.state.fault?.message).toContain('front-door.local, front-door-5c80.local');
  });

  it('follows the machine to another address, and reports when it is on no network', async () => {
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

describe('a host that asks', () => {
  const question = { type: 'query', questions: [{ name: '_https._tcp.local', type: 'PTR' }] };
  const pointers = () => listener.answers().filter((one) => one.startsWith('_https._tcp.local PTR')).length;

  let clock: SteppedClock;
  beforeEach(async () => {
    clock = new SteppedClock();
    const links = async () => [{ address: '127.0.0.1', netmask: '255.255.255.248' }];
    await isNamed(announce('Front door', { clock, links }), 'front-door.local');
    await until('two announcements', () => pointers() === 2);
  });

  /** A host that asks from its own port; returns the numbers of the answered questions. */
  async function stranger(address = '127.0.0.1') {
    const socket = createSocket('udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
    socket.setMulticastInterface('127.0.0.1');
    const answered: number[] = [];
    socket.on('message', (bytes) => answered.push(readMessage(bytes)?.id ?? -1));
    const ask = (id: number) =>
      send(encode({ id, type: 'query', questions: [{ name: 'front-door.local', type: 'A' }] }));
    const send = (bytes: Uint8Array) => socket.send(bytes, listener.port, GROUP);
    return { socket, answered, ask, send };
  }

  it('is answered on the network, once a second at most', async () => {
    listener.send(question);
    await until('an answer', () => pointers() === 3);
    for (let turn = 0; turn < 20; turn += 1) listener.send(question);
    listener.send({ type: 'query', questions: [{ name: 'front-door.local', type: 'AAAA' }] });
    await until('the last answer', () => listener.answers().some((one) => one.includes('NSEC')));
    expect(pointers()).toBe(3);
  });

  it('like a simple resolver is answered alone, at a limited rate', async () => {
    const { answered, ask, socket } = await stranger();
    for (let id = 1; id <= 25; id += 1) ask(id);
    await until('the answers', () => answered.length === 20);
    listener.send(question);
    await until('the answer to the network', () => pointers() === 3);
    clock.nowMs = 1_000;
    ask(26);
    await until('an answer in the next second', () => answered.includes(26));
    expect(answered).toHaveLength(21);
    socket.close();
  });

  it('from another network gets no answer', async () => {
    const [far, near] = [await stranger('127.0.0.9'), await stranger('127.0.0.7')];
    far.ask(1);
    near.ask(2);
    await until('an answer', () => near.answered.length > 0);
    expect([far.answered, near.answered]).toEqual([[], [2]]);
    for (const { socket } of [far, near]) socket.close();
  });

  it('with malformed messages, or with responses from a resolver’s port, is ignored', async () => {
    const { send, socket } = await stranger();
    const taken = { name: 'front-door.local', type: 'A', ttl: 120, data: '127.0.0.9' };
    const forged = encode({ type: 'response', answers: [taken] });
    for (const bytes of [forged, Buffer.from('rubbish'), Buffer.alloc(9_100)]) send(bytes);
    // The announcer goes on answering, and does not probe again.
    for (let turn = 1; turn <= 30; turn += 1) {
      listener.send(question);
      await until('an answer', () => pointers() === 2 + turn);
      clock.nowMs += 1_000;
    }
    socket.close();
    expect(running[0]?.state.host).toBe('front-door.local');
    expect(listener.heard.filter(({ authorities }) => authorities.length > 0)).toHaveLength(3);
  });

  it('and floods the network costs no more than two hundred messages a second', async () => {
    const { answered, ask, send, socket } = await stranger();
    for (let sent = 0; sent < 250; sent += 1) send(Buffer.from('rubbish'));
    ask(1);
    await until('the flood', () => listener.bytes.filter((bytes) => bytes.length === 7).length === 250);
    clock.nowMs = 1_000;
    ask(2);
    await until('an answer', () => answered.length > 0);
    expect(answered).toEqual([2]);
    socket.close();
  });
});

it('names the program that keeps the port to itself', async () => {
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
