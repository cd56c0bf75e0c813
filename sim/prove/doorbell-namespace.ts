// A network namespace for one doorbell. Its only link is captured from before its first packet until after its last, and the kernel counts
// the packets, too. Needs root, `ip` and `tcpdump`; removes its namespace, and those left by processes that were killed.
import { readFile, readlink } from 'node:fs/promises';
import type { Clock } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import type { Programs } from '@doorsill/base/system-programs';
import { type Packet, PacketList, SNAP_BYTES } from './packet-list.ts';

export interface NamespaceDeps {
  clock: Clock;
  random: Random;
  programs: Programs;
  log: Log;
}

/** The captured packets; `sent` is the kernel's count of packets on the same link. */
export interface Captured {
  packets: Packet[];
  sent: number;
}

type RunningProgram = ReturnType<Programs['run']>;

/** The start of each namespace's name. Its maker (see `makerOf`) and eight hex digits follow; its link's name has the same digits. */
const NAME_BEGINS = 'doorsill-prove-';
const NAME = /^(doorsill-prove-(\d+-(\d+)-\d+)-([0-9a-f]{8}))(?: |$)/gm;
const linkOf = (hex: string) => `dsp${hex}`;

const OPEN_MS_MAX = 10_000;
const LAST_PACKETS_MS_MAX = 3_000;
const LOOK_AGAIN_MS = 10;

export class DoorbellNamespace {
  /** Addresses of the link's two ends: outside, where the broker and the bridge listen, and the doorbell's. */
  readonly host: string;
  readonly device: string;
  private readonly deps: NamespaceDeps;
  private readonly name: string;
  private readonly link: string;
  private readonly list = new PacketList();
  private capture: RunningProgram | null = null;
  private broken: unknown = null;

  private constructor(deps: NamespaceDeps, maker: string) {
    this.deps = deps;
    const id = deps.random.bytes(4);
    const hex = [...id].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    this.name = `${NAME_BEGINS}${maker}-${hex}`;
    this.link = linkOf(hex);
    // A /30 of its own out of 10.128.0.0/9, so that concurrent runs do not collide.
    const number = new DataView(id.buffer, id.byteOffset, 4).getUint32(0);
    const base = 0x0a80_0000 | ((number & 0x1f_ffff) << 2);
    const address = (offset: number) => [24, 16, 8, 0].map((shift) => ((base + offset) >>> shift) & 255).join('.');
    [this.host, this.device] = [address(1), address(2)];
  }

  /** Makes a namespace and starts its capture. If that is not possible here, returns the reason (`why`) as a clause. */
  static async open(deps: NamespaceDeps): Promise<DoorbellNamespace | { why: string }> {
    if (process.platform !== 'linux') return { why: 'this system has no network namespaces' };
    if (process.getuid?.() !== 0) return { why: 'only root may make a network namespace' };
    const maker = await makerOf(process.pid);
    if (maker === null) return { why: '/proc does not show this process' };
    await removeLeft(deps, maker);
    const made = new DoorbellNamespace(deps, maker);
    const why = await made.make();
    if (why === null) return made;
    await made.close();
    return { why };
  }

  /** The words before a program's command that run it inside. `ip` replaces itself by the program (exec), so both have the same PID. */
  get inside(): string[] {
    return ['ip', 'netns', 'exec', this.name];
  }

  /** Ends the capture and removes the namespace. Call it once all programs inside have ended. Throws if the capture cannot be read. */
  async end(): Promise<Captured> {
    const { clock } = this.deps;
    try {
      const sent = await this.sentPackets();
      const endMs = clock.monotonicMs() + LAST_PACKETS_MS_MAX;
      while (this.list.packets.length < sent && clock.monotonicMs() < endMs) await clock.sleep(LOOK_AGAIN_MS);
      if (this.broken !== null) throw this.broken;
      return { packets: this.list.packets, sent };
    } finally {
      await this.close();
    }
  }

