// Owns: the registry as a server: opening its records, serving its routes, stopping. Not here: what it decides
// (decisions.ts), command-line parsing and the folder's lock (sim/cli).

import { makeHttpServer } from '../../device/http/http-server.ts';
import { Custody } from '../custody/custody-proofs.ts';
import { logRoutes } from '../custody/routes.ts';
import { Rates } from '../http/call-rate-limits.ts';
import { IdempotentCalls } from '../http/idempotency.ts';
import { adminAlone } from '../http/roles.ts';
import { Router } from '../http/router.ts';
import { databasePlace } from '../persistence/open-database.ts';
import { adminTokenIn, signingKeyIn } from '../signing/server-secrets.ts';
import { EMPTY_BOOK } from './agency-standing.ts';
import type { RegistryConfig } from './config.ts';
import { loadEligibility } from './data-files.ts';
import type { RegistryDeps } from './decisions.ts';
import { RegistryDecisions } from './decisions.ts';
import { IdempotencyFile } from './idempotency-file.ts';
import { registryRoutes } from './routes.ts';
import { openRegistryStore, REGISTRY_FILES } from './sql-registry-store.ts';

/** A registry that serves its decisions. */
export class Registry extends RegistryDecisions {
  /** Throws `registry_list_invalid`, `state_damaged`, `database_...`, `port_in_use`. */
  async start(): Promise<void> {
    const { disk, random, config } = this.deps;
    await disk.makeFolder(config.dataFolder);
    const rules = await loadEligibility(disk, config);
    const key = await signingKeyIn(disk, random, config.dataFolder);
    const adminToken = await adminTokenIn(disk, random, config.dataFolder);
    const { clock, log, httpLimits, network, life } = this.deps;
    const place = databasePlace(config, 'registry', REGISTRY_FILES);
    const store = await openRegistryStore(place, { clock, random, disk, life });
    const { proxies, proxyProtocol } = config.http;
    const server = makeHttpServer({ clock, log, proxies, proxyProtocol, limits: httpLimits, network });
    const api = new Router(server, {
      title: 'doorsill registry',
      version: '1',
      staff: adminAlone(adminToken),
      rates: new Rates(clock, config.http.perMinuteMax),
      repeats: new IdempotentCalls(clock, new IdempotencyFile(disk, config.dataFolder)),
    });
    registryRoutes(api, this, clock);
    logRoutes(api, new Custody({ clock, key, store: store.history, witnesses: config.custody.witnesses }));
    this.running = { key, store, rules, adminToken, url: '', stop: () => server.close() };
    try {
      this.book = (await store.load()) ?? EMPTY_BOOK;
      this.running.url = await api.listen(config.http.host, config.http.port);
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
    log.info('the registry is up', { url: this.running.url, agencies: this.book.agencies.length });
  }

  async stop(): Promise<void> {
    const running = this.running;
    this.running = null;
    await running?.stop();
    await this.writes;
    await running?.store.close();
  }
}

/** A running registry on its data folder, which the caller has locked. Throws `state_damaged`, `port_in_use`. */
export async function startRegistry(config: RegistryConfig, seams: Omit<RegistryDeps, 'config'>): Promise<Registry> {
  const registry = new Registry({ ...seams, config });
  await registry.start();
  return registry;
}
