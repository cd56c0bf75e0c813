// @module-tag long
// A doorbell whose clock is two hours ahead shows its owner no request, and gives the reason in its log, its state and to `grant`; the
// bridge and the area broker cannot see it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { soon } from '../../device/console/support/console-rig.ts';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('clock-ahead');
const data = join(folder.path, 'testbed');
let up: Running | null = null;
afterAll(async () => {
  await up?.stop();
  folder.dispose();
}, 60_000);

const say = (...words: string[]) => runCommand([...words, '--data', data, '--json']);
const logs = () =>
  readdirSync(join(data, 'logs')).map((name) => [name, readFileSync(join(data, 'logs', name), 'utf8')] as const);

it('reports why it shows no request', async () => {
  const words = ['up', '--separate', '--no-ask', '--camera', 'synthetic?size=320x180', '--data', data, '--json'];
  up = new Running([...words, '--fault', 'clock-ahead=2h@12s']);
  await up.line('the testbed', (line) => line['event'] === 'up');
  const told = () => logs().filter(([, text]) => text.includes('owners cannot be asked about a request'));
  await soon(() => logs().some(([, text]) => text.includes('clock-ahead')), 60_000);
  const asked = await say('agency', 'request', '--type', 'porch piracy');
  const { request } = z.looseObject({ request: z.string() }).parse(asked.last);
  await soon(() => told().length > 0, 90_000);
  // Only in the doorbell's log.
  expect(told().map(([name]) => name)).toEqual([expect.stringContaining('doorbell')]);
  const granted = await say('grant', request, '--from', '1970-01-01T00:00:00Z', '--to', '1970-01-01T00:00:10Z');
  expect(granted.status).not.toBe(0);
  const { code } = z
    .looseObject({ error: z.looseObject({ code: z.string() }) })
    .parse(JSON.parse(granted.stderr)).error;
  expect(code).toMatch(/^(area_outdated|consent_(request_expired|revocations_stale|credential_expired))$/);
  expect(granted.stderr).toContain('clock shows');
}, 240_000);
