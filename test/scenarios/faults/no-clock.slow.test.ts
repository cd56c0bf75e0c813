// A board without a battery, as real processes: it starts in 1970, films, grants nothing while its time is unknown, keeps its footage when
// the time is set decades later, also over a restart, and then grants at once.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';

const YEAR_US = 31_557_600_000_000;
const windowSchema = z.object({ startUs: z.number(), endUs: z.number() });
const toldSchema = z.object({
  state: z.object({
    clockTrusted: z.boolean(),
    camera: z.object({ state: z.string() }),
    ring: z.object({ segments: z.number(), coverage: z.array(windowSchema) }),
  }),
});

const folder = temporaryFolder('no-clock');
const data = join(folder.path, 'testbed');
const control = join(folder.path, 'porch.sock');
let up: Running;
const begin = (...words: string[]) =>
  new Running([
    'up',
    '--no-ask',
    '--data',
    data,
    '--camera',
    'synthetic?size=320x180',
    '--control',
    control,
    '--json',
    ...words,
  ]);
beforeAll(async () => {
  // It was enrolled with the right time, and its power failed since.
  up = begin();
  await up.line('the testbed', ({ event }) => event === 'up', 180);
  await up.stop();
  up = begin('--fault', 'clock-set=1970');
  await up.line('the testbed', ({ event }) => event === 'up', 180);
}, 400_000);
afterAll(async () => {
  await up.stop();
  folder.dispose();
});

/** A command's last line, or its refusal. */
async function say(...words: string[]): Promise<Record<string, unknown>> {
  const { status, last, stderr } = await runCommand([...words, '--data', data, '--json']);
  return status === 0 ? (last ?? {}) : JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error;
}
const told = async () => toldSchema.parse(await say('watch', '--once')).state;
const hasYear = (one: { startUs: number }, year: number) => Math.floor(one.startUs / YEAR_US) + 1970 === year;
const iso = (atUs: number) => new Date(atUs / 1_000).toISOString();
const grant = (request: unknown, fromUs: number, toUs: number) =>
  say('grant', String(request), '--from', iso(fromUs), '--to', iso(toUs));

let request = '';
let old: { startUs: number; endUs: number };

it('films in 1970, accepts no order with the owner’s time, and grants nothing', async () => {
  await expect.poll(async () => (await told()).ring.segments, { timeout: 90_000 }).toBeGreaterThanOrEqual(3);
  const state = await told();
  expect([state.clockTrusted, state.camera.state]).toEqual([false, 'recording']);
  const found = state.ring.coverage.filter((one) => hasYear(one, 1970));
  expect(found).toHaveLength(1);
  [old = { startUs: 0, endUs: 0 }] = found;
  expect(await say('ring')).toMatchObject({
    code: 'consent_not_yet_valid',
    advice: expect.stringContaining('until the device’s own is set'),
  });
  // Restrictive orders are obeyed, and can be undone once the time is known.
  expect(await say('privacy', 'on')).toMatchObject({ privacy: true });
  expect(await say('privacy', 'off')).toMatchObject({ code: 'consent_not_yet_valid' });
  request = String((await say('agency', 'request'))['request']);
  expect(request).toMatch(/^request-/);
  const nowUs = Date.now() * 1_000;
  // In 1970 the request's expiry cannot be judged; the owner is told that the clocks differ.
  expect(await grant(request, nowUs - 3_000_000, nowUs - 1_000_000)).toMatchObject({ code: 'area_outdated' });
}, 240_000);

it('keeps that footage when the time is set 56 years later, and grants later footage', async () => {
  await runCommand(['device', 'fault', '--control', control, '--clear', 'all']);
  await expect.poll(() => say('privacy', 'off'), { timeout: 60_000 }).toMatchObject({ privacy: false });
  const now = async () =>
    (await told()).ring.coverage.find((one) => one.endUs - one.startUs > 4_000_000 && !hasYear(one, 1970));
  await expect.poll(now, { timeout: 60_000 }).toBeDefined();
  const state = await told();
  expect(state.clockTrusted).toBe(true);
  expect(state.ring.coverage.find((one) => hasYear(one, 1970))).toMatchObject({ startUs: old.startUs });
  const { startUs = 0 } = (await now()) ?? {};
  // Documents from 1970 are now processed, without another delivery.
  const open = async () => JSON.stringify((await say('grant', '--list'))['requests']);
  await expect.poll(open, { timeout: 60_000 }).toContain(request);
  const asked = await say('agency', 'request');
  await expect
    .poll(() => grant(asked['request'], startUs + 1_500_000, startUs + 3_000_000), { timeout: 60_000 })
    .toMatchObject({ outcome: 'sent' });
}, 240_000);

it('keeps all of it over a restart', async () => {
  await up.stop();
  up = begin();
  await up.line('the testbed', ({ event }) => event === 'up', 180);
  const { coverage } = (await told()).ring;
  expect(coverage.filter((one) => hasYear(one, 1970))).toMatchObject([{ startUs: old.startUs }]);
}, 240_000);
