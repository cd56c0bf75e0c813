// What docs/operate.md tells operators of several bridges to set up, all of it on this machine and real: a PostgreSQL with a synchronous
// standby, a bucket, three nodes of NATS, two bridges, vault and registry, HAProxy in front; and a link before each thing that another
// needs.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { z } from 'zod';
import type { BridgeConfigInput } from '../../cloud-bridge/bridge-config.ts';
import { signingKeyIn } from '../../cloud-bridge/signing/server-secrets.ts';
import type { VaultConfigInput } from '../../cloud-bridge/vault/vault-config.ts';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import type { SigningKey } from '../../device/base/keys.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { DEFAULT_PREFIX } from '../../device/contract/topics.ts';
import { partArguments } from '../../sim/deploy/part-arguments.ts';
import { loadAgencyKey } from '../../sim/officer/agency-client.ts';
import { pinBridge } from '../../sim/officer/evidence-client.ts';
import { adminBearer, registerAgency } from '../../sim/officer/registration.ts';
import { PartProcess } from '../../sim/testbed/child-process.ts';
import { writeServiceSettings } from '../../sim/testbed/testbed-folder.ts';
import { LinkProxy } from '../../sim/world/link-proxy.ts';
import { root } from '../layout/source-tree.ts';
import { BucketProxy } from './bucket-proxy.ts';
import { Haproxy, inFrontOfBridges, inFrontOfNats } from './haproxy.ts';
import { freePort } from './mosquitto.ts';
import { Moto } from './moto.ts';
import { Nats } from './nats.ts';
import { PostgresServer } from './postgres.ts';

/** Processes of ours in it, by the names under which they are started; `a` and `b` are the bridge's instances. */
export type LayoutPart = 'registry' | 'vault' | 'broker' | 'a' | 'b';
type Ports = Record<'a' | 'b' | 'front' | 'broker', number>;
const INSTANCES = ['a', 'b'] as const;
/** Accounts come to the nodes so often. */
const ACCOUNTS_EVERY_MS = 1_000;
const READY_MS_MAX = 120_000;
const DEPS = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk() };

const readySchema = z.object({ url: z.string(), id: z.string(), key: z.string() });

/** What one of the servers reaches the others by, so that it can be cut off alone. */
export interface Links {
  database: LinkProxy;
  bucket: LinkProxy;
  broker: LinkProxy;
}

export class ServedLayout {
  readonly folder: string;
  /** Where callers find the bridges, and clients the nodes. */
  readonly urls: { bridge: string; areaBroker: string };
  primary: PostgresServer;
  standby: PostgresServer;
  readonly moto: Moto;
  readonly bucket: BucketProxy;
  readonly nats: Nats;
  readonly links: Record<'vault' | 'a' | 'b', Links>;
  readonly agency: { key: SigningKey; folder: string };
  private readonly parts = new Map<LayoutPart, PartProcess>();
  private readonly ports: Ports;
  private haproxy: Haproxy;
  private readonly leaving = new AbortController();
  private bringing: Promise<void> = Promise.resolve();
  private readonly serverUrls = new Map<LayoutPart, string>();

  private constructor(folder: string, made: Awaited<ReturnType<typeof makeGround>>, key: SigningKey) {
    const { primary, standby, moto, bucket, nats, ports, haproxy } = made;
    this.folder = folder;
    this.agency = { key, folder: join(folder, 'agency') };
    this.primary = primary;
    this.standby = standby;
    this.moto = moto;
    this.bucket = bucket;
    this.nats = nats;
    this.ports = ports;
    this.haproxy = haproxy;
    this.urls = { bridge: `http://127.0.0.1:${ports.front}`, areaBroker: `mqtt://127.0.0.1:${ports.broker}` };
    const link = (target: () => string) => new LinkProxy(DEPS, target);
    const linksOf = (): Links => ({
      database: link(() => `tcp://127.0.0.1:${this.primary.port}`),
      bucket: link(() => bucket.url),
      broker: link(() => this.urls.areaBroker),
    });
    this.links = { vault: linksOf(), a: linksOf(), b: linksOf() };
  }

  /** Sets it up in this folder; resolves when both bridges are ready and an agency is admitted. */
  static async open(folder: string): Promise<ServedLayout> {
    await mkdir(join(folder, 'agency'), { recursive: true });
    const key = await loadAgencyKey(DEPS, join(folder, 'agency'));
    const layout = new ServedLayout(folder, await makeGround(folder), key);
    try {
      await layout.start();
      return layout;
    } catch (thrown) {
      await layout.close();
      throw thrown;
    }
  }

