import { startBroker } from '../../support/broker.ts';
import { brokersAndCluster } from '../../support/each-broker.ts';
import { areaLinkContract } from './area-link-contract.ts';

// What is said to a cluster that has no leader yet may be acknowledged and never be heard (sim/broker/README.md): no restarts of one.
for (const kind of brokersAndCluster()) areaLinkContract(kind, () => startBroker({ kind }), kind !== 'nats');
