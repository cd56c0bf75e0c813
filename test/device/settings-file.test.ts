// A file without settings is refused with the reason; a missing file is null.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../device/base/disk.ts';
import { readSettings } from '../../device/settings-file.ts';

const disk = new SystemDisk();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-settings-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a file of settings', () => {
  const FILES: Record<string, [content: string | Uint8Array, says: RegExp]> = {
    'with a comma too many': ['{"home":{},}', /JSON/],
    'that is empty': ['', /JSON/],
    'that is a list': ['[]', /one JSON object/],
    'that is no text': [Uint8Array.of(0xff, 0xfe, 0x00), /UTF-8/],
    'of 10 MB': ['x'.repeat(10_000_000), /more than 200000 bytes/],
  };

  it.each(Object.entries(FILES))('%s is refused', async (_what, [content, says]) => {
    const path = join(folder, 'device.json');
    await writeFile(path, content);
    await expect(readSettings(disk, path)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(says),
    });
  });

  it('that is a folder is refused, a missing one is null, and a byte order mark is skipped', async () => {
    await mkdir(join(folder, 'folder.json'));
    await expect(readSettings(disk, join(folder, 'folder.json'))).rejects.toMatchObject({ code: 'config_invalid' });
    expect(await readSettings(disk, join(folder, 'absent.json'))).toBeNull();
    await writeFile(join(folder, 'bom.json'), '\u{feff}{"a":1}');
    expect(await readSettings(disk, join(folder, 'bom.json'))).toEqual({ a: 1 });
  });
});
