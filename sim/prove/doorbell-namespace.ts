// Owns: a network namespace for one doorbell: its only link, captured from before its first packet until after its last, and the kernel's
// own count beside the capture. Needs root, `ip` and `tcpdump`; leaves nothing behind, and takes away what a killed process left. Not here:
// what listens at the link's other end (doorbell-watch.ts), reading packets (packet-list.ts).
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

/** All that was captured; `sent` is what the kernel counted on the same link. */
export interface Captured {
  packets: Packet[];
  sent: number;
}

type RunningProgram = ReturnType<Programs['run']>;

/** Then come its maker and eight hex digits, which its link has, too. */
const NAME_BEGINS = 'doorsill-prove-';
const NAME = /^(doorsill-prove-(\d+-(\d+)-\d+)-([0-9a-f]{8}))(?: |$)/gm;
const linkOf = (hex: string) => `dsp${hex}`;

const OPEN_MS_MAX = 10_000;
const LAST_PACKETS_MS_MAX = 3_000;
const LOOK_AGAIN_MS = 10;

export class DoorbellNamespace {
  /** The link's end outside, at which whatever the doorbell may reach listens; and the doorbell's. */
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
    // A /30 of its own out of 10.128.0.0/9, so that runs side by side do not meet.
    const number = new DataView(id.buffer, id.byteOffset, 4).getUint32(0);
    const base = 0x0a80_0000 | ((number & 0x1f_ffff) << 2);
    const address = (offset: number) => [24, 16, 8, 0].map((shift) => ((base + offset) >>> shift) & 255).join('.');
    [this.host, this.device] = [address(1), address(2)];
  }

  /** Makes one, captures, and gives it its link. Without the right or the programs it is `why`, as half a sentence. */
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

  /** The command that starts a program inside. `ip` becomes that program, so that its process is the program's. */
  get inside(): string[] {
    return ['ip', 'netns', 'exec', this.name];
  }

  /** Ends the capture and takes everything away. Call it when whatever ran inside has ended. Throws on a capture that cannot be read. */
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

  /** Returns why it could not be made; null when it was. */
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
      // With a way to everywhere: whatever is tried is then seen on the link, and nothing is refused before it.
      ['route', 'add', 'default', 'via', host],
    ].map((words) => ['-n', name, ...words]);
    return (await this.each(outside)) ?? (await this.beginCapture()) ?? (await this.each(within));
  }

  private async each(commands: readonly string[][]): Promise<string | null> {
    for (const words of commands) {
      const { missing, status, words: said } = await this.deps.programs.run(['ip', ...words]).ended;
      if (missing) return '`ip` (iproute2) is not installed';
      if (status !== 0) return `\`ip ${words.slice(0, 2).join(' ')}\` was refused: ${said}`;
    }
    return null;
  }

  /** Captures what comes in from the doorbell. It is quiet so far: its end of the link is not up yet. */
  private async beginCapture(): Promise<string | null> {
    const { clock, programs } = this.deps;
    const words = ['-i', this.link, '-Q', 'in', '-n', '-U', '--immediate-mode', '-s', String(SNAP_BYTES)];
    const capture = programs.run(['tcpdump', ...words, '-Z', 'root', '-w', '-'], (chunk) => this.take(chunk));
    this.capture = capture;
    let why: string | null = null;
    void capture.ended.then(({ missing, words: said }) => {
      why = missing ? '`tcpdump` is not installed' : `tcpdump ended: ${said}`;
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
    // What was never made cannot be taken away; that is no fault.
    await programs.run(['ip', 'link', 'del', this.link]).ended;
    await programs.run(['ip', 'netns', 'del', this.name]).ended;
  }
}

/**
 * Names a process of this machine's present boot and no other, as `SPACE-ID-BEGAN`: the space that its id is of (pid_namespaces(7)), its id,
 * and when it began, since an id is given again. Null for a process that is not there.
 */
async function makerOf(pid: number): Promise<string | null> {
  const space = await readlink('/proc/self/ns/pid').catch(() => '');
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The 22nd field; the second, a name in brackets, may hold spaces and brackets itself (proc(5)).
  const began = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  const [, number] = /^pid:\[(\d+)\]$/.exec(space) ?? [];
  return number === undefined || began === undefined ? null : `${number}-${pid}-${began}`;
}

/**
 * Takes away the namespaces of processes that were killed before they could: those whose maker is gone, and in which nothing runs. Whether
 * a maker of another space of ids is gone cannot be told from here; its namespaces are left.
 */
async function removeLeft({ programs, log }: NamespaceDeps, own: string): Promise<void> {
  const heard = async (words: string[]) => {
    let said = '';
    await programs.run(['ip', 'netns', ...words], (chunk) => {
      said += new TextDecoder().decode(chunk);
    }).ended;
    return said;
  };
  const [space] = own.split('-', 1);
  for (const [, name = '', maker = '', pid, hex = ''] of (await heard(['list'])).matchAll(NAME)) {
    if (!maker.startsWith(`${space}-`) || (await makerOf(Number(pid))) === maker) continue;
    if ((await heard(['pids', name])).trim() !== '') continue;
    await programs.run(['ip', 'link', 'del', linkOf(hex)]).ended;
    await programs.run(['ip', 'netns', 'del', name]).ended;
    log.warn('took away the network namespace of a proof that was killed', { namespace: name });
  }
}
