import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { type HttpLimits, makeHttpServer } from '@doorsill/base/http/http-server';
import { linkFailure, tlsFilesRead } from '@doorsill/base/link-failure';
import type { Log } from '@doorsill/base/log';
import { MqttLink } from '@doorsill/base/mqtt-link';
import type { Network } from '@doorsill/base/network';
import type { Random } from '@doorsill/base/random';
import { caToPin, tlsSource } from '@doorsill/base/tls';
import { UndoSteps } from '@doorsill/base/undo-steps';
import { CA_BYTES_MAX } from '@doorsill/contract/enrolment';
import { failure } from '@doorsill/contract/errors';
import { PAYLOAD_BYTES_MAX } from '@doorsill/contract/topics';
import { httpRegistryClient } from './agencies/registry-client.ts';
import { AgencyCredentials } from './agencies/registry-credentials.ts';
import { AgencyTokenVerifier } from './agencies/verify-agency-token.ts';
import type { BridgeConfig } from './bridge-config.ts';
import { type Database, openDatabase } from './bridge-database.ts';
import { makeBridgeApi } from './bridge-router.ts';
import { addClipParts } from './clip-parts.ts';
import { Custody } from './custody/custody-proofs.ts';
import { custodyRoutes } from './custody/custody-routes.ts';
import { type CodeWish, Enrolment, folderAccounts, type PrintedCode } from './enrolment/enrolment.ts';
import { enrolmentRoutes } from './enrolment/enrolment-routes.ts';
import { drain } from './http/health.ts';
import { LocalLimits, type RateLimits } from './http/rate-limits.ts';
import type { Router } from './http/router.ts';
import { AcknowledgedTurns, brokerAccountId } from './instances.ts';
import { CustodyCalls, custodyBundleRoutes } from './intake/custody-bundle-routes.ts';
import { UploadLocks } from './intake/upload-locks.ts';
import { neighborsRoutes } from './neighbors/neighbors-routes.ts';
import { Partners } from './partners/partners.ts';
import { partnerRoutes } from './partners/partners-routes.ts';
import { type Identity, ownIdentity, sharedIdentity, sharedLimits } from './persistence/instance-part.ts';
import type { Turns } from './persistence/instance-turns.ts';
import { databasePlace, type PlaceSeams } from './persistence/open-database.ts';
import { AreaBoard } from './requests/area-board.ts';
import type { AreaPublisher } from './requests/cell-document-parts.ts';
import { Moderators } from './requests/moderators.ts';
import { Requests } from './requests/requests.ts';
import { partnerChannelRoutes, requestRoutes } from './requests/requests-routes.ts';
import { SearchParty } from './search-party/make-search-party.ts';
import { Webhooks, webhookRoutes } from './webhooks/agency-webhooks.ts';
import { EventOutbox } from './webhooks/event-delivery.ts';

/** A bridge's dependencies and settings. */
export interface BridgeDeps {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  config: BridgeConfig;
  httpLimits?: HttpLimits;
  /** Network it listens on and reaches its broker through; default: the machine's own. */
  network?: Network;
  life?: PlaceSeams['life'];
}

/** Documents queued while the broker is down; beyond these limits the oldest is dropped. All are published again anyway. */
const QUEUE = { messages: 2_000, bytes: 32 * 1024 * 1024 };

interface Core extends Identity {
  database: Database;
  standing: AgencyCredentials;
  moderators: Moderators;
  tokens: AgencyTokenVerifier;
  limits: RateLimits;
}

interface Running {
  core: Core;
  enrolment: Enrolment;
  board: AreaBoard;
  link: MqttLink;
  url: string;
  /** Resolves when the proxy sends no more calls here and none is under way. */
  drained: () => Promise<void>;
}

/** Publishes agencies' requests and takes in the clips that owners grant. */
export class Bridge {
  private readonly deps: BridgeDeps;
  private running: Running | null = null;
  private readonly undo = new UndoSteps();

  constructor(deps: BridgeDeps) {
    this.deps = deps;
  }

