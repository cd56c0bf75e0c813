// Running a suite on each kind of broker; what runs on a stock broker carries its tag.
import { describe, vi } from 'vitest';
import { BROKERS, type BrokerKind } from './broker.ts';

/** For hooks and tests that start a cluster, or wait for one that was away. */
const CLUSTER_MS_MAX = 150_000;
const slow = process.env['DOORSILL_SLOW'] === '1';

/** For suites of what a doorbell, an owner and a bridge say and hear: in check:slow a NATS cluster as well. */
export function brokersAndCluster(): readonly BrokerKind[] {
  if (!slow) return BROKERS;
  vi.setConfig({ hookTimeout: CLUSTER_MS_MAX, testTimeout: CLUSTER_MS_MAX });
  return [...BROKERS, 'nats'];
}

/** Tags of a suite on this kind of broker: the embedded one needs nothing. */
export function brokerTags(kind: BrokerKind): Exclude<BrokerKind, 'embedded'>[] {
  return kind === 'embedded' ? [] : [kind];
}

/** Declares a suite once for each kind; `%s` in its name is the kind. */
export function describeOnEachBroker(
  name: string,
  suite: (kind: BrokerKind) => void,
  kinds: readonly BrokerKind[] = BROKERS,
): void {
  for (const kind of kinds) describe(name.replace('%s', kind), { tags: brokerTags(kind) }, () => suite(kind));
}

/** The same with a NATS cluster as well, in check:slow. */
export function describeOnEachBrokerAndCluster(name: string, suite: (kind: BrokerKind) => void): void {
  describeOnEachBroker(name, suite, brokersAndCluster());
}
