// The positive control of a scenario: a real leak, sent from the device's namespace by another program, and the expected breach.
import type { ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { encode } from 'dns-packet';
import { integerBelow, type Random } from '../../../../device/base/random.ts';
import { compileProgram } from '../../../support/child-program.ts';
import type { Fingerprints } from './fingerprints.ts';
import { MDNS, webhookCall } from './home-flows.ts';
import { DOMAIN } from './namespace.ts';
import type { Planting } from './planter.ts';
import type { Secrets } from './secrets.ts';
import { noticesOf } from './verdict.ts';
import type { World } from './world.ts';

/** A planted leak, and how its breach reads. */
export interface Planted {
  what: string;
  isFound: (breach: string) => boolean;
}

/** The shortest planted leak: two fingerprints long, less one byte. */
const SLICE_BYTES = 31;
/** A slice of only padding or structure is not searched for (fingerprints.ts): then another one is chosen. */
const SLICE_TRIES = 1_000;
/** Shorter texts are searched for only unencoded (unfold.ts). */
const READABLE_BYTES_MIN = 11;

export class Planter {
  private readonly child: ChildProcess;
  private readonly answers: Interface;
  private readonly world: World;
  private planted = 0;

  private constructor(world: World, child: ChildProcess) {
    const { stdout } = child;
    if (!stdout) throw new Error('the planter cannot be heard');
    this.world = world;
    this.child = child;
    this.answers = createInterface({ input: stdout });
  }

  /** `program`: planter.ts, compiled. */
  static start(world: World, program: string): Planter {
    const { namespace, certificate } = world.up;
    const secure = certificate
      ? { NODE_EXTRA_CA_CERTS: certificate.authorityFile, NODE_OPTIONS: `--tls-keylog=${world.keyLog}` }
      : {};
    const child = namespace.spawn(process.execPath, [program], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: process.env['PATH'], ...secure },
    });
    return new Planter(world, child);
  }

  /** Plants one leak; resolves once it is on the wire. */
  async plant(secrets: Secrets, random: Random): Promise<Planted> {
    // The optional flows come first, so that each run has a leak in both.
    const first = this.world.setting.console ? homeFlowLeaks[this.planted] : undefined;
    const { planted, order } = (first ?? chooseLeak)(this.world, secrets, random);
    this.planted += 1;
    await new Promise<void>((resolve) => {
      this.answers.once('line', () => resolve());
      this.child.stdin?.write(`${JSON.stringify(order)}\n`);
    });
    return planted;
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once('close', () => resolve());
      child.stdin?.end();
    });
  }
}

/** Compiles the planter into a folder; returns the program. */
export function compilePlanter(folder: string): Promise<string> {
  return compileProgram('test/scenarios/wire/support/planter.ts', folder);
}

const pick = <Value>(random: Random, values: readonly Value[]): Value => {
  const value = values[integerBelow(random, values.length)];
  if (value === undefined) throw new Error('nothing to choose from');
  return value;
};

/** A piece of what `of` returns, from a position on, that is searched for. */
export function pieceOf(random: Random, of: () => Uint8Array, from: number, sought: Fingerprints): Buffer {
  for (let tries = 0; tries < SLICE_TRIES; tries += 1) {
    const bytes = of();
    const at = from + integerBelow(random, bytes.length - from - SLICE_BYTES);
    const cut = bytes.subarray(at, at + SLICE_BYTES);
    if (sought.findBare(cut).length > 0) return Buffer.from(cut);
  }
  throw new Error('no piece of it is looked for');
}

/** A piece of a random secret, and its name in a breach. */
function chooseSecret(secrets: Secrets, random: Random): { name: RegExp; bytes: Buffer } {
  const samples = [...secrets.samples.values()].filter(({ bytes }) => bytes.length > 400);
  const slice = (of: () => Uint8Array, from: number, sought: Fingerprints) => pieceOf(random, of, from, sought);
  const kinds: (() => { name: RegExp; bytes: Buffer })[] = [
    () => ({ name: /^(frame|sound|several) ?/, bytes: slice(() => pick(random, samples).bytes, 100, secrets.footage) }),
    () => {
      const { name, text } = pick(random, secrets.privateTexts);
      return { name: new RegExp(`^${name}`), bytes: Buffer.from(text) };
    },
    () => {
      const { name, bytes } = pick(random, secrets.keys);
      return { name: new RegExp(`^${name}`), bytes: Buffer.from(bytes) };
    },
    ...(secrets.sealed.length > 0
      ? [
          () => ({
            name: /^sealed record/,
            bytes: slice(() => pick(random, secrets.sealed).subarray(0, 8_000), 4_096, secrets.never),
          }),
        ]
      : []),
  ];
  return pick(random, kinds)();
}

