// @module-tag long
// Search Party as a user runs it: every verb in a testbed of real processes whose doorbell films a dog.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { plainJpegSize } from '../../../device/contract/plain-jpeg.ts';
import { drawDogPhoto } from '../../../sim/porch/dog-art.ts';
import { DEMO_HOME } from '../../../sim/world/home-identity.ts';
import { callCommand } from '../../support/call-command.ts';
import { Running, temporaryFolder } from '../../support/command-line.ts';

describe('search-party', () => {
  const folder = temporaryFolder('search-party');
  const data = join(folder.path, 'testbed');
  let up: Running | null = null;
  afterEach(async () => {
    await up?.stop();
    folder.dispose();
  });

  const testbed = (...words: string[]) => callCommand([...words, '--data', data, '--json']);
  const party = (...words: string[]) => testbed('search-party', ...words);
  const last = async (running: ReturnType<typeof testbed>) => {
    const done = await running;
    expect(done.status, done.stderr).toBe(0);
    return done.last ?? {};
  };

  it('is off at first; then a dog is posted, seen, shown, granted, fetched and found', async () => {
    up = new Running([
      'up',
      '--no-ask',
      '--camera',
      'synthetic?play=dog&size=640x360&audio=off',
      '--data',
      data,
      '--json',
    ]);
    await up.line('the testbed', (line) => line['event'] === 'up');
    const photo = join(folder.path, 'biscuit.jpg');
    writeFileSync(photo, await drawDogPhoto());
    const post = ['post', '--photo', photo, '--kind', 'dog', '--text', 'Red collar.', '--near', '-89.644,39.799'];
    expect(await last(party('sightings'))).toEqual({ sightings: [] });
    expect(await last(party('on'))).toMatchObject({ searchParty: true });
    await expect.poll(() => last(testbed('watch', '--once'))).toMatchObject({ state: { searchParty: true } });

    const wrong = await party('post', '--photo', photo, '--kind', 'person', '--text', 'x', '--near', '0,0');
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('--kind is dog or cat')]);
    writeFileSync(join(folder.path, 'none.jpg'), 'no picture');
    const none = await party(
      'post',
      '--photo',
      join(folder.path, 'none.jpg'),
      '--kind',
      'dog',
      '--text',
      'x',
      '--near',
      '0,0',
    );
    expect([none.status, none.stderr]).toEqual([6, expect.stringContaining('search_photo_invalid')]);

    const posted = await last(party(...post));
    const search = String(posted['search']);
    expect(posted).toMatchObject({ cell: 'dp062', sealing: { keeper: 'recipient' } });
    expect((await party(...post)).stderr).toContain('search_limits');

    const sightings = async () => (await last(party('sightings')))['sightings'];
    await expect
      .poll(sightings, { timeout: 90_000, interval: 500 })
      .toMatchObject([{ search, kind: 'dog', text: 'Red collar.' }]);

    const still = join(folder.path, 'still.jpg');
    await last(party('still', search, '--out', still));
    expect(plainJpegSize(readFileSync(still))).toEqual({ width: 320, height: 180 });
    const other = await party('still', 'search-none', '--out', still);
    expect([other.status, other.stderr]).toEqual([3, expect.stringContaining('sighting_unknown')]);

    const request = await testbed('grant', 'request-none');
    expect(request.stderr).toContain('consent_request_unknown');
    const granted = await last(testbed('grant', search, '--still'));
    expect(granted).toMatchObject({ request: search, outcome: 'sent', clip: { frames: 1, disclosed: [] } });
    const out = join(folder.path, 'seen');
    expect(await last(party('clips', '--out', out))).toMatchObject({ clips: [{ request: search }] });
    const [saved = ''] = readdirSync(out).filter((name) => name.endsWith('.mp4'));
    // It came encrypted: the file is the opened clip, which its statement verifies.
    const seen = join(out, saved);
    const verified = await last(testbed('verify', seen, seen.replace('.mp4', '.manifest.jws')));
    expect(verified).toMatchObject({ ok: true, manifest: { sealed: { recipientKey: Object(posted['sealing']).key } } });
    expect(readdirSync(out).sort()).toEqual([
      expect.stringMatching(/^clip-.*\.manifest\.jws$/),
      expect.stringMatching(/^clip-.*\.mp4$/),
    ]);

    // Neither the bridge nor the pet's owner learns where the camera is, or whose it is.
    const { longitude, latitude } = DEMO_HOME.place;
    const secrets = [String(longitude), String(latitude), ...Object.values(DEMO_HOME.disclosure)];
    const kept = [join(data, 'bridge'), out].flatMap((held) =>
      readdirSync(held, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name))),
    );
    expect(kept.some((bytes) => bytes.includes('SQLite format 3'))).toBe(true);
    expect(secrets.filter((secret) => kept.some((bytes) => bytes.includes(secret)))).toEqual([]);

    expect(await last(party('found', search))).toMatchObject({ search, state: 'ended' });
    expect(await last(party('off'))).toMatchObject({ searchParty: false });
    const off = await party('still', search, '--out', still);
    expect([off.status, off.stderr]).toEqual([3, expect.stringContaining('search_party_off')]);
    expect(await last(testbed('revoke', search))).toMatchObject({ request: search });
    expect(await last(party('clips'))).toEqual({ clips: [] });
  }, 240_000);
});
