// A wrong option is reported by its name, before any footage is read.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { planOf, type ReplayOptions, settingsOf, thresholdsOf } from '../../../sim/cli/replay-options.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('replay-options');
afterAll(folder.dispose);
const disk = new SystemDisk();
const OPTIONS: ReplayOptions = { camera: [], audio: true, speed: 'fast', clockStep: [], seed: '1' };

describe('the options of `replay`', () => {
  it.each(['minPrecision', 'minRecall'] as const)('name %s as it is written on the command line', (key) => {
    const written = key.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`);
    expect(() => thresholdsOf({ ...OPTIONS, [key]: '3' })).toThrow(`--${written} takes 0 to 1, not "3"`);
    expect(thresholdsOf({ ...OPTIONS, [key]: '0.5' })).toEqual({ [key]: 0.5 });
  });

  it('name every value of a speed', async () => {
    await expect(planOf([], { ...OPTIONS, speed: 'slow' }, disk)).rejects.toThrow('--speed takes fast, own, or 0.1 to');
    expect(await planOf([], { ...OPTIONS, speed: 'own' }, disk)).toMatchObject({ speed: 1 });
  });

  it.each([
    ['null', 'config_invalid', 'it does not contain settings'],
    ['[]', 'config_invalid', 'it does not contain settings'],
    ['"x"', 'config_invalid', 'it does not contain settings'],
    ['{', 'config_invalid', 'it is not JSON'],
    ['', 'usage', 'it is empty'],
    [`"${'x'.repeat(300_000)}"`, 'usage', 'it is too large'],
  ])('refuse invalid settings: %.10s', async (text, code, detail) => {
    const settings = join(folder.path, 'settings.json');
    writeFileSync(settings, text);
    const refused = settingsOf({ settings }, disk);
    await expect(refused).rejects.toMatchObject({ code });
    await expect(refused).rejects.toThrow(detail);
  });

  it('report a missing file of settings', async () => {
    const missing = settingsOf({ settings: join(folder.path, 'missing.json') }, disk);
    await expect(missing).rejects.toMatchObject({ code: 'usage' });
    await expect(missing).rejects.toThrow(/--settings: .*missing\.json cannot be read: there is no such file/);
  });

  it('combine settings with a sensitivity', async () => {
    const settings = join(folder.path, 'device.json');
    writeFileSync(settings, '{"motion":{"sensitivity":30,"minAreaPermille":5},"preRollS":2}');
    expect(await settingsOf({ settings, sensitivity: '70' }, disk)).toEqual({
      motion: { sensitivity: 70, minAreaPermille: 5 },
      preRollS: 2,
    });
  });
});
