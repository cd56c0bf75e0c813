import { BROKERS, startBroker } from '../../support/broker.ts';
import { areaLinkContract } from './area-link-contract.ts';

for (const kind of BROKERS) areaLinkContract(kind, () => startBroker({ kind }));
