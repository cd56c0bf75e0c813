// Owns: which port the page of a testbed's doorbell gets: its own of last time where that is free, because a browser finds its key by the
// port; else another free one, which then stays. Not here: what listens there (device/console).
import { createServer } from 'node:net';
import { failure } from '../../device/exports-without-firmware.ts';

/** How many ports after the wanted one are tried: more than a testbed has pages. */
const TRIED_MAX = 200;
const PORT_MAX = 65_535;

/** Whether nothing listens on a port of the loopback address, so that we may. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(true)));
  });
}

/**
 * The wanted port if it is free and none of `others`; else the next such port, from `after` on, and from 1024 on where the numbers end.
 * Throws `port_in_use` when there is none.
 */
export async function freePort(
  wanted: number,
  others: ReadonlySet<number>,
  after: number,
  isFree: (port: number) => Promise<boolean> = isPortFree,
): Promise<number> {
  const tried = [wanted, ...Array.from({ length: TRIED_MAX }, (_, at) => after + at)];
  const ports = tried.map((port) => (port > PORT_MAX ? port - PORT_MAX + 1_023 : port));
  for (const port of ports) if (!others.has(port) && (await isFree(port))) return port;
  throw failure('port_in_use', { port: wanted, host: '127.0.0.1' });
}
