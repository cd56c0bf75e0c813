// A doorbell on an emulated board whose plug can be pulled: each start boots the board anew from the same second disk, ext4 with its
// defaults, which holds program and folder; a pull kills the emulation. What the board's kernel had not yet written to the disk is gone
// then. Broker and bridge stay on this machine; the doorbell reaches them over the console (test/tools/pi-doorbell.mjs).
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { SystemClock } from '../../device/base/clock.ts';
import { root } from '../layout/source-tree.ts';
import { type Line, temporaryFolder } from './command-line.ts';
import type { DoorProcess } from './strace.ts';
import { untilFound } from './until-found.ts';

const LABEL = 'doorsill-card';
const CARD = '/mnt/card';
const DISK_SIZE = '768M';
/** The board's camera: H.264 of two minutes, a keyframe each second, which is copied. */
const FOOTAGE = 'porch.mp4';
const PICTURES = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=5', '-t', '120'];
const FILM = [
  '-loglevel',
  'error',
  ...PICTURES,
  '-c:v',
  'libx264',
  '-crf',
  '35',
  '-g',
  '5',
  '-bf',
  '0',
  '-pix_fmt',
  'yuv420p',
];
/** Of what e2fsck ends with: it replayed and corrected what a crash explains; more is damage. */
const FSCK_STATUS_MAX = 1;
const READY_MS_MAX = 1_500_000;
const BOOT_S_MAX = 3_600;
const LOOK_AGAIN_MS = 100;
/** How long a rig's own process may take to end once its emulation is dead. */
const RIG_END_MS_MAX = 10_000;

const clock = new SystemClock();

/** What the board says; see test/tools/pi-doorbell.mjs. */
const saidSchema = z.union([
  z.strictObject({ machine: z.string() }),
  z.strictObject({ open: z.int(), port: z.int() }),
  z.strictObject({ data: z.base64(), id: z.int() }),
  z.strictObject({ end: z.int() }),
  z.strictObject({ close: z.int() }),
  z.strictObject({ out: z.string() }),
  z.strictObject({ err: z.string() }),
  z.strictObject({ ended: z.string() }),
]);
type Said = z.infer<typeof saidSchema>;

/** The board, and the disk that outlives it. */
export class PulledBoard {
  /** The doorbell's folder on the board. */
  readonly inside = `${CARD}/data`;
  readonly board: {
    slower: number;
    camera: string;
    start: (args: readonly string[], ports: readonly number[]) => DoorProcess;
  };
  private readonly folder = temporaryFolder('pulled-board');
  private readonly rig: string;
  private readonly program: string;
  /** Of each boot. */
  private readonly doors: BoardDoor[] = [];
  /** The processor that the board named. */
  machine = '';

  /**
   * `rig`: see check-pi.mjs. `installed`: the folder where npm installed the package for the rig's processor. `slower`: how many times
   * longer everything takes there than on this machine.
   */
  constructor(rig: string, installed: string, slower: number) {
    this.rig = rig;
    const camera = `file:${CARD}/${FOOTAGE}?loop`;
    this.board = { slower, camera, start: (args, ports) => this.start(args, ports) };
    this.program = installed;
  }

  close(): void {
    for (const door of this.doors) door.disconnect();
    this.folder.dispose();
  }

  /** The doorbell's folder: before the first start what it begins with, after a pull what the disk holds. */
  get outside(): string {
    return join(this.folder.path, 'card/data');
  }

  private get image(): string {
    return join(this.folder.path, 'disk.img');
  }

  /** Boots the board, and there the command line with these arguments; `ports` are those of this machine that it reaches. */
  private start(args: readonly string[], ports: readonly number[]): DoorProcess {
    const boot = this.doors.length;
    if (boot === 0) this.makeDisk();
    const down = join(this.folder.path, `down-${boot}`);
    mkdirSync(down);
    const script = join(this.folder.path, `boot-${boot}.sh`);
    const words = ['node', `${CARD}/doorsill/node_modules/doorsill/cli/doorsill.mjs`, ...args, '--json'];
    const run = ['node', `/host${join(root, 'test/tools/pi-doorbell.mjs')}`, `/host${down}`, ports.join(','), ...words];
    const mount = `mkdir -p ${CARD} && mount "$(blkid -L ${LABEL})" ${CARD}`;
    writeFileSync(script, `set -e\n${mount}\nexec ${run.map((word) => `'${word}'`).join(' ')}\n`);
    const child = spawn(this.rig, [script, String(BOOT_S_MAX)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // It is the leader of a session, by which all that it starts is found.
      detached: true,
      env: { ...process.env, ARM64_DISK: this.image },
    });
    const door = new BoardDoor(child, down, (machine) => {
      this.machine = machine;
    });
    this.doors.push(door);
    return door;
  }

  /** Reads what is left on the disk once the board is dead: its journal is replayed in a copy, which must be sound then. */
  async pull(ended: Promise<unknown>): Promise<void> {
    await ended;
    const copy = join(this.folder.path, 'copy.img');
    execFileSync('cp', ['--sparse=always', '--reflink=auto', this.image, copy]);
    const { status, stdout } = spawnSync('e2fsck', ['-f', '-p', copy], { encoding: 'utf8' });
    if (status === null || status > FSCK_STATUS_MAX) throw new Error(`the disk is damaged: ${status} ${stdout}`);
    rmSync(this.outside, { recursive: true, force: true });
    execFileSync('debugfs', ['-R', `rdump /data ${join(this.folder.path, 'card')}`, copy], { stdio: 'pipe' });
    if (!existsSync(this.outside)) throw new Error('the disk has no folder any more');
    rmSync(copy);
  }