  /** Returns why it could not be made; null on success. */
  private async make(): Promise<string | null> {
    const { name, link, host, device } = this;
    const outside = [
      ['netns', 'add', name],
      ['link', 'add', link, 'type', 'veth', 'peer', 'name', `${link}d`, 'netns', name],
      ['addr', 'add', `${host}/30`, 'dev', link],
      ['link', 'set', link, 'up'],
    ];
    const within = [
      ['addr', 'add', `${device}/30`, 'dev', `${link}d`],
      ['link', 'set', 'lo', 'up'],
      ['link', 'set', `${link}d`, 'up'],
      // With a default route every connection attempt appears on the link; without one the kernel would refuse it first.
      ['route', 'add', 'default', 'via', host],
    ].map((words) => ['-n', name, ...words]);
    return (await this.each(outside)) ?? (await this.beginCapture()) ?? (await this.each(within));
  }

  private async each(commands: readonly string[][]): Promise<string | null> {
    for (const words of commands) {
      const { missing, status, words: output } = await this.deps.programs.run(['ip', ...words]).ended;
      if (missing) return '`ip` (iproute2) is not installed';
      if (status !== 0) return `\`ip ${words.slice(0, 2).join(' ')}\` failed: ${output}`;
    }
    return null;
  }

  /** Captures packets from the doorbell. It has sent none yet: its end of the link is not up. */
  private async beginCapture(): Promise<string | null> {
    const { clock, programs } = this.deps;
    const words = ['-i', this.link, '-Q', 'in', '-n', '-U', '--immediate-mode', '-s', String(SNAP_BYTES)];
    const capture = programs.run(['tcpdump', ...words, '-Z', 'root', '-w', '-'], (chunk) => this.take(chunk));
    this.capture = capture;
    let why: string | null = null;
    void capture.ended.then(({ missing, words: output }) => {
      why = missing ? '`tcpdump` is not installed' : `tcpdump ended: ${output}`;
      if (this.list.isOpen) this.broken ??= new Error(why);
    });
    const endMs = clock.monotonicMs() + OPEN_MS_MAX;
    while (!this.list.isOpen && why === null && clock.monotonicMs() < endMs) await clock.sleep(LOOK_AGAIN_MS);
    return this.list.isOpen ? null : (why ?? 'tcpdump did not begin');
  }

  private take(chunk: Uint8Array): void {
    try {
      this.list.push(chunk);
    } catch (thrown) {
      this.broken ??= thrown;
    }
  }

  /** How many packets the kernel has received on the link from the doorbell's end. */
  private async sentPackets(): Promise<number> {
    return Number(await readFile(`/sys/class/net/${this.link}/statistics/rx_packets`, 'utf8'));
  }

  private async close(): Promise<void> {
    const { programs } = this.deps;
    const { capture } = this;
    this.capture = null;
    if (capture) {
      this.broken ??= new Error('the capture has ended');
      capture.stop();
      await capture.ended;
    }
    // Removing what was never made fails, which is expected.
    await programs.run(['ip', 'link', 'del', this.link]).ended;
    await programs.run(['ip', 'netns', 'del', this.name]).ended;
  }
}

/**
 * Names a process uniquely within the current boot, as `NAMESPACE-PID-START`: its PID namespace (pid_namespaces(7)), its PID, and its start
 * time, because PIDs are reused. Null when there is no such process.
 */
async function makerOf(pid: number): Promise<string | null> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The 22nd field; the second, a name in brackets, may contain spaces and brackets (proc(5)).
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  const [, number] = /^pid:\[(\d+)\]$/.exec(namespace) ?? [];
  return number === undefined || started === undefined ? null : `${number}-${pid}-${started}`;
}

/**
 * Removes the namespaces of killed processes: those whose maker has ended and in which nothing runs. Makers in another PID namespace cannot
 * be seen from here, so their namespaces stay.
 */
async function removeLeft({ programs, log }: NamespaceDeps, own: string): Promise<void> {
  const outputOf = async (words: string[]) => {
    let output = '';
    await programs.run(['ip', 'netns', ...words], (chunk) => {
      output += new TextDecoder().decode(chunk);
    }).ended;
    return output;
  };
  const [namespace] = own.split('-', 1);
  for (const [, name = '', maker = '', pid, hex = ''] of (await outputOf(['list'])).matchAll(NAME)) {
    if (!maker.startsWith(`${namespace}-`) || (await makerOf(Number(pid))) === maker) continue;
    if ((await outputOf(['pids', name])).trim() !== '') continue;
    await programs.run(['ip', 'link', 'del', linkOf(hex)]).ended;
    await programs.run(['ip', 'netns', 'del', name]).ended;
    log.warn('removed the network namespace that a killed proof had left', { namespace: name });
  }
}
