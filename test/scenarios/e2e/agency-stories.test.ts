// @module-tag long
// The stories about agencies by their commands: their proofs, step by step, on real processes, without leftovers. Pending requests are
// decided on by the moderation command.
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Running, runCommand, runStory, temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const endSchema = z.object({ event: z.literal('proved'), proved: z.array(z.string()) });

describe.each([
  ['community-request', 12, ['request_limits', 'request_state']],
  [
    'partner-ended',
    11,
    [...Array<string>(4).fill('partner_ended'), 'consent_request_cancelled', 'partner_ended', 'partner_ended'],
  ],
  [
    'federal-refused',
    13,
    [
      ...Array<string>(5).fill('agency_federal'),
      'agency_unknown',
      'agency_pending',
      'agency_domain_unproven',
      'agency_refused',
    ],
  ],
])('story %s', (name, proofs, codes) => {
  it('prints each step with its proof', async (test) => {
    const done = await runStory(name);
    expect(done.status, done.stderr).toBe(0);
    expect(endSchema.parse(done.last).proved).toHaveLength(proofs);
    const told = done.lines.flatMap((line) => (typeof line['code'] === 'string' ? [line['code']] : []));
    expect(told.slice(0, codes.length)).toEqual(codes);
    expect(done.left).toEqual([]);
    proved(test, `what \`doorsill story ${name}\` shows on real processes`, `${proofs} proofs`);
  }, 90_000);
});

it('an unknown story is answered with the list of stories', async () => {
  const done = await runCommand(['story', 'constructor']);
  expect(done.status).toBe(2);
  expect(done.stderr).toMatch(/there are: leak, .*community-request, partner-ended, federal-refused/);
});

describe('bridge moderate', () => {
  const folder = temporaryFolder('moderate');
  let up: Running | null = null;
  afterEach(async () => {
    await up?.stop();
    folder.dispose();
  });

  it('lists pending decisions, and decides on requests and agencies', async () => {
    const data = ['--data', folder.path];
    const testbed = (verb: string, ...words: string[]) => runCommand([verb, ...words, ...data, '--json']);
    up = new Running(['up', '--no-ask', ...data, '--json']);
    await up.line('the testbed', (line) => line['event'] === 'up');
    const asked = await testbed('agency', 'request', '--text', 'Who was at the protest?');
    expect(asked.last).toMatchObject({ state: 'in_moderation', findings: [{ kind: 'lawful-activity' }] });
    const id = String(asked.last?.['request']);
    const listed = await testbed('bridge', 'moderate');
    expect(listed.last).toMatchObject({ requests: [{ request: id }], agencies: [{ state: 'approved' }] });
    const wrong = await testbed('bridge', 'moderate', 'refuse', id);
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('--reason')]);
    expect((await testbed('bridge', 'moderate', 'refuse', id, '--reason', 'It is lawful.')).last).toEqual({
      id,
      state: 'refused',
    });
    const agency = String(
      z.object({ agencies: z.array(z.object({ agency: z.string() })) }).parse(listed.last).agencies[0]?.agency,
    );
    expect((await testbed('bridge', 'moderate', 'suspend', agency, '--reason', 'is looked into')).last).toMatchObject({
      state: 'suspended',
    });
    // The bridge fetches the registry's list every two seconds.
    await expect
      .poll(async () => (await testbed('agency', 'request')).stderr, { timeout: 20_000, interval: 500 })
      .toMatch(/agency_(suspended|revoked)/);
  }, 90_000);
});
