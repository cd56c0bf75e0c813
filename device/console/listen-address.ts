// Where a server of the device listens, and under which address phones at home reach it.
import { networkInterfaces } from 'node:os';
import { systemCode } from '@doorsill/base/disk';
import { listenOn, type makeHttpServer } from '@doorsill/base/http/http-server';

/** This machine's IPv4 address on the home network; null where it has none. */
export function homeAddress(): string | null {
  const all = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? null;
}

/** Listens on every address; on IPv4 only if the machine has no IPv6. Throws `port_in_use`. */
export async function listenOnAll(server: ReturnType<typeof makeHttpServer>, port: number): Promise<string> {
  try {
    return await listenOn(server, '::', port);
  } catch (thrown) {
    if (systemCode(thrown) !== 'EAFNOSUPPORT') throw thrown;
    return listenOn(server, '0.0.0.0', port);
  }
}
