// The name under which tests know a stock mosquitto, and a free port for a server that can't look for one itself.
import { isPortFree } from '../../sim/testbed/start-doorbell-part.ts';

export { Mosquitto } from '../../sim/broker/mosquitto.ts';

/** The system gives connections ports from 32768 on (ip_local_port_range): one of them may be taken before the server starts. */
const PORTS = { first: 20_000, count: 12_000 } as const;
/** Each process that runs tests begins at a place of its own. 7919 is prime: those of neighbours lie far apart. */
let tried = (process.pid * 7_919) % PORTS.count;

/** A port of the loopback address that nobody uses, and that neither a connection nor another call of this process will be given. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < PORTS.count; attempt += 1) {
    const port = PORTS.first + tried;
    tried = (tried + 1) % PORTS.count;
    if (await isPortFree(port)) return port;
  }
  throw new Error(`none of ${PORTS.count} ports is free`);
}