  private makeDisk(): void {
    const card = join(this.folder.path, 'card');
    cpSync(this.program, join(card, 'doorsill'), { recursive: true, verbatimSymlinks: true });
    execFileSync('ffmpeg', [...FILM, join(card, FOOTAGE)], { stdio: 'pipe' });
    execFileSync('mke2fs', ['-q', '-t', 'ext4', '-L', LABEL, '-d', card, this.image, DISK_SIZE], { stdio: 'pipe' });
    for (const name of ['doorsill', FOOTAGE]) rmSync(join(card, name), { recursive: true });
  }
}

/** The doorbell of one boot. */
class BoardDoor implements DoorProcess {
  readonly ended: Promise<string>;
  private readonly child: ChildProcess;
  private readonly down: string;
  private readonly onMachine: (machine: string) => void;
  private readonly sockets = new Map<number, Socket>();
  private waiting: object[] = [];
  private files = 0;
  private words = '';
  private readyLine: Line | null = null;
  private said: string | null = null;
  private end: string | null = null;
  /** A line that was no whole one. */
  private torn: string | null = null;
  /** Whether others came after it. */
  private isBroken = false;

  constructor(child: ChildProcess, down: string, onMachine: (machine: string) => void) {
    this.child = child;
    this.down = down;
    this.onMachine = onMachine;
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.hear(line));
    child.stderr?.on('data', (chunk: Buffer) => {
      this.words += chunk.toString();
    });
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', () => {
        this.end = this.said ?? 'pulled';
        if (this.isBroken) reject(new Error(`a line of the console was broken: ${this.torn}`));
        else resolve(this.end);
      });
    });
    this.ended.catch(() => undefined);
  }

  get stderr(): string {
    return this.words;
  }

  get how(): string | null {
    return this.end;
  }

  /** Of this machine, which is the rig's; null while the doorbell is not ready. */
  get pid(): number | null {
    return this.readyLine ? (this.child.pid ?? null) : null;
  }

  ready(): Promise<Line | null> {
    const look = () => this.readyLine ?? (this.end === null ? null : 'ended');
    const missing = () => `not ready in time\n${this.words}`;
    const patience = { mostMs: READY_MS_MAX, everyMs: LOOK_AGAIN_MS, missing };
    return untilFound(look, patience).then((found) => (found === 'ended' ? null : found));
  }

  /** Pulls the plug by SIGKILL; any other signal ends the doorbell, and then the board. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<string> {
    if (this.end !== null) return this.ended;
    if (signal !== 'SIGKILL') {
      this.tell({ stop: true });
      return this.ended;
    }
    const leader = this.child.pid ?? 0;
    for (const pid of sessionOf(leader)) kill(pid);
    // Its own process cleans up behind it.
    const isOver = await Promise.race([this.ended.then(() => true), clock.sleep(RIG_END_MS_MAX).then(() => false)]);
    if (!isOver) kill(leader);
    return this.ended;
  }

  /** Without power nothing says goodbye: the other end's connections stay open until this. */
  disconnect(): void {
    for (const socket of this.sockets.values()) socket.destroy();
    this.sockets.clear();
  }

  private hear(line: string): void {
    const [, text] = /^DOOR (.*)$/.exec(line) ?? [];
    if (text === undefined) {
      this.words += `${line}\n`;
      return;
    }
    // A pulled plug cuts off the last line; what comes after one shows that the console lost something.
    if (this.torn !== null) this.isBroken = true;
    const said = whole(text);
    if (said) this.take(said);
    else this.torn ??= line;
  }

  private take(said: Said): void {
    if ('machine' in said) this.onMachine(said.machine);
    else if ('open' in said) this.connect(said.open, said.port);
    else if ('data' in said) this.sockets.get(said.id)?.write(Buffer.from(said.data, 'base64'));
    else if ('end' in said) this.sockets.get(said.end)?.end();
    else if ('close' in said) this.sockets.get(said.close)?.destroy();
    else if ('err' in said) this.words += `${said.err}\n`;
    else if ('ended' in said) this.said = said.ended;
    else if (said.out.startsWith('{')) {
      const line: Line = JSON.parse(said.out);
      if (line['event'] === 'ready') this.readyLine = line;
    }
  }

  private connect(id: number, port: number): void {
    const socket = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.sockets.set(id, socket);
    socket.on('data', (data) => this.tell({ data: data.toString('base64'), id }));
    socket.on('end', () => this.tell({ end: id }));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.sockets.delete(id);
      this.tell({ close: id });
    });
  }

  /** What is told in one turn goes as one file, which appears whole. */
  private tell(line: object): void {
    if (this.end !== null) return;
    if (this.waiting.length === 0) setImmediate(() => this.flush());
    this.waiting.push(line);
  }

  private flush(): void {
    const lines = this.waiting.map((line) => `${JSON.stringify(line)}\n`).join('');
    this.waiting = [];
    const path = join(this.down, String(this.files));
    this.files += 1;
    if (!existsSync(this.down)) return;
    writeFileSync(`${path}.part`, lines);
    renameSync(`${path}.part`, path);
  }
}

/** Null where a line is not a whole one. */
function whole(text: string): Said | null {
  try {
    return saidSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** In /proc/PID/stat, from the state on: that, the parent, the group, the session. */
const SESSION_FIELD = 3;

/** The processes of a session, its leader left out. */
function sessionOf(leader: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== leader)
    .filter((name) => {
      try {
        const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ');
        return Number(fields[SESSION_FIELD]) === leader;
      } catch {
        return false;
      }
    })
    .map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
