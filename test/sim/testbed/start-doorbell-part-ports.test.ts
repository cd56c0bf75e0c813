import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort, isPortFree } from '../../../sim/testbed/start-doorbell-part.ts';

const free = async () => true;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A port of the loopback address with a listener. */
async function takenPort(): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

describe('the port of a page', () => {
  it('is the wanted one if that is free', async () => {
    expect(await freePort(18_934, new Set(), 18_950, free)).toBe(18_934);
  });

  it('is another one if a program listens there, or another page has that port', async () => {
    const taken = async (port: number) => port !== 18_934 && port !== 18_950;
    expect(await freePort(18_934, new Set([18_951]), 18_950, taken)).toBe(18_952);
  });

  it('has no listener', async () => {
    const taken = await takenPort();
    expect(await isPortFree(taken)).toBe(false);
    const other = await freePort(taken, new Set(), taken + 1);
    expect(other).toBeGreaterThan(taken);
    expect(await isPortFree(other)).toBe(true);
  });

  it('wraps around to 1024, and is refused if none is free', async () => {
    expect(await freePort(65_536, new Set([1_024]), 65_537, free)).toBe(1_025);
    await expect(freePort(18_934, new Set(), 18_950, async () => false)).rejects.toMatchObject({ code: 'port_in_use' });
  });
});
