export { Broker, type BrokerOptions } from './broker/broker.ts';
export { ALL_CAMERAS, porchKind } from './porch/porch-camera.ts';
export { Testbed, type TestbedDeps, type TestbedFacts, type TestbedOptions } from './testbed/testbed.ts';
