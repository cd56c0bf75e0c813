import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { parseToken } from '../../../device/contract/jws.ts';
import { agencyId, KEY_NAME, loadAgencyKey, signFootageRequest } from '../../../sim/officer/agency-client.ts';
import { demoAsk } from '../../../sim/story/demo-request.ts';
import { DEMO_HOME } from '../../../sim/testbed/testbed.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('officer');
afterAll(() => folder.dispose());
const deps = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk() };

it('makes a key that only its user can read, and loads it again', async () => {
  const place = join(folder.path, 'agency');
  const key = await loadAgencyKey(deps, place);
  expect(agencyId(await loadAgencyKey(deps, place))).toBe(agencyId(key));
  expect(agencyId(key)).toMatch(/^agency-[0-9a-f]+$/);
  expect(statSync(join(place, KEY_NAME)).mode & 0o077).toBe(0);
  expect(readFileSync(join(place, KEY_NAME), 'utf8')).not.toContain(key.publicKey);
});

it('refuses a file without a key, and leaves it unchanged', async () => {
  const place = join(folder.path, 'damaged');
  await deps.disk.makeFolder(place);
  writeFileSync(join(place, KEY_NAME), 'not a key\n', { mode: 0o600 });
  await expect(loadAgencyKey(deps, place)).rejects.toMatchObject({ code: 'state_damaged' });
  expect(readFileSync(join(place, KEY_NAME), 'utf8')).toBe('not a key\n');
});

it('signs a request for one bridge, and refuses one that violates the contract', async () => {
  const key = await loadAgencyKey(deps, join(folder.path, 'agency'));
  const nowUs = deps.clock.wallUs();
  const ask = demoAsk(deps.clock, DEMO_HOME.place, { startUs: nowUs - 5_000_000, endUs: nowUs }, 'nothing');
  const { id, token } = signFootageRequest(deps, key, 'bridge-1', ask);
  expect(parseToken(token)?.claims).toMatchObject({
    jti: id,
    aud: 'bridge-1',
    agency: agencyId(key),
    iss: key.publicKey,
  });
  const sign = () => signFootageRequest(deps, key, 'bridge-1', { ...ask, text: '' });
  expect(sign).toThrow(expect.objectContaining({ code: 'usage', message: expect.stringContaining('text') }));
});
