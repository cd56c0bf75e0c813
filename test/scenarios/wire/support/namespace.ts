// A network namespace for one device: its only link, its resolver, a capture of all its traffic, and markers between scenarios. Needs root;
// leaves nothing behind.
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SystemClock } from '../../../../device/base/clock.ts';

const run = promisify(execFile);
const clock = new SystemClock();

/** Destination of markers: a group without listeners, so that nobody answers. */
export const MARKER = { address: '239.77.77.77', port: 7777 } as const;

/** Every name in this domain is the host's end of the link. */
export const DOMAIN = 'doorsill.test';

const CAPTURE_MS_MAX = 30_000;

export function mayMakeNamespaces(): boolean {
  return process.getuid?.() === 0 && ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'].some(existsSync);
}

export class Namespace {
  readonly name: string;
  /** The host's end, where all allowed servers listen. */
  readonly host: string;
  /** The device's end. */
  readonly device: string;
  /** The device's only interface except loopback. */
  readonly deviceLink: string;
  readonly captureFile: string;
  private readonly link: string;
  private readonly resolver: Socket = createSocket('udp4');
  private readonly marker: Socket = createSocket('udp4');
  private tcpdump: ChildProcess | null = null;
  private tcpdumpText = '';
  private markers = 0;
  private readUntil = 0;

  private constructor(folder: string) {
    const id = randomBytes(4);
    this.name = `doorsill-${id.toString('hex')}`;
    this.link = `ds${id.toString('hex')}`;
    this.deviceLink = `${this.link}d`;
    // A separate /30 of 10.128.0.0/9, so that parallel runs do not collide.
    const base = (10 << 24) | (1 << 23) | ((id.readUInt32BE() & 0x1fffff) << 2);
    const address = (offset: number) => [24, 16, 8, 0].map((shift) => ((base + offset) >>> shift) & 255).join('.');
    this.host = address(1);
    this.device = address(2);
    this.captureFile = join(folder, 'capture.pcap');
  }

  /** Makes the namespace and starts the capture. */
  static async open(folder: string): Promise<Namespace> {
    const made = new Namespace(folder);
    try {
      await made.make();
      return made;
    } catch (thrown) {
      await made.close();
      throw thrown;
    }
  }

  private async make(): Promise<void> {
    const { name, link, deviceLink, host, device } = this;
    const ip = (line: string) => run('ip', line.split(' '));
    await ip(`netns add ${name}`);
    await ip(`link add ${link} type veth peer name ${deviceLink} netns ${name}`);
    await ip(`addr add ${host}/30 dev ${link}`);
    await ip(`link set ${link} up`);
    await ip(`-n ${name} addr add ${device}/30 dev ${deviceLink}`);
    await ip(`-n ${name} link set ${deviceLink} up`);
    await ip(`-n ${name} link set lo up`);
    // With a default route, so that every attempt of the device is visible instead of refused by its kernel.
    await ip(`-n ${name} route add default via ${host}`);
    await mkdir(`/etc/netns/${name}`, { recursive: true });
    await writeFile(`/etc/netns/${name}/resolv.conf`, `nameserver ${host}\noptions timeout:3 attempts:3\n`);
    await this.capture();
    this.resolver.on('message', (query, from) => this.resolver.send(answerTo(query, host), from.port, from.address));
    this.resolver.bind(53, host);
    await once(this.resolver, 'listening');
    this.marker.bind(0, host);
    await once(this.marker, 'listening');
    this.marker.setMulticastInterface(host);
  }

  private async capture(): Promise<void> {
    const args = [
      '-i',
      'any',
      '-U',
      '--immediate-mode',
      '-s',
      '0',
      '-B',
      '65536',
      '-Z',
      'root',
      '-w',
      this.captureFile,
    ];
    const tcpdump = this.spawn('tcpdump', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.tcpdump = tcpdump;
    await new Promise<void>((resolve, reject) => {
      tcpdump.once('error', reject);
      tcpdump.once('exit', () => reject(new Error(`tcpdump ended: ${this.tcpdumpText}`)));
      tcpdump.stderr?.on('data', (chunk: Buffer) => {
        this.tcpdumpText += chunk.toString();
        if (this.tcpdumpText.includes('listening on')) resolve();
      });
    });
  }

  /** Starts a program inside. */
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    // `ip netns exec` becomes the program, so the child's id is the program's.
    return spawn('ip', ['netns', 'exec', this.name, command, ...args], options);
  }

  /** Sends a marker and waits until it is in the capture file, with everything before it. Returns its text. */
  async mark(): Promise<string> {
    const text = `doorsill-marker-${this.markers++}.`;
    const { port, address } = MARKER;
    const endMs = clock.monotonicMs() + CAPTURE_MS_MAX;
    await new Promise<void>((resolve, reject) =>
      this.marker.send(text, port, address, (error) => (error ? reject(error) : resolve())),
    );
    while (!(await this.hasCaptured(text))) {
      if (clock.monotonicMs() > endMs) throw new Error(`the capture does not get on: ${this.tcpdumpText}`);
      await clock.sleep(5);
    }
    return text;
  }

  private async hasCaptured(text: string): Promise<boolean> {
    const file = await open(this.captureFile);
    try {
      const { size } = await file.stat();
      const from = Math.max(0, this.readUntil - text.length);
      const { buffer } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
      this.readUntil = size;
      return buffer.includes(text);
    } finally {
      await file.close();
    }
  }

  /** Ends the capture. Throws if the kernel dropped a packet, because then nothing is proved. */
  async endCapture(): Promise<void> {
    const { tcpdump } = this;
    this.tcpdump = null;
    if (!tcpdump || tcpdump.exitCode !== null) return;
    const ended = once(tcpdump, 'close');
    tcpdump.kill('SIGINT');
    await ended;
    const dropped = Number(/(\d+) packets? dropped by kernel/.exec(this.tcpdumpText)?.[1]);
    if (dropped !== 0) throw new Error(`the capture is not whole: ${this.tcpdumpText}`);
  }

  /** Removes everything. */
  async close(): Promise<void> {
    try {
      await this.endCapture();
    } finally {
      for (const socket of [this.resolver, this.marker]) {
        await new Promise<void>((resolve) => socket.close(() => resolve()));
      }
      // The link is removed with the namespace, but only after its last process has ended.
      await run('ip', ['link', 'del', this.link]).catch(() => undefined);
      await run('ip', ['netns', 'del', this.name]).catch(() => undefined);
      await rm(`/etc/netns/${this.name}`, { recursive: true, force: true });
    }
  }
}

/** Answers a query (RFC 1035 §4): the address for our names, NXDOMAIN for others, nothing for other types. */
function answerTo(query: Buffer, address: string): Buffer {
  let at = 12;
  const labels: string[] = [];
  while ((query[at] ?? 0) > 0) {
    const bytes = query[at] ?? 0;
    labels.push(query.toString('latin1', at + 1, at + 1 + bytes));
    at += 1 + bytes;
  }
  const question = query.subarray(12, at + 5);
  const isOurs = labels.join('.').endsWith(DOMAIN);
  const isAddress = query.readUInt16BE(at + 1) === 1;
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(isOurs ? 0x8180 : 0x8183, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(isOurs && isAddress ? 1 : 0, 6);
  header.fill(0, 8);
  if (!isOurs || !isAddress) return Buffer.concat([header, question]);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]);
  return Buffer.concat([header, question, record]);
}