  /** A server's process, which is started again whenever it ends. */
  part(name: LayoutPart): PartProcess {
    const part = this.parts.get(name);
    if (!part) throw new Error(`there is no ${name}`);
    return part;
  }

  /** The admin's token of the bridges, and of the vault. */
  bearer(of: 'secrets' | 'vault'): Promise<string> {
    return adminBearer(DEPS.disk, join(this.folder, of));
  }

  /** Where the home broker listens, and the folder of its accounts. */
  get home(): { url: string; accounts: string } {
    return { url: this.serverUrls.get('broker') ?? '', accounts: join(this.folder, 'broker', 'accounts') };
  }

  /** Whether an instance says that it can do its work. */
  async isReady(instance: 'a' | 'b'): Promise<boolean> {
    const headers = { 'x-only': instance };
    const answer = await fetch(`${this.urls.bridge}/readyz`, { headers, signal: AbortSignal.timeout(5_000) });
    await answer.body?.cancel();
    return answer.status === 200;
  }

  /** Whether a server answers: an instance as `isReady` has it, the others with what they serve. Rejects where nobody listens. */
  async isThere(name: LayoutPart): Promise<boolean> {
    if (name === 'a' || name === 'b') return this.isReady(name);
    const answer = await fetch(`${this.serverUrls.get(name)}/openapi.json`, { signal: AbortSignal.timeout(5_000) });
    await answer.body?.cancel();
    return answer.status === 200;
  }

  /** Kills HAProxy, and starts it again. */
  async restartHaproxy(): Promise<void> {
    await this.haproxy.close();
    this.haproxy = await Haproxy.open(configurationOf(this.ports, this.nats), this.ports.front);
  }

  /** Kills the primary, promotes the standby, leads its address there, and gives it a standby of its own. */
  async failOver(): Promise<void> {
    const dead = this.primary;
    await dead.kill();
    await this.standby.ask('select pg_promote()', 'postgres');
    this.primary = this.standby;
    this.standby = await standbyOf(this.primary);
    await dead.dispose();
  }

  async close(): Promise<void> {
    this.leaving.abort();
    await this.bringing;
    await Promise.all((['a', 'b'] as const).map((name) => this.parts.get(name)?.stop()));
    await Promise.all([...this.parts.values()].map((part) => part.stop()));
    await Promise.all(Object.values(this.links).flatMap((links) => Object.values(links).map((link) => link.stop())));
    await this.haproxy.close();
    await this.nats.stop('SIGKILL');
    await this.bucket.stop();
    await this.moto.close();
    await this.standby.dispose();
    await this.primary.dispose();
  }

  private async start(): Promise<void> {
    const { folder, links } = this;
    await Promise.all(Object.values(links).flatMap((all) => Object.values(all).map((link) => link.start())));
    this.bringing = this.bringAccounts();
    for (const name of ['registry', 'secrets', 'witness', 'vault', 'broker', ...INSTANCES, 'logs'])
      await mkdir(join(folder, name));
    await writeServiceSettings(DEPS.disk, { registry: join(folder, 'registry'), bridge: join(folder, 'secrets') });
    const vaultSettings: Partial<VaultConfigInput> = {
      database: this.databaseUrl('vault'),
      s3: await this.bucketOf('vault', 'evidence'),
    };
    await writeFile(join(folder, 'vault', 'vault.json'), JSON.stringify(vaultSettings));
    const [registry, vault] = await Promise.all([
      this.serve('registry', await freePort()),
      this.serve('vault', await freePort()),
      this.serve('broker', await freePort()),
    ]);
    const [registryFacts, vaultFacts] = [readySchema.parse(registry), readySchema.parse(vault)];
    const witness = await signingKeyIn(DEPS.disk, DEPS.random, join(folder, 'witness'));
    const clips = await this.moto.bucket('clips');
    for (const name of INSTANCES) {
      const settings: Partial<BridgeConfigInput> = {
        database: this.databaseUrl(name),
        instance: {
          name,
          drainS: 0,
          secretsFolder: join(folder, 'secrets'),
          s3: { ...clips, endpoint: links[name].bucket.url },
        },
        publicUrl: this.urls.bridge,
        // All callers have one address here.
        http: { proxyProtocol: ['127.0.0.1'], perMinuteMax: { public: 1_000_000, signed: 1_000_000 } },
        registry: { url: registryFacts.url, key: registryFacts.key },
        vault: { url: vaultFacts.url, key: vaultFacts.key, retryMsMost: 2_000 },
        area: { url: links[name].broker.url, accounts: join(folder, 'accounts') },
        custody: { witnesses: [witness.publicKey] },
        revocationsEveryS: 2,
        requests: { moderation: 'findings' },
      };
      await writeFile(join(folder, name, 'bridge.json'), JSON.stringify(settings));
      const ready = readySchema.parse(await this.serve(name, this.ports[name]));
      if (name === 'a') await pinBridge(DEPS, { url: vaultFacts.url, folder: join(folder, 'vault') }, ready.key);
    }
    const place = { registryUrl: registryFacts.url, registry: registryFacts.id, folder: join(folder, 'registry') };
    await registerAgency(DEPS, place, this.agency.key);
    for (const name of INSTANCES) await expect.poll(() => this.isReady(name), { timeout: READY_MS_MAX }).toBe(true);
  }