  /**
   * Starts on its data folder; registry and area broker need not be reachable. Throws `state_damaged`, `database_...`,
   * `port_in_use`, `tls_file_unusable`.
   */
  async start(): Promise<void> {
    try {
      const asking = new AbortController();
      const stopAsking = () => asking.abort(failure('unreachable', STOPPING));
      const core = await this.openCore(asking.signal);
      const link = await this.openLink(core);
      const outbox = this.openOutbox(core);
      const board = this.openBoard(core, link);
      const locks = new UploadLocks();
      // Runs after the server is closed: uploads that this cut off clean up their files first.
      this.undo.add(() => locks.idle());
      const { api, health } = this.makeApi(core, link);
      const enrolment = this.addEnrolment(api, core);
      await this.addRequests(api, core, (cells) => {
        void (cells ? board.refreshCells(cells) : board.refresh());
        void outbox.now();
      });
      const searchParty = this.openSearchParty(core, link);
      const { custody, calls } = this.addCustody(api, core);
      const { id: bridgeId, ...own } = core;
      const parts = { ...this.deps, ...own, bridgeId, locks, custody, calls, outbox, searchParty };
      await addClipParts(api, parts, this.undo);
      // The first steps of `stop`: work that waits for the registry or for its turn would delay the rest.
      this.undo.add(() => core.database.turns.stop());
      this.undo.add(stopAsking);
      const { host, port } = this.deps.config.http;
      const { clock, config } = this.deps;
      const drained = async () => config.instance && drain({ clock, api, health }, config.instance);
      this.running = { core, enrolment, board, link, drained, url: await api.listen(host, port) };
      link.onState((state) => {
        if (!state.online) return;
        void board.refresh();
        void searchParty.board.refresh();
      });
      board.start();
      searchParty.board.start();
      outbox.start();
      void board.refreshRevocations().then(() => board.refresh());
      link.start();
      this.deps.log.info('the bridge is up', { url: this.running.url, bridge: core.id });
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  /** One of several instances drains first. */
  async stop(): Promise<void> {
    await this.running?.drained();
    this.running = null;
    await this.undo.run();
  }

  /** Address it listens at. */
  get url(): string {
    return this.up().url;
  }

  /** `bridge-` and the hash of its key. */
  get id(): string {
    return this.up().core.id;
  }

  get publicKey(): string {
    return this.up().core.key.publicKey;
  }

  get adminToken(): string {
    return this.up().core.adminToken;
  }

  /** A new enrolment code as one line of text, for one device unless `wish` says otherwise. */
  printEnrolmentCode(wish?: CodeWish): Promise<PrintedCode> {
    return this.up().enrolment.printCode(this.publicUrl(), wish);
  }

  /** Fetches the registry's revocation list now instead of at the next interval, and publishes the consequences. */
  refreshRevocations(): Promise<void> {
    return this.up().board.refreshRevocations();
  }

  /** Resolves when the area broker is connected; rejects with `unreachable` when it is not within `withinMs`. */
  areaReached(withinMs: number): Promise<void> {
    return this.up().link.reached(withinMs);
  }

  private up(): Running {
    if (!this.running) throw failure('not_running', { folder: this.deps.config.dataFolder });
    return this.running;
  }

  private publicUrl(): string {
    return this.deps.config.publicUrl ?? this.url;
  }

  private async openCore(asking: AbortSignal): Promise<Core> {
    const { clock, random, disk, log, config, life } = this.deps;
    const { dataFolder, registry, requests } = config;
    await disk.makeFolder(dataFolder);
    const database = await openDatabase(databasePlace(config, 'bridge'), { clock, random, disk, life });
    this.undo.add(() => database.close());
    const secrets = { disk, random, folder: config.instance?.secretsFolder ?? dataFolder };
    const identity = config.instance
      ? await sharedIdentity('bridge', database, secrets)
      : await ownIdentity('bridge', database.sharedPart, secrets);
    const standing = new AgencyCredentials({
      clock,
      log,
      client: httpRegistryClient(registry.url, asking),
      registryKey: registry.key,
      store: database.documents,
      stateAgencies: requests.stateAgencies,
    });
    await standing.start();
    const moderators = new Moderators({ clock, random, log, store: database.moderators });
    return {
      ...identity,
      database,
      standing,
      moderators,
      tokens: new AgencyTokenVerifier({ clock, standing, bridgeId: identity.id }),
      limits: config.instance ? sharedLimits(clock, database.callCounts, identity.key) : new LocalLimits(clock),
    };
  }

  private async openLink(core: Core): Promise<MqttLink> {
    const { clock, random, disk, log, config, network } = this.deps;
    // Fails now, not at the first enrolment: devices receive the broker's CA when they enrol.
    await tlsFilesRead(caToPin(disk, config.dataFolder, config.area.tls, CA_BYTES_MAX));
    const account = await folderAccounts(disk, random, config.area.accounts).issue(
      'bridge',
      brokerAccountId(core.id, config),
    );
    const link = new MqttLink({
      url: config.area.url,
      ...account,
      tls: tlsSource(disk, config.dataFolder, config.area.tls),
      payloadBytesMax: PAYLOAD_BYTES_MAX,
      queue: QUEUE,
      unreachable: linkFailure('the area broker'),
      network,
      clock,
      random,
      log,
    });
    this.undo.add(() => link.stop());
    return link;
  }

  private openOutbox(core: Core): EventOutbox {
    const { clock, random, log, config } = this.deps;
    const { id: bridgeId, standing, database } = core;
    const shared = { clock, random, log, bridgeId, standing, turns: database.turns };
    const outbox = new EventOutbox({ ...shared, store: database.webhooks, rules: config.webhooks });
    this.undo.add(() => outbox.stop());
    return outbox;
  }

  private openBoard(core: Core, link: MqttLink): AreaBoard {
    const { clock, log, config } = this.deps;
    const { republishS, documentLifeS, revocationsEveryS, area, unencryptedClips } = config;
    const board = new AreaBoard({
      clock,
      log,
      key: core.key,
      store: core.database.requests,
      standing: core.standing,
      ...this.publishing(core, link),
      prefix: area.prefix,
      republishS,
      documentLifeS,
      revocationsEveryS,
      unencryptedClips,
    });
    this.undo.add(() => board.stop());
    return board;
  }

  /** Several instances publish in turn. */
  private publishing({ database }: Core, link: MqttLink): { publisher: AreaPublisher; turns?: Turns } {
    if (!this.deps.config.instance) return { publisher: link };
    const turns = new AcknowledgedTurns(link, database.turns, this.deps.clock);
    return { publisher: turns, turns };
  }

  private openSearchParty(core: Core, link: MqttLink): SearchParty {
    const { clock, log, config } = this.deps;
    const { republishS, documentLifeS, area, searchParty: rules, unencryptedClips } = config;
    const { searches: store, enrolments } = core.database;
    const { limits } = core;
    const rhythm = { republishS, documentLifeS, prefix: area.prefix };
    const seams = { clock, log, key: core.key, bridgeId: core.id };
    const searchParty = new SearchParty({
      ...seams,
      store,
      enrolments,
      ...this.publishing(core, link),
      ...rhythm,
      rules,
      unencryptedClips,
      limits,
    });
    this.undo.add(() => searchParty.board.stop());
    return searchParty;
  }

  private makeApi(core: Core, link: MqttLink): ReturnType<typeof makeBridgeApi> {
    const { clock, log, disk, config, httpLimits, network } = this.deps;
    const { proxies, proxyProtocol } = config.http;
    const server = makeHttpServer({ clock, log, proxies, proxyProtocol, limits: httpLimits, network });
    this.undo.add(() => server.close());
    const { registry, area } = config;
    const facts = { id: core.id, key: core.key.publicKey, registry: registry.key, prefix: area.prefix };
    return makeBridgeApi(server, { ...core, clock, disk, config, facts, isLinked: () => link.state.online });
  }

  private addEnrolment(api: Router, core: Core): Enrolment {
    const { clock, random, disk, log, config } = this.deps;
    const enrolment = new Enrolment({
      clock,
      random,
      log,
      store: core.database.enrolments,
      accounts: folderAccounts(disk, random, config.area.accounts),
      key: core.key,
      bridgeId: core.id,
      registryKey: config.registry.key,
      area: {
        ...config.area,
        ca: () => tlsFilesRead(caToPin(disk, config.dataFolder, config.area.tls, CA_BYTES_MAX)),
      },
      codeLifeS: config.enrolmentCodeLifeS,
      limits: core.limits,
    });
    enrolmentRoutes(api, { enrolment, publicUrl: () => this.publicUrl() });
    return enrolment;
  }

  /** `changed` receives the cells of a request, or nothing where any cell may have changed. */
  private async addRequests(api: Router, core: Core, changed: (cells?: readonly string[]) => void): Promise<void> {
    const { clock, random, log, config } = this.deps;
    const partners = new Partners({ clock, random, log, store: core.database.partners, changed: () => changed() });
    const requests = new Requests({
      clock,
      log,
      key: core.key,
      bridgeId: core.id,
      store: core.database.requests,
      standing: core.standing,
      tokens: core.tokens,
      partners,
      profiles: core.database.neighbors,
      rules: config.requests,
      unencryptedClips: config.unencryptedClips,
      changed,
    });
    requestRoutes(api, requests);
    const { tokens, database } = core;
    const { loopback } = config.webhooks;
    webhookRoutes(api, new Webhooks({ store: database.webhooks, tokens, loopback }));
    const publicUrl = () => this.publicUrl();
    neighborsRoutes(api, { clock, store: core.database.neighbors, partners, rules: config.requests, publicUrl });
    partnerRoutes(api, partners);
    partnerChannelRoutes(api, { partners, requests });
    await partners.start();
  }

  private addCustody(api: Router, core: Core): { custody: Custody; calls: CustodyCalls } {
    const { clock, config } = this.deps;
    const { custody: store, enrolments, intakes, verdicts } = core.database;
    const custody = new Custody({ clock, key: core.key, store, witnesses: config.custody.witnesses });
    custodyRoutes(api, custody);
    const calls = new CustodyCalls({ clock, bridgeId: core.id, custody, enrolments, intakes, verdicts });
    custodyBundleRoutes(api, calls);
    return { custody, calls };
  }
}

const STOPPING = { what: 'the registry', where: 'its address', detail: 'the bridge is stopping' };

/** A running bridge on its data folder, which the caller has locked. Throws `state_damaged`, `database_...`, `port_in_use`. */
export async function startBridge(config: BridgeConfig, seams: Omit<BridgeDeps, 'config'>): Promise<Bridge> {
  const bridge = new Bridge({ ...seams, config });
  await bridge.start();
  return bridge;
}
