// The setting `console.others`, which is read while the device runs (settings-file.ts).
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../device/base/disk.ts';
import { parseDeviceConfig } from '../../device/config.ts';
import { followOtherDoors } from '../../device/settings-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-others-'));
});
afterEach(() => rm(folder, { recursive: true }));
const file = () => join(folder, 'device.json');
const write = (others: unknown) => writeFileSync(file(), JSON.stringify({ anything: 1, console: { others } }));

const BACK = { name: 'Back door', url: 'http://127.0.0.1:18935' };
const SHED = { name: 'Shed', url: 'https://shed.local:8480/' };

describe('the other doorbells', () => {
  it('are those of the current file, without a restart', async () => {
    const others = followOtherDoors(new SystemDisk(), file(), [BACK]);
    write([BACK, SHED]);
    expect(await others()).toEqual([BACK, SHED]);
    write([]);
    expect(await others()).toEqual([]);
    write([SHED]);
    expect(await others()).toEqual([SHED]);
    writeFileSync(file(), '{}');
    expect(await others()).toEqual([]);
  });

  it('stay the same while the file is being edited, invalid or missing', async () => {
    const others = followOtherDoors(new SystemDisk(), file(), [BACK]);
    expect(await others()).toEqual([BACK]);
    write([SHED]);
    await others();
    writeFileSync(file(), readFileSync(file(), 'utf8').slice(0, -4));
    expect(await others()).toEqual([SHED]);
    write([{ name: 'Evil', url: 'javascript:alert(1)' }]);
    expect(await others()).toEqual([SHED]);
    rmSync(file());
    expect(await others()).toEqual([SHED]);
  });
});

describe('the setting', () => {
  const home = { url: 'mqtt://127.0.0.1:1', user: 'porch', password: 'secret' };
  const parse = (others: unknown) => parseDeviceConfig({ home, console: { others } }, 'device.json').console.others;

  it('names none by default', () => {
    expect(parseDeviceConfig({ home }, 'device.json').console.others).toEqual([]);
    expect(parse([BACK, SHED])).toEqual([BACK, SHED]);
  });

  it.each([
    ...[
      'javascript:alert(1)',
      'data:text/html,x',
      'ftp://porch.local',
      '//porch.local',
      'http:porch.local',
      'porch.local',
    ],
    ...['http://user:secret@porch.local/', 'http://user@porch.local', 'http://', 'http://porch.local/a b', ''],
    ...[
      'http:\\\\porch.local',
      'http://porch.local\\@evil.example',
      `http://${'a'.repeat(200)}.local`,
      'blob:http://x',
    ],
  ])('accepts only addresses of pages: not %s', (url) => {
    expect(() => parse([{ name: 'Back', url }])).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  });

  it.each([
    ['33 of them', Array.from({ length: 33 }, () => BACK)],
    ['one without a name', [{ ...BACK, name: '' }]],
    ['one with a long name', [{ ...BACK, name: 'x'.repeat(61) }]],
    ['one with more', [{ ...BACK, token: 'secret' }]],
  ])('refuses %s', (_what, others) => {
    expect(() => parse(others)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  });
});
