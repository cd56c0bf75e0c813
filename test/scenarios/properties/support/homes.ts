// Runs a story with real parts (registry, bridge, area broker, an agency, and homes of one kind, each a whole doorbell with its own
// camera), and records everything that registry, bridge, agency and area broker see. The same seed draws the same keys, codes and ids.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../../../../device/base/clock.ts';
import { SystemDisk } from '../../../../device/base/disk.ts';
import { generateSigningKey, sha256Hex } from '../../../../device/base/keys.ts';
import { silentLog } from '../../../../device/base/log.ts';
import { issueAccount } from '../../../../device/base/mqtt-account-files.ts';
import type { MqttLink } from '../../../../device/base/mqtt-link.ts';
import { SeededRandom, SystemRandom } from '../../../../device/base/random.ts';
import { parseDeviceConfig } from '../../../../device/config.ts';
import { parseEnrolmentCode, printEnrolmentCode } from '../../../../device/contract/enrolment.ts';
import type { DeviceState, Receipt } from '../../../../device/contract/home-messages.ts';
import type { VerifiedNotice } from '../../../../device/contract/read-request-notice.ts';
import type { VerifiedSighting } from '../../../../device/contract/read-sighting.ts';
import { DEFAULT_PREFIX, topicsUnder } from '../../../../device/contract/topics.ts';
import type { Doorbell } from '../../../../device/doorbell.ts';
import { giveOrder } from '../../../../device/owner/give-command.ts';
import { OwnerSession } from '../../../../device/owner/owner-session.ts';
import { pairWithDevice } from '../../../../device/owner/pairing-client.ts';
import { makeDenial, makeGrant } from '../../../../device/owner/sign-owner-messages.ts';
import { startDevice } from '../../../../device/start-device.ts';
import { Broker } from '../../../../sim/broker/broker.ts';
import { porchKind } from '../../../../sim/porch/porch-camera.ts';
import { BridgeFixture, ShiftedClock } from '../../../support/bridge-fixture.ts';
import { linkTo, startBroker, type TestBroker } from '../../../support/broker.ts';
import { claimsOf, makeParty, textClaim } from '../../../support/parties.ts';
import { Sqlite } from '../../../support/sqlite.ts';
import { Recording, type Tap, tapBridge, tapBroker } from './recording.ts';

export const HOME_KINDS = ['no footage', 'declined', 'ignored', 'offline'] as const;
export type HomeKind = (typeof HOME_KINDS)[number];

/** A planted fault of bridge or device when a home declines. */
export type Leak = 'count' | 'timing' | 'retry' | 'error' | 'delay';

/** The planted delay in milliseconds: a document's processing time on a slow machine. */
export const PLANTED_MS = 60;

const START_US = Date.UTC(2026, 10, 25, 12) * 1_000;
const PATIENCE_MS = 60_000;
const DAY_S = 24 * 3600;
const topics = topicsUnder(DEFAULT_PREFIX);

/** The clock of registry, bridge and agency: it moves only when the story moves it. */
class StillClock extends ShiftedClock {
  override wallUs(): number {
    return START_US + this.shiftS * 1_000_000;
  }
}

/** A home's clock: it runs, from the same start. */
class RunningClock extends SystemClock {
  private readonly still: StillClock;
  private readonly startMs = performance.now();

  constructor(still: StillClock) {
    super();
    this.still = still;
  }

  override wallUs(): number {
    return this.still.wallUs() + Math.round((performance.now() - this.startMs) * 1_000);
  }
}

export interface HomeParts {
  doorbell: Doorbell;
  session: OwnerSession;
  key: ReturnType<typeof generateSigningKey>;
  notices: VerifiedNotice[];
  sightings: VerifiedSighting[];
  receipts: Receipt[];
  state: DeviceState | null;
}

