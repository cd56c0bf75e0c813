// A short story that is repeated with faults: broker, registry and bridge run in this process; the doorbell is a process on a fresh copy of
// a prepared folder (paired, enrolled, with footage and a request). In each round the owner grants, the clip is sent, and the owner
// revokes.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { GrantKey } from '../../../cloud-bridge/intake/intake-store.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import type { DeviceEvent, DeviceState, Receipt } from '../../../device/contract/home-messages.ts';
import type { Window } from '../../../device/contract/shared-claims.ts';
import { OwnerSession } from '../../../device/owner/owner-session.ts';
import type { PairedDevice } from '../../../device/owner/paired-devices.ts';
import { pairWithDevice } from '../../../device/owner/pairing-client.ts';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { startBroker, type TestBroker } from '../../support/broker.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { HOME, textClaim } from '../../support/parties.ts';
import { type DoorProcess, PartProcess, type TraceOptions, withTemporary } from '../../support/strace.ts';
import { untilFound } from '../../support/until-found.ts';

const CAMERA = 'synthetic?size=320x180&pace=fast&seconds=6';
/** Whole GOPs, so that no round needs ffmpeg. */
const CLIP_US = 3_000_000;
const RING_BYTES = 8 * 1024 * 1024;
const PATIENCE_MS = 30_000;
const LOOK_AGAIN_MS = 20;
const SAY_AGAIN_MS = 100;
const BUSY = 5;

const clock = new SystemClock();
const readySchema = z.object({ socket: z.string() });

/** A separate disk for the doorbell's folder. */
export interface DoorDisk {
  /** Prefix of commands that see the disk. */
  under?: string[];
  /** The doorbell's folder as seen on the disk, and from this process. */
  inside: string;
  outside: string;
  /** The doorbell's machine, if it is another one. */
  board?: {
    /** How many times slower it is. */
    slower: number;
    /** Its footage without drawing or encoding. */
    camera: string;
    /** Starts the command line there; it can reach these `ports` of this machine. */
    start(args: readonly string[], ports: readonly number[]): DoorProcess;
  };
}

/** The owner's orders in one round, and the answers. */
export interface Round {
  /** The id of the answered request. */
  request: string;
  grantToken: string;
  grant: string;
  revokeToken: string;
  heard: Receipt[];
  /** Whether the owner has sent the revocation: the clip may be gone from then on. */
  takenBack: boolean;
}

export class DoorStory {
  readonly folder = temporaryFolder('faults');
  readonly fixture: BridgeFixture;
  private readonly broker: TestBroker;
  private readonly disk: DoorDisk | null;
  private home: PairedDevice | null = null;
  private door: DoorProcess | null = null;
  private session: OwnerSession | null = null;
  private request = '';
  private window: Window = { startUs: 0, endUs: 0 };
  /** The last published state. */
  state: DeviceState | null = null;
  /** Spans of footage in the prepared ring. */
  covered: Window[] = [];
  readonly events: DeviceEvent[] = [];
  private readonly receipts: Receipt[] = [];
  private notices = 0;

  private constructor(broker: TestBroker, fixture: BridgeFixture, disk: DoorDisk | null) {
    this.disk = disk;
    this.broker = broker;
    this.fixture = fixture;
  }

  /** Starts the permanent parts and prepares the folder. */
  static async open(disk: DoorDisk | null = null): Promise<DoorStory> {
    const broker = await startBroker();
    const fixture = await BridgeFixture.open({ areaUrl: broker.url, accounts: broker.accounts });
    const story = new DoorStory(broker, fixture, disk);
    try {
      await story.prepare();
    } catch (thrown) {
      await story.close();
      throw thrown;
    }
    return story;
  }

  async close(): Promise<void> {
    await this.endDoor();
    await this.session?.stop();
    await this.fixture.close();
    await this.broker.stop();
    this.folder.dispose();
  }

  /** Every receipt of the round. */
  get heard(): readonly Receipt[] {
    return this.receipts;
  }

  private get template(): string {
    return join(this.folder.path, 'template');
  }

  /** The doorbell's folder of the current round. */
  get data(): string {
    return this.disk?.outside ?? join(this.folder.path, 'doorbell');
  }

