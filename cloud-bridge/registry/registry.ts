// The registry as a server: opens its records, serves its routes, stops.

import { makeHttpServer } from '@doorsill/base/http/http-server';
import { UndoSteps } from '@doorsill/base/undo-steps';
import { Custody } from '../custody/custody-proofs.ts';
import { custodyRoutes } from '../custody/custody-routes.ts';
import { Rates } from '../http/call-rate-limits.ts';
import { drain, Health, healthRoutes } from '../http/health.ts';
import { IdempotentCalls } from '../http/idempotency.ts';
import { LocalLimits, type RateLimits } from '../http/rate-limits.ts';
import { recogniseAdmin } from '../http/roles.ts';
import { Router } from '../http/router.ts';
import { type Identity, identityIn, ownIdentity, sharedIdentity, sharedLimits } from '../persistence/instance-part.ts';
import { databasePlace } from '../persistence/open-database.ts';
import { loadEligibility } from './data-files.ts';
import type { RegistryConfig } from './registry-config.ts';
import { RegistryDecisions, type RegistryDeps, type Running } from './registry-decisions.ts';
import { registryRoutes } from './registry-routes.ts';
import type { RegistryStore } from './registry-store.ts';
import { openRegistryStore, REGISTRY_FILES } from './sql-registry-store.ts';

/** A registry with its HTTP server. */
export class Registry extends RegistryDecisions {
  private readonly undo = new UndoSteps();
  private drained: () => Promise<void> = async () => undefined;

  /** Throws `registry_list_invalid`, `state_damaged`, `database_...`, `port_in_use`. */
  async start(): Promise<void> {
    const { disk, clock, random, config, log, life } = this.deps;
    try {
      await disk.makeFolder(config.dataFolder);
      const rules = await loadEligibility(disk, config);
      const place = databasePlace(config, 'registry', REGISTRY_FILES);
      const store = await openRegistryStore(place, { clock, random, disk, life });
      this.undo.add(() => store.close());
      const identity = await this.identity(store);
      const { agencies } = await store.load();
      const { instance } = config;
      const limits =
        instance && store.shared ? sharedLimits(clock, store.shared.callCounts, identity.key) : new LocalLimits(clock);
      this.running = { ...identity, store, rules, url: '', ...this.applicationLimits(limits) };
      this.undo.add(() => this.writes.then(() => undefined));
      const { api, health } = this.makeApi(this.running, limits);
      this.undo.add(() => store.shared?.turns.stop());
      this.running.url = await api.listen(config.http.host, config.http.port);
      if (instance) this.drained = () => drain({ clock, api, health }, instance);
      log.info('the registry is up', { url: this.running.url, agencies: agencies.length });
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  /** One of several instances drains first. */
  async stop(): Promise<void> {
    await this.drained();
    this.drained = async () => undefined;
    await this.undo.run();
    this.running = null;
  }

  /** Throws `database_unfit`, `state_damaged`. */
  private identity({ shared }: RegistryStore): Promise<Identity> {
    const { disk, random, config } = this.deps;
    const { instance, dataFolder } = config;
    const secrets = { disk, random, folder: instance?.secretsFolder ?? dataFolder };
    if (!shared) return identityIn('registry', secrets);
    return instance ? sharedIdentity('registry', shared, secrets) : ownIdentity('registry', shared.sharedPart, secrets);
  }

  private makeApi({ key, store, adminToken }: Running, limits: RateLimits): { api: Router; health: Health } {
    const { clock, log, config, httpLimits, network } = this.deps;
    const { proxies, proxyProtocol } = config.http;
    const server = makeHttpServer({ clock, log, proxies, proxyProtocol, limits: httpLimits, network });
    this.undo.add(() => server.close());
    const api = new Router(server, {
      title: 'doorsill registry',
      version: '1',
      staff: recogniseAdmin(adminToken),
      rates: new Rates(clock, config.http.perMinuteMax, limits),
      repeats: new IdempotentCalls(clock, store.answers, config.instance && store.shared ? store.shared.turns : null),
    });
    const health = new Health(clock, { database: () => store.load().then(() => true) });
    healthRoutes(api, health);
    registryRoutes(api, this, limits);
    custodyRoutes(api, new Custody({ clock, key, store: store.history, witnesses: config.custody.witnesses }));
    return { api, health };
  }
}

/** A running registry on its data folder, which the caller has locked. Throws `state_damaged`, `port_in_use`. */
export async function startRegistry(config: RegistryConfig, seams: Omit<RegistryDeps, 'config'>): Promise<Registry> {
  const registry = new Registry({ ...seams, config });
  await registry.start();
  return registry;
}