/** `Kind`: the possible kinds of homes. */
export class Homes<Kind extends string = HomeKind> {
  readonly recording = new Recording();
  protected readonly kind: Kind;
  protected readonly leak: Leak | null;
  private hasLeaked = false;
  protected readonly clock = new StillClock();
  protected readonly homeClock = new RunningClock(this.clock);
  private readonly folder = mkdtempSync(join(tmpdir(), 'doorsill-homes-'));
  protected readonly homes: HomeParts[] = [];
  private readonly ends: (() => Promise<unknown>)[] = [];
  protected readonly documents: string[] = [];
  private fixture: BridgeFixture | null = null;
  protected bridgeTap: Tap | null = null;
  private homeBroker: TestBroker | null = null;
  private areaUrl = '';

  protected constructor(kind: Kind, leak: Leak | null) {
    this.kind = kind;
    this.leak = leak;
  }

  /** Runs the story with `count` homes of one kind; returns the recording. */
  static async run(kind: HomeKind, seed: number, count: number, leak: Leak | null = null): Promise<Recording> {
    return new Homes(kind, leak).tell(seed, count);
  }

  protected async tell(seed: number, count: number): Promise<Recording> {
    try {
      await this.story(seed, count);
    } finally {
      this.recording.isOver = true;
      for (const end of this.ends.reverse()) await end();
      rmSync(this.folder, { recursive: true, force: true });
    }
    return this.recording;
  }

  /** Additional settings of every home. */
  protected settings(): object {
    return {};
  }

  protected get testbed(): BridgeFixture {
    if (!this.fixture) throw new Error('there is no bridge');
    return this.fixture;
  }

  protected async story(seed: number, count: number): Promise<void> {
    await this.open(seed);
    for (let home = 0; home < count; home += 1) await this.addHome(seed + 100 + home);
    await this.becomeKind();
    // Everything is compared from here on.
    const step = async (name: string, work: () => Promise<void>) => {
      this.recording.step += 1;
      await work();
      await this.look(name);
    };
    const [first, second, third] = ['SPD-1', 'SPD-2', 'SPD-3'].map((investigation) => () => this.ask(investigation));
    if (!first || !second || !third) return;
    let id = '';
    await step('asked', async () => {
      id = await first();
    });
    await step('answered', () => this.react(id));
    this.clock.shiftS += 3_600;
    await step('an hour later', async () => void (await second()));
    await step('resolved', () => this.resolve(id));
    this.clock.shiftS += 8 * DAY_S;
    await step('when it is over', async () => {
      await this.testbed.bridge.refreshRevocations();
      await third();
    });
    await this.readStores();
  }

  /** Starts registry, bridge and area broker with an admitted agency. */
  protected async open(seed: number): Promise<void> {
    const { recording } = this;
    const accounts = join(this.folder, 'accounts');
    const broker = new Broker({
      disk: new SystemDisk(),
      accounts,
      prefix: DEFAULT_PREFIX,
      host: '127.0.0.1',
      port: 0,
      clock: new SystemClock(),
      log: recording.log('area broker, its log'),
    });
    await broker.start();
    this.ends.push(() => broker.stop());
    const area = await this.opened(tapBroker(broker.port, recording));
    recording.namePort(area.port, 'AREA');
    recording.namePort(broker.port, 'AREA-BROKER');
    this.fixture = await BridgeFixture.open({
      areaUrl: `mqtt://127.0.0.1:${area.port}`,
      accounts,
      clock: this.clock,
      random: {
        cast: new SeededRandom(seed),
        bridge: new SeededRandom(seed + 1),
        registry: new SeededRandom(seed + 2),
      },
      log: recording.log('bridge, its log'),
      registryLog: recording.log('registry, its log'),
      // No periodic turn during the story, only those that the agency causes.
      bridge: {
        publicUrl: 'http://bridge.example',
        revocationsEveryS: 3_600,
        republishS: 6 * 3_600,
        documentLifeS: DAY_S,
        webhooks: { everyS: 3_600 },
      },
    });
    const { fixture } = this;
    this.ends.push(() => fixture.close());
    recording.namePort(new URL(fixture.bridge.url).port, 'BRIDGE');
    recording.namePort(new URL(fixture.registry.url).port, 'REGISTRY');
    await fixture.admitAgency();
    await this.strangerAt(broker.port);
    const spectator = await issueAccount(new SystemDisk(), new SystemRandom(), accounts, {
      role: 'device-area',
      id: makeParty('device', new SeededRandom(seed + 3)).id,
    });
    const link: MqttLink = linkTo(`mqtt://127.0.0.1:${broker.port}`, spectator);
    this.ends.push(() => link.stop());
    const { cell } = fixture.cast;
    link.subscribe(
      [topics.areaRequests(cell, 1), topics.areaSearches(cell, 1), topics.revocations],
      ({ topic, payload }) => {
        const text = new TextDecoder().decode(payload);
        this.documents.push(text);
        if (this.recording.step > 0) recording.note('anyone at the area broker', `${topic} ${text}`);
      },
    );
    link.start();
    await this.until('the board', () => this.documents.length > 0);
    this.bridgeTap = await this.opened(tapBridge(Number(new URL(fixture.bridge.url).port), recording));
    this.areaUrl = `mqtt://127.0.0.1:${area.port}`;
    this.homeBroker = await startBroker();
    const { homeBroker } = this;
    this.ends.push(() => homeBroker.stop());
  }

