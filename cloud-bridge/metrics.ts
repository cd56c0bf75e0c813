// Owns: the metrics of a bridge other than call counts. Not here: their format (http/prometheus.ts), who may read them (bridge-router.ts).
// Nothing about grants, uploads, clips, downloads or devices is counted: see http/README.md.
import { type Clock, wallSeconds } from '../device/base/clock.ts';
import type { Health } from './http/health.ts';
import type { Metric } from './http/prometheus.ts';
import type { RequestStore } from './requests/store.ts';
import type { WebhookStore } from './webhooks/store.ts';

export interface BridgeMetricsDeps {
  clock: Clock;
  health: Health;
  requests: Pick<RequestStore, 'counts'>;
  webhooks: Pick<WebhookStore, 'counts'>;
  /** Whether the area broker is connected. */
  isLinked: () => boolean;
}

export async function bridgeMetrics({
  clock,
  health,
  requests,
  webhooks,
  isLinked,
}: BridgeMetricsDeps): Promise<Metric[]> {
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
