// The OpenAPI documents of the four HTTP servers, as they serve them: each is started on the loopback address, in a folder that is removed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '@doorsill/base/clock';
import { SystemDisk } from '@doorsill/base/disk';
import { silentLog } from '@doorsill/base/log';
import { SystemRandom } from '@doorsill/base/random';
import { Bridge, BridgeConfig, Registry, RegistryConfig, Vault, VaultConfig } from '@doorsill/cloud-bridge';
import { findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { parseDeviceConfig } from '@doorsill/device/config';
import { Doorbell } from '@doorsill/device/doorbell';
import { NO_BROKER, NO_PROGRAMS, OWN_SERVER } from 'doorsill/world/virtual-home';

/** Made for one reading, so that no server outlives it. */
const seams = () => ({
  clock: new SystemClock(),
  random: new SystemRandom(),
  disk: new SystemDisk(),
  log: silentLog(),
});

/** Nothing listens there: the server works without pictures. */
const NO_CAMERA = 'rtsp://127.0.0.1:1/none';

/** The servers in the order in which they start: each may need those before it. */
const STARTS = {
  async registry(folder) {
    const config = RegistryConfig.parse({ dataFolder: join(folder, 'registry'), http: { port: 0 } });
    return running(new Registry({ ...seams(), config }));
  },
  async vault(folder) {
    const config = VaultConfig.parse({ dataFolder: join(folder, 'vault'), http: { port: 0 } });
    return running(new Vault({ ...seams(), config }));
  },
  async bridge(folder, { registry, vault }) {
    const config = BridgeConfig.parse({
      dataFolder: join(folder, 'bridge'),
      http: { port: 0 },
      registry: { url: registry.url, key: registry.publicKey },
      vault: { url: vault.url, key: vault.publicKey },
      // No broker listens there: the bridge serves its routes meanwhile.
      area: { url: NO_BROKER.url, accounts: join(folder, 'accounts') },
    });
    return running(new Bridge({ ...seams(), config }));
  },
  async doorbell(folder) {
    const settings = { name: 'front', camera: NO_CAMERA, home: NO_BROKER, console: OWN_SERVER };
    const config = parseDeviceConfig(settings, 'device.json');
    const options = { config, folder: join(folder, 'doorbell'), homeBroker: 'none' };
    const doorbell = new Doorbell(options, { ...seams(), programs: NO_PROGRAMS, ffmpeg: await findFfmpeg() });
    await doorbell.start();
    return { url: doorbell.console.url, stop: () => doorbell.stop() };
  },
};

async function running(server) {
  await server.start();
  return { url: server.url, publicKey: server.publicKey, stop: () => server.stop() };
}

/** The document of each server by its name: `registry`, `vault`, `bridge`, `doorbell`. */
export async function httpDocuments() {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-docs-'));
  const servers = {};
  const documents = {};
  try {
    for (const [name, start] of Object.entries(STARTS)) {
      servers[name] = await start(folder, servers);
      const path = name === 'doorbell' ? '/api/v1/openapi.json' : '/openapi.json';
      const answer = await fetch(new URL(path, servers[name].url));
      if (!answer.ok) throw new Error(`the ${name} answered ${answer.status} for ${path}`);
      documents[name] = await answer.json();
    }
    return documents;
  } finally {
    for (const server of Object.values(servers).reverse()) await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