  /** An unauthenticated client, so that the broker has something to log. */
  private async strangerAt(port: number): Promise<void> {
    const link = linkTo(`mqtt://127.0.0.1:${port}`, { user: 'device-area-nobody', password: 'a guess' });
    link.start();
    await this.until('the refusal of a stranger', () => this.recording.of('area broker, its log').length > 0);
    await link.stop();
  }

  private async opened(making: Promise<Tap>): Promise<Tap> {
    const made = await making;
    this.ends.push(() => made.stop());
    return made;
  }

  /** An enrolled and paired doorbell with a few seconds of footage, connected to the area broker. */
  protected async addHome(seed: number): Promise<void> {
    const { homeBroker, bridgeTap, homeClock: clock } = this;
    if (!homeBroker || !bridgeTap) throw new Error('not open');
    const random = new SeededRandom(seed);
    const [disk, log] = [new SystemDisk(), silentLog()];
    const folder = join(this.folder, `home-${this.homes.length}`);
    await disk.makeFolder(folder);
    const device = makeParty('device', random);
    const key = { kind: 'doorsill-device-key', secret: device.key.exportSecret() };
    writeFileSync(join(folder, 'device.key'), JSON.stringify(key), { mode: 0o600 });
    const account = await homeBroker.issue({ role: 'device-home', id: device.id });
    const config = parseDeviceConfig(
      {
        camera: 'synthetic?size=320x180&audio=off&pace=fast&seconds=4',
        motion: { enabled: false },
        ...this.settings(),
        place: this.testbed.cast.place,
        disclosure: { address: '1 Elm Street', email: 'home@example.org' },
        home: { url: homeBroker.url, ...account, accounts: homeBroker.accounts },
        areaUrl: this.areaUrl,
        bridgeUrl: `http://127.0.0.1:${bridgeTap.port}`,
      },
      'device.json',
    );
    const code = throughTap((await this.testbed.bridge.printEnrolmentCode()).code, bridgeTap);
    const doorbell = await startDevice(
      { config, folder, enrolmentCode: code, cameraKinds: [porchKind] },
      { clock, random, disk, log },
    );
    const ownerKey = generateSigningKey(random);
    const home = await pairWithDevice({ clock }, doorbell.pairingSocket, ownerKey, 'Alex');
    const session = new OwnerSession(home, { clock, random, disk, log });
    const parts: HomeParts = {
      doorbell,
      session,
      key: ownerKey,
      notices: [],
      sightings: [],
      receipts: [],
      state: null,
    };
    session.listen({
      notice: (notice) => parts.notices.push(notice),
      sighting: (sighting) => parts.sightings.push(sighting),
      receipt: (receipt) => parts.receipts.push(receipt),
      state: (state) => {
        parts.state = state;
      },
    });
    await session.start();
    this.homes.push(parts);
    this.ends.push(async () => {
      await session.stop();
      await doorbell.stop();
    });
    await this.until('footage and an area link', () => {
      const last = parts.state?.ring.coverage.at(-1);
      return parts.state?.area === 'online' && last !== undefined && last.endUs - last.startUs > 2_000_000;
    });
  }