/** Encodings that the search claims to decode. */
const DISGUISES: ((bytes: Buffer) => Buffer)[] = [
  (bytes) => bytes,
  (bytes) => Buffer.from(JSON.stringify({ picture: bytes.toString('base64') })),
  (bytes) => Buffer.from(`eyJhIjoxfQ.${bytes.toString('base64url')}.x`),
  (bytes) => Buffer.from(`dump=${bytes.toString('hex')}`),
  (bytes) => Buffer.from(JSON.stringify({ data: [...bytes] })),
  (bytes) => Buffer.from(Buffer.from(`{"inner":"${bytes.toString('base64')}"}`).toString('base64url')),
];

type Leak = { planted: Planted; order: Planting };

/** A text in multicast DNS, in a record like the page's path. */
function announcedLeak(bytes: Buffer, what: string, isFound: Planted['isFound']): Leak {
  const said = { name: 'Front door._https._tcp.local', type: 'TXT', ttl: 4_500, data: ['path=/', bytes] };
  const message = Buffer.from(encode({ type: 'response', flags: 0x0400, answers: [said] }));
  const order = { way: 'multicast', host: MDNS.address, port: MDNS.port, bytes: message.toString('base64') } as const;
  return { planted: { what: `${what} in multicast DNS`, isFound }, order };
}

/** A text in an otherwise valid, signed notification. */
function notifiedLeak(world: World, text: string, what: string, isFound: Planted['isFound']): Leak {
  const { notices } = world.fronts;
  const said = { id: '7d5c6a0e-3f0a-4b9c-8a51-0c1d2e3f4a5b', type: 'press', atUs: 1, text };
  const { head, body } = webhookCall(noticesOf(world), JSON.stringify(said));
  const bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`).toString('base64');
  const order = { way: 'tls', host: `${notices.name}.${DOMAIN}`, port: notices.port, bytes } as const;
  return { planted: { what: `${what} in a notification`, isFound }, order };
}

/** A secret, and a word that is not secret, in each of the two flows. */
const homeFlowLeaks: ((world: World, secrets: Secrets, random: Random) => Leak)[] = [
  (_world, secrets, random) => {
    const { name, bytes } = chooseSecret(secrets, random);
    return announcedLeak(bytes, name.source, (breach) => name.test(breach));
  },
  () => announcedLeak(Buffer.from('note=at home'), 'a word', (breach) => breach === 'other words in multicast DNS'),
  (world, secrets, random) => {
    const { name, bytes } = chooseSecret(secrets, random);
    const isShort = bytes.length < READABLE_BYTES_MIN;
    return notifiedLeak(world, isShort ? bytes.toString() : bytes.toString('base64'), name.source, (breach) =>
      name.test(breach),
    );
  },
  (world) =>
    notifiedLeak(
      world,
      'Robin is at the door.',
      'a word',
      (breach) => breach === 'other words in a notification to /hook',
    ),
];

function chooseLeak(world: World, secrets: Secrets, random: Random): Leak {
  const { broker, bridge } = world.fronts;
  const { host } = world.up.namespace;
  const roll = integerBelow(random, 10);
  if (roll === 0) {
    // Nothing secret, but a forbidden destination.
    const isFound = (breach: string) => breach.startsWith('a foreign flow');
    const order = { way: 'udp', host, port: 4_433, bytes: Buffer.from(random.bytes(64)).toString('base64') } as const;
    return { planted: { what: 'a datagram to an unlisted port', isFound }, order };
  }
  const { name, bytes } = chooseSecret(secrets, random);
  const isFound = (breach: string) => name.test(breach);
  if (roll === 1) {
    // A query whose name is the secret, as hex in labels of at most 63 letters (RFC 1035 §2.3.4).
    const labels = bytes.toString('hex').match(/.{1,62}/g) ?? [];
    const encoded = labels.map((label) => `${String.fromCharCode(label.length)}${label}`).join('');
    const query = Buffer.from(
      `\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00${encoded}\x00\x00\x01\x00\x01`,
      'latin1',
    );
    const order = { way: 'udp', host, port: 53, bytes: query.toString('base64') } as const;
    // A short text in hex is too short to be decoded, but its query has a forbidden name.
    const isSeen = (breach: string) =>
      isFound(breach) || (bytes.length < READABLE_BYTES_MIN && breach === 'a query for another name');
    return { planted: { what: `${name} in the name of a query`, isFound: isSeen }, order };
  }
  const front = pick(random, [broker, bridge]);
  const disguise = integerBelow(random, bytes.length < READABLE_BYTES_MIN ? 1 : DISGUISES.length);
  const disguised = DISGUISES[disguise]?.(bytes) ?? bytes;
  const request = `POST /v1/enrolments HTTP/1.1\r\ncontent-length: ${disguised.length}\r\n\r\n`;
  const payload = front === bridge ? Buffer.concat([Buffer.from(request), disguised]) : disguised;
  const where = { host: `${front.name}.${DOMAIN}`, port: front.port };
  const way = world.setting.secure ? 'tls' : 'tcp';
  return {
    planted: { what: `${name}, disguise ${disguise}, to the ${front.name}`, isFound },
    order: { way, ...where, bytes: payload.toString('base64') },
  };
}