  private async prepare(): Promise<void> {
    const { fixture, broker } = this;
    const { device, owner } = fixture.cast;
    await fixture.admitAgency();
    mkdirSync(this.template, { recursive: true, mode: 0o700 });
    const key = { kind: 'doorsill-device-key', secret: device.key.exportSecret() };
    writeFileSync(join(this.template, 'device.key'), JSON.stringify(key), { mode: 0o600 });
    const account = await broker.issue({ role: 'device-home', id: device.id });
    const config = {
      place: HOME,
      camera: CAMERA,
      disclosure: { address: '12 Elm Street, Springfield', email: 'casey@home.example' },
      ring: { bytes: RING_BYTES },
      motion: { enabled: false },
      home: { url: broker.url, ...account, accounts: broker.accounts },
    };
    writeFileSync(join(this.template, 'device.json'), JSON.stringify(config));
    const { code } = await fixture.bridge.printEnrolmentCode();
    const codeFile = join(this.folder.path, 'code');
    writeFileSync(codeFile, code, { mode: 0o600 });
    const door = new PartProcess(['device', '--data', this.template, '--enrol', codeFile]);
    const ready = await door.ready();
    if (!ready) throw new Error(`the doorbell did not start: ${door.stderr}`);
    this.home = await pairWithDevice({ clock }, readySchema.parse(ready).socket, owner.key, 'Casey');
    const session = new OwnerSession(this.home, {
      clock,
      random: new SystemRandom(),
      disk: new SystemDisk(),
      log: silentLog(),
    });
    this.session = session;
    session.listen({
      receipt: (receipt) => this.receipts.push(receipt),
      event: (event) => this.events.push(event),
      state: (state) => {
        this.state = state;
      },
      notice: () => {
        this.notices += 1;
      },
    });
    await session.start();
    const footage = await this.until('footage', () => {
      const first = this.state?.camera.state === 'ended' ? this.state.ring.coverage[0] : undefined;
      return first && first.endUs - first.startUs > CLIP_US ? first : null;
    });
    this.covered = this.state?.ring.coverage ?? [];
    this.window = { startUs: footage.startUs, endUs: footage.startUs + CLIP_US };
    await this.ask();
    // The camera stays off from here: only the story writes.
    const privacy = fixture.cast.command({ action: 'privacy', on: true });
    await session.command(privacy);
    await this.until('privacy', () => (this.state?.privacy ? true : null));
    await door.stop();
    // Each round must store marks, as if bridge and registry had news.
    const marks = join(this.template, 'consent', 'marks.json');
    const { wallUs, clockResets } = z
      .object({ wallUs: z.int(), clockResets: z.int() })
      .parse(JSON.parse(readFileSync(marks, 'utf8')));
    writeFileSync(marks, JSON.stringify({ wallUs, clockResets, revocations: 0, areas: {} }));
  }

  /** The agency requests the last quarter of an hour; the running doorbell notifies its owner. Later rounds answer this request. */
  async ask(): Promise<void> {
    const nowUs = clock.wallUs();
    const before = this.notices;
    // An investigation may be posted at most twice.
    const asked = { investigation: `SPD-${nowUs}`, window: { startUs: nowUs - 900_000_000, endUs: nowUs } };
    this.request = this.fixture.cast.request(asked);
    const posted = await this.fixture.post('/v1/requests', { request: this.request });
    if (posted.status !== 201) throw new Error(`the request was refused: ${JSON.stringify(posted.body)}`);
    await this.until('notice', () => (this.notices > before ? true : null));
  }

  /** A fresh copy of the prepared folder, and fresh orders of the owner. */
  async newRound(): Promise<Round> {
    await this.endDoor();
    rmSync(this.data, { recursive: true, force: true });
    cpSync(this.template, this.data, { recursive: true });
    this.receipts.length = 0;
    return this.newGrant(this.window);
  }

  /** Fresh orders about a window. */
  newGrant(window: Window): Round {
    const { cast } = this.fixture;
    const grantToken = cast.grant(this.request, { window, audio: false });
    return {
      request: textClaim(this.request, 'jti'),
      grantToken,
      grant: textClaim(grantToken, 'jti'),
      revokeToken: cast.revoke(grantToken),
      heard: this.receipts,
      takenBack: false,
    };
  }

  /** The files that a round's doorbell writes. */
  paths(round: Round): string[] {
    const inFolder = (...names: string[]) => names.flatMap((name) => withTemporary(join(this.data, name)));
    return [
      ...inFolder('ring', 'ring.key', 'outbox.key', 'wrapping.key', 'enrolment.json', 'device.key'),
      ...inFolder(
        'consent/ledger.jsonl',
        'consent/ledger-head.json',
        'consent/marks.json',
        'consent/revocations.reserve',
      ),
      ...inFolder(`outbox/${round.grant}.clip`, `outbox/${round.grant}.commit`),
      ...['', 'outbox', 'consent'].map((name) => join(this.data, name)),
    ];
  }

