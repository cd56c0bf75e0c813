// @module-tag long
// `doorsill verify` opens an encrypted clip with its recipient's key or its content key, writes it only once it is checked, zones included, and
// into a new private file; without a key it says that the file is encrypted.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { addSealingKey } from '../../../device/base/sealing-keys.ts';
import { startFfmpeg } from '../../../device/camera/ffmpeg-run.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import { contentKeyOf, peekStatement } from '../../../sim/officer/open-sealed-clip.ts';
import { cut, depsFor } from '../../device/clip/support/cutting.ts';
import { x264 } from '../../device/clip/support/footage.ts';
import { capturedFootage, frameTimesUs } from '../../device/clip/support/segmenter.ts';
import { callCommand } from '../../support/call-command.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { chosenFfmpeg as ffmpeg } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { type EncryptedClip, encryptedClip, FACTS, RECIPIENT, TERMS } from '../officer/support/encrypted-clip.ts';

const folder = temporaryFolder('open');
const at = (...names: string[]) => join(folder.path, ...names);
const ZONE = { left: 3_157, top: 3_012, width: 2_718, height: 3_465 };
const NO_FFMPEG = { environment: { FFMPEG_PATH: '/nowhere/ffmpeg' } };
const disk = new SystemDisk();

let good: EncryptedClip;
let segments: Segment[];
beforeAll(async () => {
  await mkdir(at('agency'), { mode: 0o700 });
  writeFileSync(at('agency', 'sealing.keys'), `${RECIPIENT.exportSecret()}\n`, { mode: 0o600 });
  good = await encryptedClip(folder.path, 'good');
  segments = await capturedFootage(ffmpeg.path, { video: x264(15), frames: 30 });
}, 120_000);
afterAll(() => folder.dispose());

const key = ['--key', at('agency', 'sealing.keys')];
/** Runs the verb with --json; the result, or the error with its exit status. */
async function open({ path, statementPath }: EncryptedClip, words: string[], options = {}) {
  const { status, last, stderr } = await callCommand(['verify', path, statementPath, ...words, '--json'], options);
  return status === 0 ? (last ?? {}) : { status, ...JSON.parse(stderr.trim()).error };
}
const isThere = (name: string) => readdirSync(folder.path).some((one) => one.includes(name));

/** A redacted clip, cut with changed drawing arguments. */
async function redactedClip(name: string, change = (filter: string) => filter): Promise<EncryptedClip> {
  const times = frameTimesUs(segments);
  const window = { startUs: times[5] ?? 0, endUs: times[27] ?? 0 };
  const { live } = liveGrantFor({ ...TERMS, window, zones: [ZONE] });
  const start: typeof ffmpeg.start = (args, options) =>
    startFfmpeg(
      ffmpeg,
      args.map((arg) => arg.replaceAll(/drawbox=[^,]+/g, change)),
      options,
    );
  return encryptedClip(folder.path, name, {}, { live, ...(await cut(live, depsFor({ ...ffmpeg, start }, segments))) });
}

