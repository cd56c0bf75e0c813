// The previewed bytes are the uploaded bytes: a preview from the doorbell's own server, granted by its hash, equals the clip in the vault;
// once it has ended by privacy, forgetting or a killed doorbell, nothing is uploaded instead.
import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evidenceId } from '../../../sim/officer/evidence-client.ts';
import { callCommand } from '../../support/call-command.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { RunningTestbed } from '../../support/running-testbed.ts';

const folder = temporaryFolder('preview');
const sha256Of = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const iso = (atUs: number) =>
  `${new Date(Math.floor(atUs / 1e6) * 1e3).toISOString().slice(0, 19)}.${String(atUs % 1_000_000).padStart(6, '0')}Z`;

describe('a preview', { tags: ['long'] }, () => {
  const testbed = new RunningTestbed('synthetic?size=320x180');
  beforeAll(async () => {
    await testbed.start();
    await testbed.configure({ console: { listen: 'this-machine', port: 0 } });
  }, 120_000);
  afterAll(async () => {
    await testbed.stop();
    testbed.dispose();
    folder.dispose();
  });

  async function say(...words: string[]): Promise<Record<string, unknown>> {
    const { status, last, stderr } = await callCommand([...words, '--data', testbed.data, '--json']);
    if (status === 0) return last as Record<string, unknown>;
    return { ...JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error, status };
  }

  /** A request and a part of its window with footage; the arguments that name both. */
  async function asked(): Promise<{ request: string; span: string[] }> {
    const window = await testbed.footage(2_000_000);
    const notice = await testbed.ask();
    return { request: notice.request.jti, span: ['--from', iso(window.startUs), '--to', iso(window.endUs)] };
  }

  it('equals the clip that its grant puts into the vault', async () => {
    const { request, span } = await asked();
    const file = join(folder.path, 'look.mp4');
    writeFileSync(file, 'theirs');
    chmodSync(file, 0o666);
    const taken = await say('grant', request, ...span, '--preview', file);
    expect([taken, readFileSync(file, 'utf8')]).toMatchObject([{ code: 'output_taken', status: 2 }, 'theirs']);
    rmSync(file);
    const preview = await say('grant', request, ...span, '--preview', file);
    expect(preview, JSON.stringify(preview)).toMatchObject({ request, file, sha256: sha256Of(file) });
    const nothing = await say('grant', request, ...span, '--clip', 'f'.repeat(64));
    expect(nothing).toMatchObject({ code: 'preview_changed', status: 3 });
    const granted = await say('grant', request, ...span, '--clip', String(preview['sha256']));
    expect(granted).toMatchObject({ outcome: 'sent', clip: { sealed: { clipSha256: preview['sha256'] } } });
    const clip = (granted['clip'] as { id: string }).id;
    const item = evidenceId(testbed.parts.bridge.id, clip);
    const who = ['--officer', 'Det. Ünal, badge 7', '--reason', 'case SPD-2026-0117'];
    let link: unknown;
    await expect
      .poll(
        async () => {
          link = (await say('agency', 'evidence', 'link', item, ...who))['url'];
          return link;
        },
        { timeout: 30_000, interval: 500 },
      )
      .toEqual(expect.any(String));
    const inVault = createHash('sha256').update(Buffer.from(await (await fetch(String(link))).arrayBuffer()));
    expect(inVault.digest('hex')).toBe(preview['sha256']);
  }, 120_000);

  it('settings viewer add, list and remove: the token is shown once, and its time is in seconds', async () => {
    const added = await say('settings', 'viewer', 'add', 'kitchen tablet', '--rights', 'live', '--for', '600');
    expect(added).toMatchObject({ rights: ['live'], token: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/) });
    expect(Math.abs(Number(added['expiresS']) - Date.now() / 1_000 - 600)).toBeLessThan(30);
    const { token: _secret, outcome: _outcome, ...viewer } = added;
    expect((await say('settings', 'viewer', 'list'))['viewers']).toEqual([viewer]);
    const id = String(added['viewer']);
    expect(await say('settings', 'viewer', 'remove', 'viewer-none')).toMatchObject({
      ...{ code: 'viewer_unknown', status: 3, message: expect.stringContaining(`${id} (kitchen tablet)`) },
    });
    expect(await say('settings', 'viewer', 'remove', id)).toMatchObject({ outcome: 'removed' });
    expect(await say('settings', 'viewer', 'remove', id)).toMatchObject({
      code: 'viewer_unknown',
      facts: { choices: 'none' },
    });
    expect((await say('settings', 'viewer', 'list'))['viewers']).toEqual([]);
    expect(await say('settings', 'viewer', 'add', 'x', '--rights', 'everything')).toMatchObject({
      code: 'usage',
      status: 2,
    });
  }, 60_000);

  it.each([
    [
      'privacy',
      () => testbed.command({ action: 'privacy', on: true }),
      () => testbed.command({ action: 'privacy', on: false }),
    ],
    [
      'forgetting other footage',
      () => testbed.command({ action: 'forget', window: { startUs: 1, endUs: 2 } }),
      async () => {},
    ],
    [
      'a killed doorbell',
      async () => testbed.restarted('doorbell', await testbed.signal('doorbell', 'SIGKILL')),
      async () => {},
    ],
  ])(
    'is gone with %s, and nothing leaves in its place',
    async (_what, end, after) => {
      const { request, span } = await asked();
      const preview = await say('grant', request, ...span, '--preview', join(folder.path, 'gone.mp4'));
      expect(preview, JSON.stringify(preview)).toHaveProperty('sha256');
      await end();
      await after();
      const granted = await say('grant', request, ...span, '--clip', String(preview['sha256']));
      expect(granted).toMatchObject({ code: 'preview_changed', status: 3 });
      expect(await say('deny', request)).toMatchObject({ outcome: 'denied' });
    },
    120_000,
  );
});