  startDoor({ trace, camera }: { trace?: TraceOptions; camera?: string } = {}): DoorProcess {
    const words = ['device', '--data', this.disk?.inside ?? this.data, '--log', 'info'];
    const args = [...words, ...(camera === undefined ? [] : ['--camera', camera])];
    const board = this.disk?.board;
    const options = { ...(trace ? { trace } : {}), under: this.disk?.under ?? [] };
    this.door = board?.start(args, this.ports) ?? new PartProcess(args, options);
    return this.door;
  }

  /** The ports that a doorbell needs, with the bridge running. */
  private get ports(): number[] {
    return [this.broker.port, Number(new URL(this.fixture.bridge.url).port)];
  }

  /** A failed round leaves its doorbell running. */
  private async endDoor(): Promise<void> {
    await this.door?.stop('SIGKILL');
    this.door = null;
  }

  /** Slow-down of the doorbell's machine. */
  get slower(): number {
    return this.disk?.board?.slower ?? 1;
  }

  /** Factor for timeouts: an emulated board's host may be busy, too. */
  get patience(): number {
    return this.disk?.board ? this.slower * BUSY : 1;
  }

  private get patienceMs(): number {
    return PATIENCE_MS * this.patience;
  }

  private get owner(): OwnerSession {
    if (!this.session) throw new Error('the story is not prepared');
    return this.session;
  }

  /** Repeats an owner's order until `heard` returns a result, the doorbell ends, or time is up; resolves with whether it was answered. */
  async say(
    door: DoorProcess,
    word: () => Promise<void>,
    heard: () => boolean,
    patienceMs = this.patienceMs,
  ): Promise<boolean> {
    const endMs = clock.monotonicMs() + patienceMs;
    let saidMs = Number.NEGATIVE_INFINITY;
    for (;;) {
      if (heard()) return true;
      if (door.how !== null || clock.monotonicMs() > endMs) return false;
      if (clock.monotonicMs() - saidMs > SAY_AGAIN_MS) {
        await word();
        saidMs = clock.monotonicMs();
      }
      await clock.sleep(LOOK_AGAIN_MS);
    }
  }

  async sayGrant(round: Round): Promise<void> {
    await this.owner.answer(round.request, 'grant', round.grantToken);
  }

  async sayRevoke(round: Round): Promise<void> {
    round.takenBack = true;
    await this.owner.answer(round.request, 'revoke', round.revokeToken);
  }

  async sayPrivacy(on: boolean): Promise<void> {
    const after = await this.owner.lastOrder();
    await this.owner.command(this.fixture.cast.command({ action: 'privacy', on }, { after }));
  }

  async sayPress(): Promise<void> {
    await this.owner.command(this.fixture.cast.command({ action: 'press', button: 'front' }));
  }

  /** Orders a window to be forgotten; returns the order's id, which the receipt names. */
  async sayForget(window: Window): Promise<string> {
    const after = await this.owner.lastOrder();
    const order = this.fixture.cast.command({ action: 'forget', window }, { after });
    await this.owner.command(order);
    return textClaim(order, 'jti');
  }

  /** Whether the bridge knows a grant. */
  async knownAtBridge(key: GrantKey): Promise<boolean> {
    const database = await openBridgeDatabase(join(this.fixture.bridgeFolder, 'bridge.sqlite'));
    try {
      return (await database.intakes.find(key)) !== null;
    } finally {
      await database.close();
    }
  }

  /** The clips that the bridge shows. */
  clips(): { id: string; bytes: Uint8Array; manifest: string }[] {
    const folder = join(this.fixture.bridgeFolder, 'clips');
    return readdirSync(folder).map((id) => ({
      id,
      bytes: readFileSync(join(folder, id, 'clip.mp4')),
      manifest: readFileSync(join(folder, id, 'manifest.jws'), 'utf8'),
    }));
  }

  until<Found>(what: string, look: () => Found | null): Promise<Found> {
    const missing = () => `no ${what}`;
    return untilFound(look, { mostMs: this.patienceMs, everyMs: LOOK_AGAIN_MS, missing });
  }
}
