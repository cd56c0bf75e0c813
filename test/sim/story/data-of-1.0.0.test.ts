// @module-tag long
// A testbed that version 1.0.0 wrote, after one clip was granted, sealed and put into a case, goes on with today's code.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, expect, it } from 'vitest';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('1.0.0');
const data = join(folder.path, 'testbed');
let up: Running | null = null;

/** Its files by their paths, in base64; a path that ends in / is an empty folder. All keys in it were made for this. */
const WRITTEN = new URL('../../support/fixtures/data-of-1.0.0.json.gz', import.meta.url);

function layDown(): void {
  for (const [path, content] of Object.entries<string>(JSON.parse(gunzipSync(readFileSync(WRITTEN)).toString()))) {
    const file = join(data, path);
    mkdirSync(path.endsWith('/') ? file : dirname(file), { recursive: true, mode: 0o700 });
    if (!path.endsWith('/')) writeFileSync(file, Buffer.from(content, 'base64'), { mode: 0o600 });
  }
}

async function answer(...words: string[]): Promise<Record<string, unknown>> {
  const { status, last, stderr } = await runCommand([...words, '--data', data, '--json']);
  expect([words.join(' '), status, stderr]).toEqual([words.join(' '), 0, '']);
  return last ?? {};
}

afterAll(async () => {
  await up?.stop();
  folder.dispose();
});

it('opens what 1.0.0 wrote: pairing, settings, ledger, the sent clip, and the evidence at its vault', async () => {
  layDown();
  const ports = ['--port', '19420', '--no-ask', '--camera', 'synthetic?size=320x240'];
  up = new Running(['up', '--data', data, ...ports, '--json']);
  const { isNew, device } = await up.line('up', ({ event }) => event === 'up');
  await up.line('a running camera', ({ event, state }) => event === 'camera' && state === 'recording');
  expect([isNew, device]).toEqual([false, 'device-602d4e6ec41f4057bd02dbff04e00997']);

  const settings = await answer('settings', 'show');
  expect(settings).toMatchObject({
    disclosure: { email: 'home@maple.example', address: '12 Maple Street, Springfield' },
    motion: { sensitivity: 80 },
    byOwners: ['disclosure.email', 'motion.sensitivity'],
  });

  const types = {
    enrolled: 1,
    paired: 1,
    granted: 1,
    sealed: 1,
    'token-presented': 1,
    delivered: 1,
    'settings-changed': 1,
  };
  expect(await answer('verify', '--ledger')).toMatchObject({ ok: true, types });

  const grant = 'grant-e7651b7ee8534e9312f8927d190298a9';
  const clip = { frames: 71, disclosed: ['address', 'email'], sealed: { clipBytes: 152_562, keeper: 'vault' } };
  expect(await answer('left', '--check', grant)).toMatchObject({ ok: true, grant, clip });

  const officer = ['--officer', 'Det. Rivera', '--reason', 'case SPD-2026-0117'];
  const evidence = await answer('agency', 'evidence', 'list', ...officer);
  const item = String(evidence['item']);
  expect(evidence).toMatchObject({ request: 'request-99529927ffa0cb1d8c1362a86248ddb6', cases: ['SPD-2026-0117'] });
  const out = join(folder.path, 'case');
  await answer('agency', 'evidence', 'download', item, '--out', out, ...officer);

  // The owner goes on as before: an order signed with the key of then is taken.
  await answer('settings', 'set', '--sensitivity', '60');
  expect(await answer('settings', 'show')).toMatchObject({ motion: { sensitivity: 60 } });
}, 120_000);
