// Owns: the names under which tests know a stock mosquitto and a free port. Not here: the product's own start of one (sim/broker/mosquitto.ts),
// accounts and links (broker.ts).
export { anyFreePort as freePort, Mosquitto } from '../../sim/broker/mosquitto.ts';
