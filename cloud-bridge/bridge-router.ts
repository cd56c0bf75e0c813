// The routes that belong to no single part: health, metrics, the bridge's identity; and staff roles, rate limits, repeated calls.

import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { idSchema, publicKeySchema } from '@doorsill/contract/ids';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { AgencyCredentials } from './agencies/registry-credentials.ts';
import type { BridgeConfig } from './bridge-config.ts';
import type { Database } from './bridge-database.ts';
import { Rates } from './http/call-rate-limits.ts';
import { Health, healthRoutes } from './http/health.ts';
import { IdempotentCalls } from './http/idempotency.ts';
import { type Metric, printMetrics } from './http/prometheus.ts';
import type { RateLimits } from './http/rate-limits.ts';
import { Router } from './http/router.ts';
import { instanceChecks } from './instances.ts';
import { type Moderators, moderatorRoutes } from './requests/moderators.ts';
import type { RequestStore } from './requests/requests-store.ts';
import type { WebhookStore } from './webhooks/webhooks-store.ts';

interface BridgeMetricsDeps {
  clock: Clock;
  health: Health;
  requests: Pick<RequestStore, 'counts'>;
  webhooks: Pick<WebhookStore, 'counts'>;
  /** Whether the area broker is connected. */
  isLinked: () => boolean;
}

async function bridgeMetrics({ clock, health, requests, webhooks, isLinked }: BridgeMetricsDeps): Promise<Metric[]> {
  const seen = await health.look();
  const events = await webhooks.counts();
  const counts = await requests.counts(wallSeconds(clock));
  const gauge = (name: string, help: string, samples: Metric['samples']): Metric => ({
    name: `doorsill_${name}`,
    help,
    type: 'gauge',
    samples,
  });
  return [
    gauge(
      'check',
      'Whether a check of /readyz holds.',
      [...seen].map(([check, holds]) => ({ labels: { check }, value: Number(holds) })),
    ),
    gauge('area_link_up', 'Whether the area broker is reached.', [{ value: Number(isLinked()) }]),
    gauge(
      'requests',
      'Requests that wait for a moderator, and those that are open, which are public.',
      Object.entries(counts).map(([state, value]) => ({ labels: { state }, value })),
    ),
    gauge(
      'webhook_events',
      'Events of the last days about requests, by how telling them went.',
      Object.entries(events).map(([state, value]) => ({ labels: { state }, value })),
    ),
  ];
}

const factsSchema = z.strictObject({
  id: idSchema,
  key: publicKeySchema,
  registry: publicKeySchema,
  prefix: z.string(),
});

/** The answer at the bridge's root address: the same for everybody at all times. */
const FRONT = {
  name: 'doorsill bridge',
  about: 'Publishes what agencies ask of residents, and takes in what owners grant.',
  version: '1',
  links: {
    feed: '/neighbors',
    jsonFeed: '/neighbors/feed.json',
    api: '/openapi.json',
    health: '/healthz',
    bridge: '/v1/bridge',
  },
};
const frontSchema = z.strictObject({
  name: z.string(),
  about: z.string(),
  /** Version of the API, as in its OpenAPI document. */
  version: z.string(),
  links: z.record(z.string(), z.string()),
});

export interface BridgeApiDeps {
  clock: Clock;
  disk: Disk;
  config: BridgeConfig;
  database: Database;
  limits: RateLimits;
  standing: AgencyCredentials;
  moderators: Moderators;
  adminToken: string;
  facts: z.infer<typeof factsSchema>;
  /** Whether the area broker is connected. */
  isLinked: () => boolean;
}

/** The API of a server, with the routes that belong to no single part, and the health that `/readyz` reports. */
export function makeBridgeApi(server: FastifyInstance, deps: BridgeApiDeps): { api: Router; health: Health } {
  const { clock, disk, config, database, limits, standing, moderators, adminToken, isLinked } = deps;
  const api = new Router(server, {
    title: FRONT.name,
    version: FRONT.version,
    staff: moderators.staff(adminToken),
    rates: new Rates(clock, config.http.perMinuteMax, limits),
    repeats: new IdempotentCalls(clock, database.answers, config.instance ? database.turns : null),
  });
  const health = new Health(clock, {
    database: () => database.health.write(wallSeconds(clock)).then(() => true),
    disk: async () => (await disk.freeBytes(config.dataFolder)) >= config.intake.freeBytesMin,
    registry: async () => standing.isListFresh(),
    ...(config.instance ? instanceChecks(clock, config.instance, isLinked) : {}),
  });
  healthRoutes(api, health);
  const { requests, webhooks } = database;
  api.route(
    {
      method: 'GET',
      path: '/metrics',
      roles: ['admin'],
      answer: { media: 'text/plain' },
      about: 'Metrics in the text format of Prometheus. None is about homes.',
    },
    async ({ reply }) => {
      const metrics = [api.calls.metric(), ...(await bridgeMetrics({ clock, health, requests, webhooks, isLinked }))];
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send(printMetrics(metrics));
    },
  );
  moderatorRoutes(api, moderators);
  api.route(
    {
      method: 'GET',
      path: '/',
      roles: ['public'],
      answer: frontSchema,
      about: 'What this server is, and links to its parts.',
    },
    () => FRONT,
  );
  api.route(
    { method: 'GET', path: '/v1/bridge', roles: ['public'], answer: factsSchema, about: 'Id and keys of this bridge.' },
    () => deps.facts,
  );
  return { api, health };
}
