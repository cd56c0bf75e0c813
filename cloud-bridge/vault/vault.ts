// Composes the vault process. Nothing of the bridge runs in it, and the bridge's credentials allow only the hand-overs and recalls of
// bridge-routes.ts.
import { join } from 'node:path';
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { type HttpLimits, makeHttpServer } from '@doorsill/base/http/http-server';
import { type SigningKey, sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { Network } from '@doorsill/base/network';
import type { Random } from '@doorsill/base/random';
import { Repeater } from '@doorsill/base/repeater';
import { UndoSteps } from '@doorsill/base/undo-steps';
import { failure } from '@doorsill/contract/errors';
import { actorId, idSchema, publicKeySchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import { Rates } from '../http/call-rate-limits.ts';
import { drain, Health, healthRoutes } from '../http/health.ts';
import { LocalLimits, type RateLimits } from '../http/rate-limits.ts';
import { ClipDownloads } from '../http/revocable-downloads.ts';
import { recogniseAdmin } from '../http/roles.ts';
import { Router } from '../http/router.ts';
import { type Identity, ownIdentity, sharedIdentity, sharedLimits } from '../persistence/instance-part.ts';
import type { Turns } from '../persistence/instance-turns.ts';
import { databasePlace, type PlaceSeams } from '../persistence/open-database.ts';
import { S3Bucket } from '../persistence/s3-bucket.ts';
import { bridgeRoutes } from './bridge-routes.ts';
import { Clients } from './clients.ts';
import { type CheckZones, EncryptedClips } from './encrypted-clips.ts';
import { Evidence } from './evidence.ts';
import { type Blobs, FolderBlobs } from './evidence-blobs.ts';
import { officerRoutes } from './officer-routes.ts';
import { operatorRoutes } from './operator-routes.ts';
import { Policies } from './policies.ts';
import { Recalls } from './recalls.ts';
import { EvidenceReceiver } from './receiving.ts';
import { RetentionSweeper } from './retention-sweeper.ts';
import { S3Blobs } from './s3-blobs.ts';
import { VaultReceiptSigner } from './sign-vault-receipts.ts';
import type { VaultConfig } from './vault-config.ts';
import { openVaultDatabase, type VaultDatabase } from './vault-database.ts';
import { VaultSealingKeys } from './vault-sealing-keys.ts';
import type { Item, ItemStore } from './vault-store.ts';
import { OfferReader } from './verify-hand-over.ts';

/** A vault's dependencies and settings. */
export interface VaultDeps {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  config: VaultConfig;
  httpLimits?: HttpLimits;
  /** Network it listens on; default: the machine's own. */
  network?: Network;
  life?: PlaceSeams['life'];
  /** Without it, encrypted clips with blacked-out zones stay at the bridge. */
  checkZones?: CheckZones | undefined;
}

interface Running {
  key: SigningKey;
  adminToken: string;
  sweeper: RetentionSweeper;
  url: string;
}

/** Keeps clips that bridges hand over, for their agencies, as long as the departments' rules require. */
export class Vault {
  private readonly deps: VaultDeps;
  private running: Running | null = null;
  private readonly undo = new UndoSteps();

  constructor(deps: VaultDeps) {
    this.deps = deps;
  }

  /** Starts on its data folder. Throws `state_damaged`, `database_...`, `evidence_store_...`, `port_in_use`. */
  async start(): Promise<void> {
    try {
      const { clock, random, disk, log, config, httpLimits, network, life, checkZones } = this.deps;
      const { dataFolder, http } = config;
      await disk.makeFolder(dataFolder);
      const opened = await openVaultDatabase(databasePlace(config, 'vault'), { clock, disk, life });
      this.undo.add(() => opened.close());
      const sealingKeys = new VaultSealingKeys(disk, random, config.instance?.secretsFolder ?? dataFolder);
      const { key, adminToken } = await this.identity(opened, sealingKeys);
      const limits = config.instance ? sharedLimits(clock, opened.callCounts, key) : new LocalLimits(clock);
      const downloads = new ClipDownloads();
      const database = { ...opened, items: watchedItems(opened.items, downloads) };
      const blobs = this.makeBlobs(key, opened.turns);
      await blobs.start((item) => database.items.bytesOf(item));
      const receipts = new VaultReceiptSigner({ clock, random, key });
      const sweeper = new RetentionSweeper({
        clock,
        log,
        ...database,
        blobs,
        receipts,
        sweepEveryMs: config.sweepEveryS * 1000,
      });
      const { proxies, proxyProtocol } = config.http;
      const server = makeHttpServer({ clock, log, proxies, proxyProtocol, limits: httpLimits, network });
      const api = new Router(server, {
        title: 'doorsill vault',
        version: '1',
        staff: recogniseAdmin(adminToken),
        rates: new Rates(clock, http.perMinuteMax, limits),
      });
      const health = this.addHealth(api, database, blobs);
      const encrypted = new EncryptedClips({ log, keys: sealingKeys, blobs, checkZones: checkZones ?? null });
      this.addBridgeRoutes(api, { key, database, blobs, encrypted, receipts });
      const url = () => config.publicUrl ?? this.url;
      const addSealingKey = () => sealingKeys.add(opened.turns);
      this.addOfficerRoutes(api, { database, encrypted, sweeper, downloads, url, limits, addSealingKey });
      api.route(
        {
          method: 'GET',
          path: '/v1/vault',
          roles: ['public'],
          answer: factsSchema,
          about: 'Id of this vault, its key, and the key that its agencies have clips encrypted to.',
        },
        async () => ({ id: this.id, key: key.publicKey, sealingKey: await sealingKeys.newest() }),
      );
      this.undo.add(() => server.close());
      this.undo.add(() => encrypted.stop());
      this.running = { key, adminToken, sweeper, url: await api.listen(http.host, http.port) };
      sweeper.start();
      this.undo.add(() => sweeper.stop());
      this.undo.add(() => opened.turns.stop());
      if (config.instance) this.addInstanceParts(config.instance, { api, health, downloads });
      log.info('the vault is up', { url: this.url, vault: this.id });
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  /** One of several instances drains first. */
  async stop(): Promise<void> {
    await this.undo.run();
    this.running = null;
  }

  get url(): string {
    return this.up().url;
  }

  get publicKey(): string {
    return this.up().key.publicKey;
  }

  /** `vault-` and the hash of its key. */
  get id(): string {
    return vaultId(this.publicKey);
  }

  get adminToken(): string {
    return this.up().adminToken;
  }

  /** Carries out retention now, instead of at the next interval. */
  sweepNow(): Promise<void> {
    return this.up().sweeper.now();
  }

  private up(): Running {
    if (!this.running) throw failure('not_running', { folder: this.deps.config.dataFolder });
    return this.running;
  }

  /** Throws `database_unfit`, `state_damaged`. */
  private identity(opened: VaultDatabase, sealingKeys: VaultSealingKeys): Promise<Identity> {
    const { disk, random, config } = this.deps;
    const folder = config.instance?.secretsFolder ?? config.dataFolder;
    const secrets = { disk, random, folder, makeOthers: () => sealingKeys.start() };
    return config.instance
      ? sharedIdentity('vault', opened, secrets)
      : ownIdentity('vault', opened.sharedPart, secrets);
  }

  private addHealth(api: Router, { health: database }: Stores, blobs: Blobs): Health {
    const { clock, config } = this.deps;
    const health = new Health(clock, {
      database: () => database.write(wallSeconds(clock)).then(() => true),
      disk: async () => (await blobs.freeBytes()) >= config.freeBytesMin,
    });
    healthRoutes(api, health);
    return health;
  }

  /** For one of several instances: ends downloads that others have ended, and drains before it stops. */
  private addInstanceParts(
    instance: NonNullable<VaultConfig['instance']>,
    { api, health, downloads }: { api: Router; health: Health; downloads: ClipDownloads },
  ): void {
    const { clock, log } = this.deps;
    const polling = new Repeater({ clock, log }, 'end downloads that others ended', OTHERS_MS, () =>
      downloads.recheck(),
    );
    polling.start();
    this.undo.add(() => polling.stop());
    this.undo.add(() => drain({ clock, api, health }, instance));
  }

  private makeBlobs(key: SigningKey, turns: Turns): Blobs {
    const { clock, random, disk, config } = this.deps;
    const { dataFolder, s3 } = config;
    const isShared = config.instance !== undefined;
    if (!s3) return new FolderBlobs(disk, random, dataFolder);
    const bucket = new S3Bucket(clock, s3);
    const stagingFolder = join(dataFolder, 'staging');
    const place = { bucket, prefix: s3.prefix, stagingFolder, turns, isShared };
    return new S3Blobs({ disk, random, ...place, vault: vaultId(key.publicKey) });
  }

  private addBridgeRoutes(
    api: Router,
    parts: { key: SigningKey; database: Stores; blobs: Blobs; encrypted: EncryptedClips; receipts: VaultReceiptSigner },
  ): void {
    const { clock, log, config } = this.deps;
    const { database, blobs, encrypted, receipts, key } = parts;
    const { items, offers, access, policies } = database;
    const { clipBytesMax, freeBytesMin } = config;
    const vaultKey = key.publicKey;
    const reader = new OfferReader({ clock, access, vaultId: vaultId(vaultKey), vaultKey, clipBytesMax });
    const stores = { items, offers, blobs };
    const receiving = new EvidenceReceiver({ clock, log, ...stores, reader, encrypted, receipts, freeBytesMin });
    const recalls = new Recalls({ clock, log, items, policies, reader, blobs, receipts });
    this.undo.add(() => receiving.idle());
    bridgeRoutes(api, receiving, recalls);
  }

  private addOfficerRoutes(
    api: Router,
    parts: {
      database: Stores;
      encrypted: EncryptedClips;
      sweeper: RetentionSweeper;
      downloads: ClipDownloads;
      url: () => string;
      limits: RateLimits;
      addSealingKey: () => Promise<string>;
    },
  ): void {
    const { clock, random, config } = this.deps;
    const { database, encrypted, sweeper, downloads, url: publicUrl, limits, addSealingKey } = parts;
    const { access, successions, items, trail, policies } = database;
    const { tokenLifeS, requestsPerMinuteMax, linkLifeS } = config;
    const clients = new Clients({ clock, random, access, successions, tokenLifeS, requestsPerMinuteMax, limits });
    operatorRoutes(api, { clock, access, successions, clients, downloads, addSealingKey });
    const evidence = new Evidence({ clock, random, items, trail, access, encrypted, downloads, linkLifeS });
    const changed = () => sweeper.now();
    officerRoutes(api, { clients, evidence, policies: new Policies({ clock, policies, changed }), publicUrl });
  }
}

/** The vault's stores; a change of an item makes its running downloads check their readers again. */
type Stores = Omit<VaultDatabase, 'items'> & { items: ItemStore };

/** Poll interval for changes by other instances of what may be read. */
const OTHERS_MS = 1_000;

const factsSchema = z.strictObject({ id: idSchema, key: publicKeySchema, sealingKey: publicKeySchema });

function vaultId(publicKey: string): string {
  return actorId('vault', sha256Hex(publicKey));
}

/** The same items; a change resolves only once all downloads that it forbids have ended. */
export function watchedItems(items: ItemStore, downloads: ClipDownloads): ItemStore {
  const rechecked = async (item: string, changed: Promise<Item | null>) => {
    const after = await changed;
    await downloads.recheck(item);
    return after;
  };
  return {
    find: (item) => items.find(item),
    add: (item, line, offered) => items.add(item, line, offered),
    change: (item, alter, line) => rechecked(item, items.change(item, alter, line)),
    list: (agency, filter, page) => items.list(agency, filter, page),
    overdue: (nowS, deletedUntilS, most) => items.overdue(nowS, deletedUntilS, most),
    bytesOf: (item) => items.bytesOf(item),
  };
}

/** A running vault on its data folder, which the caller has locked. Throws `state_damaged`, `port_in_use`. */
export async function startVault(config: VaultConfig, seams: Omit<VaultDeps, 'config'>): Promise<Vault> {
  const vault = new Vault({ ...seams, config });
  await vault.start();
  return vault;
}
