// The bridge's part of a story with one fault at one system call: a clip is received, stored, read and revoked. The bridge is a process on
// a fresh copy of a prepared folder. Checks that everything is consistent afterwards.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import type { Database } from '../../../cloud-bridge/bridge-database.ts';
import { spanHash } from '../../../cloud-bridge/custody/merkle-spans.ts';
import type { Intake } from '../../../cloud-bridge/intake/intake-store.ts';
import { sha256, sha256Hex } from '../../../device/base/keys.ts';
import { toHex, utf8 } from '../../../device/contract/bytes.ts';
import { leafHash, nodeHash } from '../../../device/contract/merkle.ts';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import { type Answer, BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import type { SmallDisk } from '../../support/small-disk.ts';
import { Sqlite } from '../../support/sqlite.ts';
import {
  type Fault,
  faultCame,
  PartProcess,
  type TracedCall,
  type TraceOptions,
  tracedCalls,
  withTemporary,
} from '../../support/strace.ts';
import { WRITE_CALLS, writePoints } from './points.ts';

/** The two writing threads: SQLite's calls are in the main thread, files of clips in the other. */
export type Writer = 'database' | 'files';

const CHUNKS = 2;
const ready = z.object({ url: z.string() });

/** The bridge's answers in a round. */
interface Heard {
  stored: boolean;
  /** The revocation was sent: the clip may be gone from then on. */
  asked: boolean;
  deleted: boolean;
}

export class BridgeStory {
  readonly folder = temporaryFolder('bridge-faults');
  private readonly fixture: BridgeFixture;
  private readonly parcel: Parcel;
  private readonly upload: string;
  private readonly disk: SmallDisk | null;
  private process: PartProcess | null = null;

  private constructor(fixture: BridgeFixture, parcel: Parcel, upload: string, disk: SmallDisk | null) {
    this.disk = disk;
    this.fixture = fixture;
    this.parcel = parcel;
    this.upload = upload;
  }

  /** Prepares the folder with a known agency, device and request, and an announced clip. */
  static async open(disk: SmallDisk | null = null): Promise<BridgeStory> {
    const fixture = await BridgeFixture.open();
    const parcel = fixture.parcel(await fixture.ready());
    await fixture.openIntake(parcel);
    const database = await openBridgeDatabase(join(fixture.bridgeFolder, 'bridge.sqlite'));
    const known = await database.intakes.find({ device: fixture.cast.device.id, grant: parcel.grant });
    await database.close();
    await fixture.bridge.stop();
    if (!known) throw new Error('the clip is not announced');
    const config = {
      http: { port: 0 },
      registry: { url: fixture.registry.url, key: fixture.cast.registry.key.publicKey },
      intake: { freeBytesMin: 0 },
      area: { url: 'mqtt://127.0.0.1:9', accounts: join(fixture.folder, 'accounts') },
    };
    writeFileSync(join(fixture.bridgeFolder, 'bridge.json'), JSON.stringify(config));
    return new BridgeStory(fixture, parcel, known.upload, disk);
  }

  async close(): Promise<void> {
    await this.process?.stop('SIGKILL');
    await this.fixture.close();
    this.folder.dispose();
  }

  private get data(): string {
    return this.disk?.outside ?? join(this.folder.path, 'bridge');
  }

  async newRound(): Promise<void> {
    await this.process?.stop('SIGKILL');
    this.process = null;
    rmSync(this.data, { recursive: true, force: true });
    cpSync(this.fixture.bridgeFolder, this.data, { recursive: true });
  }

  /** The files of one thread. */
  paths(writer: Writer): string[] {
    if (writer === 'database')
      return ['', '-wal', '-shm', '-journal'].map((end) => join(this.data, `bridge.sqlite${end}`));
    const { clipId } = this.parcel;
    const names = [...withTemporary('manifest.jws'), ...withTemporary('manifest.json'), 'clip.mp4'];
    const folders = ['staging', 'ready', `ready/${clipId}`, 'clips', `clips/${clipId}`];
    const files = [
      `staging/${this.upload}`,
      ...names.flatMap((name) => [`ready/${clipId}/${name}`, `clips/${clipId}/${name}`]),
    ];
    return [...folders, ...files].map((name) => join(this.data, name));
  }

  /** Starts the bridge; resolves with whether it listens. */
  async start(trace?: TraceOptions): Promise<PartProcess> {
    const options = { ...(trace ? { trace } : {}), under: this.disk?.under ?? [] };
    const part = new PartProcess(['bridge', '--data', this.disk?.inside ?? this.data], options);
    this.process = part;
    const line = await part.ready();
    this.fixture.elsewhere = line ? ready.parse(line).url : null;
    return part;
  }

  /** Continues the story as far as possible; resolves with the answers. */
  async tell(part: PartProcess, heard: Heard): Promise<boolean> {
    if (this.fixture.elsewhere === null) return false;
    try {
      if (!heard.asked && !(await this.deliver())) return false;
      heard.stored = true;
      if (!heard.asked) await this.read();
      heard.asked = true;
      const revoked = await this.fixture.revoke(this.parcel);
      heard.deleted ||= revoked.status === 200 && revoked.body['state'] === 'deleted';
      return heard.deleted;
    } catch (thrown) {
      // The connection of a killed bridge; a running one must answer.
      if (part.how === null) await Promise.race([part.ended, new Promise((resolve) => setTimeout(resolve, 2_000))]);
      if (part.how === null) throw thrown;
      return false;
    }
  }

  /** Sends the missing part; resolves with whether the clip is stored. Each refusal must have a code. */
  private async deliver(): Promise<boolean> {
    const { fixture, parcel } = this;
    const opened = coded(await fixture.openIntake(parcel));
    if (opened.status !== 200) return false;
    if (opened.body['state'] !== 'stored') {
      const asked = await fixture.send('HEAD', `/v1/intakes/${parcel.grant}`, {
        authorization: `Bearer ${parcel.bearer}`,
      });
      const known = asked.headers.get('location');
      const created = known ? null : coded(await fixture.tus('POST', '/v1/uploads', parcel, lengthOf(parcel)));
      if (created && created.status !== 201) return false;
      const path = known ?? created?.headers.get('location') ?? '';
      const start = Number(asked.headers.get('upload-offset') ?? '0');
      const step = Math.ceil(parcel.clip.length / CHUNKS);
      for (let at = known ? start : 0; at < parcel.clip.length; at += step) {
        const sent = coded(await fixture.patch(parcel, path, at, parcel.clip.subarray(at, at + step)));
        if (sent.status !== 204) return false;
      }
    }
    const status = coded(await fixture.status(parcel));
    return status.status === 200 && status.body['state'] === 'stored';
  }

  private async read(): Promise<void> {
    const answer = await this.fixture.get(`/v1/clips/${this.parcel.clipId}`, this.fixture.access(this.parcel.clipId));
    coded(answer);
  }

  /**
   * Holds at any time, also after a kill: a clip shown by the database is complete, and there is no other. Resolves with whether it is
   * shown. A commit reported as failed may have succeeded; its revoked clip is then `staged`, and visible after the next start.
   */
  private async shown(staged: boolean): Promise<boolean> {
    const intake = await this.intakeIn(this.databaseCopy());
    const folder = join(this.data, 'clips');
    const { clipId, clip, statement } = this.parcel;
    for (const name of readdirSync(folder)) expect(name).toBe(clipId);
    if (intake?.state !== 'stored') return false;
    const back = join(this.data, 'staging', intake.upload);
    if (staged && existsSync(back)) {
      expect(sha256Hex(readFileSync(back))).toBe(sha256Hex(clip));
      return false;
    }
    expect(sha256Hex(readFileSync(join(folder, clipId, 'clip.mp4')))).toBe(sha256Hex(clip));
    expect(readFileSync(join(folder, clipId, 'manifest.jws'), 'utf8')).toBe(statement);
    return true;
  }

  /** A copy's path: opening a database repairs it, which is left to the restarted bridge. */
  private databaseCopy(): string {
    const copy = join(this.folder.path, 'copy');
    rmSync(copy, { recursive: true, force: true });
    mkdirSync(copy);
    for (const path of this.paths('database')) if (existsSync(path)) cpSync(path, join(copy, basename(path)));
    return join(copy, 'bridge.sqlite');
  }

  private async intakeIn(path: string): Promise<Intake | null> {
    const database = await openBridgeDatabase(path);
    try {
      return await database.intakes.find({ device: this.fixture.cast.device.id, grant: this.parcel.grant });
    } finally {
      await database.close();
    }
  }

  /** Holds at the end: nothing of the clip remains, and the database is intact and says so. */
  async agreed(): Promise<void> {
    for (const folder of ['staging', 'ready', 'clips']) expect(readdirSync(join(this.data, folder))).toEqual([]);
    const path = this.databaseCopy();
    const file = new Sqlite(path);
    expect(file.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    file.close();
    expect(await this.intakeIn(path)).toMatchObject({ state: 'deleted', statement: '' });
    await this.loggedAsItHappened(path);
  }

  /** The custody log is one complete tree, and agrees with the tables about the clip. */
  private async loggedAsItHappened(path: string): Promise<void> {
    const { custody, intakes, accessLog, close } = await openBridgeDatabase(path);
    try {
      const leaves = await wholeLog(custody);
      const told = (kind: string) => leaves.filter(({ entry }) => JSON.parse(entry).kind === kind).length;
      const intake = await intakes.find({ device: this.fixture.cast.device.id, grant: this.parcel.grant });
      const receipt = intake?.receipt ?? '';
      expect([told('deletion'), await custody.leafOf(sha256Hex(receipt))]).toEqual([1, expect.any(Number)]);
      expect(told('access')).toBe((await accessLog.page({ reader: null, clip: null, after: 0, most: 999 })).length);
    } finally {
      await close();
    }
  }

  /** Database and staged clips on a full disk: coded refusals; with space the story continues. */
  async onFullDisk(disk: SmallDisk): Promise<string[]> {
    await this.newRound();
    const part = await this.start();
    disk.fill();
    const refused = [await this.fixture.tus('POST', '/v1/uploads', this.parcel, lengthOf(this.parcel))];
    refused.push(await this.fixture.revoke(this.parcel));
    expect(part.how).toBeNull();
    disk.empty();
    expect(await this.tell(part, { stored: false, asked: false, deleted: false }), part.stderr).toBe(true);
    expect(await part.stop()).toBe('status 0');
    await this.agreed();
    return refused.map((answer) => `${coded(answer).status} ${answer.body['code']}`);
  }

  /** A start on a full or read-only disk: the bridge's message, and its start afterwards. */
  async onSpoiledDisk(spoil: () => void, mend: () => void): Promise<string> {
    await this.newRound();
    spoil();
    const part = await this.start();
    expect(await part.ended).toBe('status 5');
    mend();
    const again = await this.start();
    expect(again.how, again.stderr).toBeNull();
    expect(await again.stop()).toBe('status 0');
    return part.stderr;
  }

  /** Every write system call of one thread in an undisturbed story, in order. */
  async points(writer: Writer): Promise<TracedCall[]> {
    await this.newRound();
    const log = join(this.folder.path, 'points.log');
    const part = await this.start({ paths: this.paths(writer), calls: WRITE_CALLS, faults: [], log });
    expect(await this.tell(part, { stored: false, asked: false, deleted: false }), part.stderr).toBe(true);
    expect(await part.stop()).toBe('status 0');
    await this.agreed();
    return writePoints(tracedCalls(log));
  }

  /** Applies one fault, restarts the bridge and finishes the story. Returns whether the fault occurred. */
  async disturb(writer: Writer, faults: Fault[]): Promise<boolean> {
    await this.newRound();
    const log = join(this.folder.path, 'round.log');
    const calls = [...new Set(faults.map(({ call }) => call))];
    const isKill = faults.some(({ how }) => how === 'KILL');
    const heard: Heard = { stored: false, asked: false, deleted: false };
    const part = await this.start({ paths: this.paths(writer), calls, faults, log });
    await this.tell(part, heard);
    const wasUp = this.fixture.elsewhere !== null;
    const how = await part.stop();
    if (!isKill) expect(how, part.stderr).toMatch(wasUp ? /^status 0$/ : /^status [1-9]/);
    const came = isKill ? how === 'SIGKILL' : faultCame(log);
    const shown = await this.shown(!isKill);
    if (heard.stored && !heard.asked) expect(shown).toBe(true);
    if (heard.deleted) expect(shown).toBe(false);
    const again = await this.start();
    expect(this.fixture.elsewhere, again.stderr).not.toBeNull();
    await this.shown(false);
    expect(await this.tell(again, heard), again.stderr).toBe(true);
    expect(await again.stop()).toBe('status 0');
    await this.agreed();
    return came;
  }
}

/** The entries of a custody log; throws unless they are one complete tree with the stored hashes. */
export async function wholeLog(custody: Database['custody']): Promise<{ leaf: number; entry: string }[]> {
  const size = await custody.size();
  const leaves = await custody.entries(0, size + 1);
  expect(leaves.map(({ leaf }) => leaf)).toEqual([...Array(size).keys()]);
  const root = await spanHash({ start: 0, end: size }, (of) => custody.subtree(of), sha256);
  const hashes = leaves.map(({ entry }) => leafHash(utf8(entry), sha256));
  const fromLeaves = spanHash({ start: 0, end: size }, ({ level, at }) => subtreeOver(hashes, level, at), sha256);
  expect(toHex(root)).toBe(toHex(await fromLeaves));
  return leaves;
}

async function subtreeOver(hashes: readonly Uint8Array[], level: number, at: number): Promise<Uint8Array> {
  if (level === 0) return hashes[at] ?? new Uint8Array();
  const [left, right] = [
    await subtreeOver(hashes, level - 1, at * 2),
    await subtreeOver(hashes, level - 1, at * 2 + 1),
  ];
  return nodeHash(left, right, sha256);
}

/** Returns the answer; throws if it is a refusal without a code. */
function coded(answer: Answer): Answer {
  if (answer.status >= 400) expect(answer.body).toMatchObject({ type: expect.any(String) });
  return answer;
}

const lengthOf = (parcel: Parcel) => ({ 'upload-length': String(parcel.clip.length) });
