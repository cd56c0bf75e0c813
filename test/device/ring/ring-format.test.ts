// The ring reads files of earlier formats.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { RingFolder } from './ring-folder.ts';
import { NOON_US, readAll, SECOND_US, segmentOf } from './segments.ts';

const fixture = new URL('../../support/fixtures/ring-format-1.json', import.meta.url);
const folder = new RingFolder();

beforeEach(() => folder.make());
afterEach(() => folder.remove());

it('a ring file of the first format is read, forgets, and continues in the current format', async () => {
  const files = z.record(z.string(), z.string()).parse(JSON.parse(await readFile(fixture, 'utf8')));
  for (const [name, bytes] of Object.entries(files)) {
    await writeFile(join(folder.path, name), gunzipSync(Buffer.from(bytes, 'base64')), { mode: 0o600 });
  }
  const old = [0, 1, 2].map((number) => segmentOf(number, { fragmentBytes: 2_000 }));
  await folder.with(async (ring) => {
    expect(await readAll(ring)).toEqual(old);
    await ring.append(segmentOf(3));
    expect(await ring.forget({ startUs: NOON_US + SECOND_US, endUs: NOON_US + 2 * SECOND_US })).toBe(1);
  });
  await folder.with(async (ring) => {
    expect(await readAll(ring)).toEqual([old[0], old[2], segmentOf(3)]);
    expect(ring.stats().damaged).toBe(0);
  });
});
