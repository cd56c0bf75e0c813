// @module-tag long
// Pending requests are decided on by the moderation command.
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';

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
