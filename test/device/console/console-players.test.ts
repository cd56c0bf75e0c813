// @module-tag long
// @module-tag ffmpeg
// Holds what device/console/README.md says about other players; ffprobe stands for everything built on ffmpeg.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { generateSigningKey } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { ConsoleRig, soon } from './support/console-rig.ts';

const run = promisify(execFile);

/** The codecs that ffprobe finds, or its error message. */
async function probed(url: string, ...options: string[]): Promise<string> {
  const args = [
    '-v',
    'error',
    ...options,
    '-show_entries',
    'stream=codec_name',
    '-of',
    'csv=p=0',
    '-read_intervals',
    '%+1',
  ];
  const { stdout } = await run('ffprobe', [...args, url], { timeout: 20_000 }).catch(({ stderr }) => ({
    stdout: `${stderr}`,
  }));
  return stdout;
}

describe.each(['this-machine', 'home-network'] as const)('ffprobe, with a server for %s,', (listen) => {
  let rig: ConsoleRig;
  let authorization: string;
  let paths: string[];
  beforeAll(async () => {
    rig = await ConsoleRig.start({ console: { listen, port: 0 } });
    const key = generateSigningKey(new SystemRandom());
    await rig.offer(key);
    if (listen === 'home-network') {
      rig.doorbell.pressed({ button: 'front', source: 'gpio', atUs: new SystemClock().wallUs() });
      await soon(async () => (await rig.session(key).catch(() => null)) !== null);
    }
    const owner = await rig.session(key);
    ({ authorization = '' } = await owner.viewer());
    let startUs = 0;
    await soon(async () => {
      const { ring } = (await owner.get('/api/v1/state')).json as {
        ring: { coverage: { startUs: number; endUs: number }[] };
      };
      startUs = ring.coverage[0]?.startUs ?? 0;
      return (ring.coverage[0]?.endUs ?? 0) - startUs > 2_000_000;
    }, 20_000);
    const span = `fromUs=${startUs}&toUs=${startUs + 1_000_000}`;
    paths = ['/api/v1/live.mp4', '/api/v1/live.m3u8', `/api/v1/footage.mp4?${span}`, `/api/v1/footage.m3u8?${span}`];
  }, 60_000);
  afterAll(() => rig.stop());

  it('plays with the viewer’s id and token in a header or in the address', async () => {
    const login = Buffer.from(authorization.slice(6), 'base64').toString();
    for (const path of paths) {
      const insecure = ['-tls_verify', '0'];
      const byHeader = await probed(
        `${rig.url}${path}`,
        ...insecure,
        '-headers',
        `Authorization: ${authorization}\r\n`,
      );
      const byAddress = await probed(`${rig.url.replace('://', `://${login}@`)}${path}`, ...insecure);
      expect([path, byHeader, byAddress]).toEqual([
        path,
        expect.stringContaining('h264'),
        expect.stringContaining('h264'),
      ]);
    }
  }, 90_000);

  it('gets nothing without credentials', async () => {
    for (const path of paths)
      expect([path, await probed(`${rig.url}${path}`)]).toEqual([path, expect.stringMatching(/401/)]);
  }, 60_000);
});