  private async becomeKind(): Promise<void> {
    for (const { doorbell, session, key } of this.homes) {
      const signer = { key, clock: this.homeClock, random: new SystemRandom() };
      if (this.kind === 'no footage') await giveOrder(session, signer, { action: 'forget' }, PATIENCE_MS);
      if (this.kind === 'offline') await doorbell.stop();
    }
  }

  /** The agency requests the last quarter of an hour; resolves when the board shows it to every listening home. */
  private async ask(investigation: string): Promise<string> {
    const { cast } = this.testbed;
    const nowUs = this.clock.wallUs();
    const window = { startUs: nowUs - 15 * 60_000_000, endUs: nowUs };
    const token = cast.request({ investigation, window });
    const id = textClaim(token, 'jti');
    await this.hear(this.testbed.post('/v1/requests', { request: token }));
    await this.until('the request on the board', () =>
      this.documents.some((text) => listed(text, 'requests').includes(id)),
    );
    if (this.kind !== 'offline')
      for (const home of this.homes)
        await this.until('the notice', () => home.notices.some(({ request }) => request.jti === id));
    await this.settle();
    return id;
  }

  /** Each home acts as its kind does. */
  private async react(id: string): Promise<void> {
    for (const { session, key, notices, receipts } of this.homes) {
      const notice = notices.find(({ request }) => request.jti === id);
      const signer = { key, clock: this.homeClock, random: new SystemRandom() };
      if (this.kind === 'declined' && notice) {
        await session.answer(id, 'deny', makeDenial(signer, notice).token);
        await this.until('the denial', () =>
          receipts.some(({ outcome, request }) => outcome === 'denied' && request === id),
        );
        await this.planted();
      }
      if (this.kind === 'no footage' && notice) {
        const grant = makeGrant(signer, notice, { window: notice.request.window });
        await session.answer(id, 'grant', grant.token);
        await this.until('the refusal', () => receipts.some(({ code }) => code === 'consent_window_no_footage'));
      }
    }
    await this.settle();
  }

  /** The planted fault after the first denial. */
  private async planted(): Promise<void> {
    if (this.hasLeaked) return;
    this.hasLeaked = true;
    const home = `http://127.0.0.1:${this.bridgeTap?.port}`;
    switch (this.leak) {
      case 'count': {
        const file = new Sqlite(join(this.testbed.bridgeFolder, 'bridge.sqlite'));
        file.prepare("insert into kept_documents (name, token) values ('answers', '1')").run();
        file.close();
        return;
      }
      case 'timing':
        // The board is published when a home answers, instead of periodically.
        this.clock.shiftS += 1;
        await this.ask('SPD-timing');
        return;
      case 'retry':
        for (let again = 0; again < 2; again += 1) await fetch(`${home}/v1/intakes/none`);
        return;
      case 'delay':
        this.recording.homesLaterMs = PLANTED_MS;
        return;
      case 'error':
        await fetch(`${this.testbed.bridge.url}/v1/intakes`, { method: 'POST', body: '{' });
        return;
      case null:
        return;
    }
  }

  private async resolve(id: string): Promise<void> {
    const call = this.testbed.agencyCall({ action: 'resolve-request', request: id });
    await this.hear(this.testbed.post(`/v1/requests/${id}/resolve`, {}, call));
    await this.until('the cancellation', () => this.documents.some((text) => listed(text, 'cancelled').includes(id)));
    await this.settle();
  }