describe('with a key', () => {
  it('writes the checked clip for this user alone, and prints its window, frames and facts', async () => {
    const out = at('clip.mp4');
    expect(await open(good, [...key, '--out', out])).toMatchObject({ ok: true, disclosed: FACTS, zones: null, out });
    expect(readFileSync(out)).toEqual(Buffer.from(good.plain));
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const { stdout } = await callCommand(['verify', good.path, good.statementPath, ...key]);
    for (const text of [
      'frames     30 in',
      'address (12 Elm Street, Springfield), email (casey@home.example)',
      'window',
    ])
      expect(stdout).toContain(text);
  });

  it('takes former keys after a rotation', async () => {
    await addSealingKey(disk, new SystemRandom(), at('agency', 'sealing.keys'));
    expect(await open(good, key)).toMatchObject({ ok: true, disclosed: FACTS });
  });

  it('takes the content key that the owner’s device kept, and neither both keys nor one for a clip that is not encrypted', async () => {
    const { sealed, ...stated } = peekStatement(good.statement);
    if (!sealed) throw new Error('the clip is not encrypted');
    const kept = at('content-key.json');
    const contentKey = contentKeyOf({ ...stated, sealed }, [RECIPIENT]);
    writeFileSync(kept, `${JSON.stringify(contentKey)}\n`);
    const out = at('owners.mp4');
    expect(await open(good, ['--content-key', kept, '--out', out])).toMatchObject({ ok: true, disclosed: FACTS });
    expect(readFileSync(out)).toEqual(Buffer.from(good.plain));
    const usage = { status: 2, code: 'usage' };
    expect(await open(good, [...key, '--content-key', kept])).toMatchObject(usage);
    expect(await open({ ...good, path: out }, ['--content-key', kept])).toMatchObject(usage);
    expect(await open(good, ['--content-key', good.statementPath])).toMatchObject(usage);
    writeFileSync(kept, JSON.stringify({ ...contentKey, clipSha256: 'a'.repeat(64) }));
    expect(await open(good, ['--content-key', kept])).toMatchObject({ code: 'clip_unopened' });
  });

  it('replaces no file, whoever can read that', async () => {
    for (const [name, mode] of [
      ['mine', 0o600],
      ['everybodys', 0o644],
    ] as const) {
      writeFileSync(at(name), 'there before', { mode });
      const refused = await open(good, [...key, '--out', at(name)]);
      expect(refused).toMatchObject({ code: 'usage', message: expect.stringContaining('exists already') });
      expect(readFileSync(at(name), 'utf8')).toBe('there before');
    }
  });

  it('writes nothing without the key, with another one, for a cut file or another clip’s statement', async () => {
    await mkdir(at('other'), { mode: 0o700 });
    await addSealingKey(disk, new SystemRandom(), at('other', 'sealing.keys'));
    const second = await encryptedClip(folder.path, 'second');
    const cutShort = { ...good, path: at('cut.encrypted') };
    writeFileSync(cutShort.path, good.bytes.subarray(0, 5_000));
    const out = ['--out', at('nothing.mp4')];
    const unopened = { status: 3, code: 'clip_unopened', message: expect.stringContaining('(check key)') };
    expect(await open(good, ['--key', at('lost', 'sealing.keys'), ...out])).toMatchObject(unopened);
    expect(await open(good, ['--key', at('other', 'sealing.keys'), ...out])).toMatchObject(unopened);
    const failed = { status: 3, code: 'verify_failed' };
    expect(await open(cutShort, [...key, ...out])).toMatchObject(failed);
    expect(await open({ ...good, statementPath: second.statementPath }, [...key, ...out])).toMatchObject(failed);
    expect(await open({ ...good, path: at('none') }, [...key, ...out])).toMatchObject({ code: 'usage' });
    expect(isThere('nothing.mp4')).toBe(false);
  });

  it('shows a redacted clip only once ffmpeg has found its zones black in each frame', {
    timeout: 120_000,
  }, async () => {
    const black = await redactedClip('black');
    const out = ['--out', at('redacted.mp4')];
    const blind = await open(black, [...key, ...out], NO_FFMPEG);
    expect(blind).toMatchObject({ code: 'ffmpeg_missing', message: expect.any(String) });
    expect(isThere('redacted.mp4')).toBe(false);
    expect(await open(black, [...key, ...out])).toMatchObject({ ok: true, zones: { seen: 'black', zones: 1 } });
    const seen = await redactedClip('seen', (filter) => `${filter}:enable='not(eq(n,13))'`);
    const refused = await open(seen, [...key, '--out', at('seen.mp4')]);
    expect(refused).toMatchObject({ code: 'verify_failed', message: expect.stringContaining('frame 13') });
    expect(isThere('seen.mp4')).toBe(false);
    expect(await open(good, key, NO_FFMPEG)).toMatchObject({ ok: true });
  });
});

describe('without a key', () => {
  it('says that the file is encrypted, and how it is opened', async () => {
    const { status, stderr } = await callCommand(['verify', good.path, good.statementPath]);
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining(`doorsill verify ${good.path} ${good.statementPath} --key`),
    ]);
    expect(stderr).toContain('clip_encrypted');
  });

  it('verifies the opened clip, and names the facts that it does not have', async () => {
    const out = at('opened.mp4');
    await open(good, [...key, '--out', out]);
    const { status, stdout } = await callCommand(['verify', out, good.statementPath]);
    expect([status, stdout]).toEqual([0, expect.stringContaining('disclosed  address (encrypted), email (encrypted)')]);
    expect(stdout).not.toContain(FACTS.address);
    writeFileSync(out, Buffer.concat([readFileSync(out), Buffer.of(0)]));
    expect((await callCommand(['verify', out, good.statementPath])).stderr).toContain('verify_failed');
  });
});
