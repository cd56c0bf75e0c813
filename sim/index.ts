// Owns: what a user of the package may import from the simulator: the embedded broker, and everything on one machine.
// Not here: the command line (cli/).
export { Broker, type BrokerOptions } from './broker/broker.ts';
export { ALL_CAMERAS, porchKind } from './porch/porch-camera.ts';
export { Testbed, type TestbedDeps, type TestbedFacts, type TestbedOptions } from './testbed/testbed.ts';