  /** Starts a server; it comes back at the same port. */
  private async serve(name: LayoutPart, port: number): Promise<unknown> {
    const verb = partArguments(name === 'a' || name === 'b' ? 'bridge' : name);
    const words = [...verb, '--data', join(this.folder, name), '--port', String(port)];
    const part = new PartProcess(name, words, join(this.folder, 'logs', `${name}.log`), {
      ...DEPS,
      program: join(root, 'sim/dist/cli/entry.js'),
    });
    this.parts.set(name, part);
    const ready = await part.start();
    this.serverUrls.set(name, z.object({ url: z.string() }).parse(ready).url);
    return ready;
  }

  private databaseUrl(of: 'vault' | 'a' | 'b'): string {
    const url = new URL(this.primary.url(of === 'vault' ? 'vault' : 'bridge'));
    url.port = new URL(this.links[of].database.url).port;
    return url.href;
  }

  private async bucketOf(of: 'vault' | 'a' | 'b', name: string) {
    return { ...(await this.moto.bucket(name)), endpoint: this.links[of].bucket.url };
  }

  /** Each node reads of new accounts, as `bridge broker acl --nats --watch` has it. */
  private async bringAccounts(): Promise<void> {
    const { signal } = this.leaving;
    while (!signal.aborted) {
      // A node that is killed meanwhile reads them when it starts.
      await this.nats.reload().catch(() => undefined);
      await sleep(ACCOUNTS_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** What the servers stand on. */
async function makeGround(folder: string) {
  const ports = { a: await freePort(), b: await freePort(), front: await freePort(), broker: await freePort() };
  const access = { disk: DEPS.disk, accounts: join(folder, 'accounts'), prefix: DEFAULT_PREFIX };
  const [primary, moto, nats] = await Promise.all([
    PostgresServer.open(await freePort()),
    Moto.open({ checking: false }),
    Nats.start(access, join(folder, 'nats'), 3),
  ]);
  const standby = await standbyOf(primary);
  for (const name of ['bridge', 'vault']) await primary.database(name);
  process.env['AWS_SECRET_ACCESS_KEY'] = moto.secret;
  const bucket = new BucketProxy(moto.port);
  await bucket.start();
  const haproxy = await Haproxy.open(configurationOf(ports, nats), ports.front);
  return { primary, standby, moto, nats, bucket, haproxy, ports };
}

/** Here all callers have one address, by which HAProxy would lead them all to one instance. */
function configurationOf(ports: Ports, nats: Nats): string {
  const bridges = inFrontOfBridges(ports.front, ports);
  const bySource = /balance source\n *hash-type consistent/;
  if (!bySource.test(bridges)) throw new Error('docs/operate.md leads callers by something else');
  return `${bridges.replace(bySource, 'balance roundrobin')}\n${inFrontOfNats(ports.broker, nats)}`;
}

/** A standby for which every commit at this primary waits from now on. */
async function standbyOf(primary: PostgresServer): Promise<PostgresServer> {
  const standby = await PostgresServer.standbyOf(primary, await freePort());
  await primary.ask(`alter system set synchronous_standby_names = '*'`, 'postgres');
  await primary.ask('select pg_reload_conf()', 'postgres');
  const isSynchronous = () => primary.ask(`select 1 from pg_stat_replication where sync_state = 'sync'`, 'postgres');
  await expect.poll(isSynchronous, { timeout: READY_MS_MAX }).not.toEqual([]);
  return standby;
}
