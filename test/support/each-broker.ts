// Owns: running a suite on each kind of broker; what runs on a stock broker carries its tag. Not here: the brokers (broker.ts).
import { describe } from 'vitest';
import { BROKERS, type BrokerKind } from './broker.ts';

/** Tags of a suite on this kind of broker: the embedded one needs nothing. */
export function brokerTags(kind: BrokerKind): 'mosquitto'[] {
  return kind === 'embedded' ? [] : [kind];
}

/** Declares a suite once for each kind; `%s` in its name is the kind. */
export function describeOnEachBroker(name: string, suite: (kind: BrokerKind) => void): void {
  for (const kind of BROKERS) describe(name.replace('%s', kind), { tags: brokerTags(kind) }, () => suite(kind));
}