  /** Records everything that the agency and the public can read. */
  protected async look(name: string): Promise<void> {
    const { testbed } = this;
    const { agency } = testbed.cast;
    const ids = this.asked();
    this.recording.note('agency, its answers', `-- ${name}`);
    for (const request of ids) {
      await this.hear(testbed.get(`/v1/requests/${request}`, testbed.agencyCall({ action: 'see-request', request })));
    }
    await this.hear(testbed.get('/v1/clips', testbed.access('all')));
    for (const path of ['', '/feed.json', '/feed.atom', `/agencies/${agency.id}`, '/transparency'])
      await this.hear(testbed.get(`/neighbors${path}`));
    for (const path of [`/v1/transparency/${agency.id}`, '/v1/partners', '/v1/bridge'])
      await this.hear(testbed.get(path));
    await this.hear(testbed.get('/v1/moderation', testbed.bridge.adminToken));
  }

  private asked(): string[] {
    const file = new Sqlite(join(this.testbed.bridgeFolder, 'bridge.sqlite'), { readonly: true });
    const rows: unknown = file.prepare('select request from requests order by rowid').pluck().all();
    file.close();
    return Array.isArray(rows) ? rows.map(String) : [];
  }

  protected async hear(answering: ReturnType<BridgeFixture['get']>): Promise<void> {
    const { status, headers, body } = await answering;
    // Removed because they depend on the clock only: the date, and the rate limit's reset. The remaining calls are compared.
    const told = [...headers]
      .filter(([name]) => name !== 'date')
      .map(([name, value]) => [name, name === 'ratelimit' ? value.replace(/;t=\d+$/, '') : value]);
    this.recording.note('agency, its answers', JSON.stringify({ status, told, body }));
  }

  /** What remains on the disks of bridge, registry and area broker. */
  protected async readStores(): Promise<void> {
    const { testbed, recording } = this;
    recording.step += 1;
    await testbed.bridge.stop();
    await testbed.registry.stop();
    const file = new Sqlite(join(testbed.bridgeFolder, 'bridge.sqlite'), { readonly: true });
    const tables: unknown[] = file
      .prepare("select name from sqlite_master where type = 'table' order by name")
      .pluck()
      .all();
    for (const table of tables) {
      for (const row of file.prepare(`select * from "${String(table)}"`).all())
        recording.note('bridge, its database', `${String(table)} ${JSON.stringify(row)}`);
    }
    file.close();
    this.readFolder('bridge, its files', testbed.bridgeFolder, /^bridge\.sqlite/);
    this.readFolder('registry, its files', join(testbed.folder, 'registry'), /^$/);
  }

  private readFolder(who: string, folder: string, except: RegExp): void {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      const path = join(folder, name);
      if (except.test(name)) continue;
      const isFile = statSync(path).isFile();
      this.recording.note(who, `${name} ${isFile ? sha256Hex(readFileSync(path)) : 'folder'}`);
    }
  }

  /** Waits until pending work has ended. */
  protected settle(): Promise<void> {
    return this.homeClock.sleep(150);
  }

  protected async until(what: string, look: () => boolean): Promise<void> {
    const endMs = performance.now() + PATIENCE_MS;
    while (!look()) {
      if (performance.now() > endMs) throw new Error(`no ${what}`);
      await this.homeClock.sleep(20);
    }
  }
}

/** The bridge's code with the proxy's address, through which homes call the bridge. */
function throughTap(code: string, { port }: Tap): string {
  const read = parseEnrolmentCode(code);
  if (!read) throw new Error('the bridge printed an unreadable code');
  return printEnrolmentCode({ ...read, url: `http://127.0.0.1:${port}` });
}

/** Ids in a document's list, if it has one. */
function listed(document: string, list: 'requests' | 'cancelled'): string[] {
  const entries: unknown = claimsOf(document)[list];
  if (!Array.isArray(entries)) return [];
  return entries.map((entry) => (list === 'cancelled' ? String(entry) : textClaim(entry.request, 'jti')));
}
