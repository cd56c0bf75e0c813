// The command line of an agency, its officers and the operators, against a whole testbed: applying, resolving, partners, evidence, policy,
// key rotation.
import { cpSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evidenceId } from '../../../sim/officer/evidence-client.ts';
import { callCommand } from '../../support/call-command.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { RunningTestbed } from '../../support/running-testbed.ts';

const folder = temporaryFolder('agency-verbs');
const WHO = ['--officer', 'Det. Ünal, badge 7', '--reason', 'case SPD-2026-0117'];

describe('a testbed’s command line', { tags: ['long'] }, () => {
  const testbed = new RunningTestbed('synthetic?size=320x180');
  beforeAll(() => testbed.start(), 120_000);
  afterAll(async () => {
    await testbed.stop();
    testbed.dispose();
    folder.dispose();
  });

  /** Every line that a verb prints with --json, or its error. */
  async function lines(...words: string[]): Promise<Record<string, unknown>[]> {
    const { status, lines: printed, stderr } = await callCommand([...words, '--data', testbed.data, '--json']);
    return status === 0 ? printed : [{ ...JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error, status }];
  }
  const say = async (...words: string[]) => (await lines(...words)).at(-1) ?? {};

  it('agency apply and status: one waits for a moderator, who sees the reason and admits it; a federal one is refused', async () => {
    const own = ['--agency', join(folder.path, 'shelbyville')];
    const facts = [
      '--jurisdiction',
      'municipal',
      '--contact',
      'Records Desk',
      '--email',
      'desk@shelbyville.example',
      '--phone',
      '555-0100',
      '--profiles',
      'nothing',
      '--categories',
      'uncategorized,theft',
      '--sealing',
      'recipient',
    ];
    const apply = (name: string, domain: string) =>
      say('agency', 'apply', ...own, '--name', name, '--domain', domain, ...facts);
    expect(await say('agency', 'status', ...own)).toMatchObject({ code: 'usage', status: 2 });
    expect(await apply('NCIS Shelbyville', 'shelbyville.example')).toMatchObject({ code: 'agency_federal', status: 3 });
    const applied = await apply('Shelbyville Police', 'shelbyville.example');
    const waits = 'shelbyville.example is not on the list of local governments’ domains';
    const id = String(applied['agency']);
    expect(applied).toMatchObject({ state: 'pending', waits, proof: `doorsill-agency=${id}` });
    expect(await say('agency', 'status', ...own)).toMatchObject({ agency: id, state: 'pending' });
    const { agencies } = await say('bridge', 'moderate');
    expect(agencies).toContainEqual(expect.objectContaining({ agency: id, state: 'pending', waits }));
    expect(await say('bridge', 'moderate', 'approve', id)).toMatchObject({ code: 'agency_domain_unproven' });
    expect(await say('bridge', 'moderate', 'approve', id, '--vouch')).toMatchObject({ id, state: 'approved' });
    expect(await say('agency', 'status', ...own)).toMatchObject({
      state: 'approved',
      credential: { name: 'Shelbyville Police', profiles: ['nothing'], sealing: applied['sealing'] },
    });
    expect(applied['sealing']).toMatchObject({ keeper: 'recipient' });
    const ask = ['--investigation', 'SH-1', '--profile', 'nothing', '--category', 'uncategorized', '--contact', 'Desk'];
    expect(await say('agency', 'request', ...own, ...ask, '--email', 'desk@shelbyville.example')).toMatchObject({
      state: 'published',
    });
  }, 120_000);

  it('agency rotate --sealing: new clips get another key, and what losing it costs is said before', async () => {
    const own = ['--agency', join(folder.path, 'shelbyville')];
    const before = Object(await say('agency', 'status', ...own)).credential;
    const { stderr, stdout } = await callCommand(['agency', 'rotate', '--sealing', ...own, '--data', testbed.data]);
    expect(stderr).toContain('without it nobody can open the clips');
    const after = Object(await say('agency', 'status', ...own)).credential;
    expect(after).toMatchObject({ sealing: { keeper: 'recipient' }, name: before.name });
    expect(after.sealing.key).not.toBe(before.sealing.key);
    expect(stdout).toContain(after.sealing.key);
    const status = () => callCommand(['agency', 'status', ...own, '--data', testbed.data]);
    expect((await status()).stdout).toContain('clips are  encrypted: only the key in its own sealing.keys opens them');
    renameSync(join(folder.path, 'shelbyville', 'sealing.keys'), join(folder.path, 'kept.keys'));
    expect((await status()).stdout).toContain('nobody can open new clips');
    renameSync(join(folder.path, 'kept.keys'), join(folder.path, 'shelbyville', 'sealing.keys'));
    expect(await say('agency', 'rotate', '--sealing')).toMatchObject({ code: 'usage', status: 2 });
    expect(await say('agency', 'apply', ...own, '--name', 'a', '--sealing', 'none')).toMatchObject({ code: 'usage' });
  }, 120_000);

  it('agency request see, withdraw and resolve: an agency ends only its own request', async () => {
    const { request } = await say('agency', 'request', '--investigation', 'SPD-VERBS');
    const id = String(request);
    expect(await say('agency', 'request', 'see', id)).toMatchObject({ request: id, state: 'published' });
    const stranger = ['--agency', join(folder.path, 'shelbyville')];
    expect(await say('agency', 'request', 'resolve', id, ...stranger)).toMatchObject({ code: 'request_not_live' });
    expect(await say('agency', 'request', 'resolve', id)).toMatchObject({ request: id, state: 'resolved' });
    expect(await say('agency', 'request', 'withdraw', id)).toMatchObject({ code: expect.stringMatching(/^request_/) });
    expect(await say('agency', 'request', 'end', id)).toMatchObject({ code: 'usage' });
  }, 120_000);

  it('bridge partner add, list, renew, suspend, resume and end: ending needs a confirmation and is final', async () => {
    expect(await say('bridge', 'partner', 'add', 'plate-watch', '--name', 'Plate Watch')).toMatchObject({
      status: 'active',
      token: expect.stringMatching(/^.{43}$/),
    });
    expect((await say('bridge', 'partner', 'renew', 'plate-watch'))['webhookSecret']).toEqual(expect.any(String));
    expect(await say('bridge', 'partner', 'suspend', 'plate-watch')).toMatchObject({ status: 'suspended' });
    expect(await say('bridge', 'partner', 'resume', 'plate-watch')).toMatchObject({ status: 'active' });
    expect(await say('bridge', 'partner', 'end', 'plate-watch')).toMatchObject({ code: 'usage', status: 2 });
    expect(await say('bridge', 'partner', 'end', 'plate-watch', '--yes')).toMatchObject({
      status: 'ended',
      cancelled: 0,
    });
    expect(await say('bridge', 'partner', 'resume', 'plate-watch')).toMatchObject({ code: 'partner_ended' });
    const { partners } = await say('bridge', 'partner', 'list');
    const named = Object(partners).map((one: { partner: string; status: string }) => `${one.partner} ${one.status}`);
    expect(named.sort()).toEqual(['flock-safety ended', 'plate-watch ended']);
  }, 120_000);

  describe('about a granted clip', () => {
    let item: string;
    beforeAll(async () => {
      const window = await testbed.footage(2_000_000);
      const grant = testbed.grant(await testbed.ask(), window);
      const sent = await grant.sent;
      await testbed.verify(grant, sent);
      item = evidenceId(testbed.parts.bridge.id, sent.clip?.id ?? '');
    }, 120_000);
    const evidence = (verb: string, ...words: string[]) => say('agency', 'evidence', verb, ...words, ...WHO);

    it('agency evidence shows nothing without a name and a reason', async () => {
      for (const words of [['list'], ['show', item], ['trail'], ['link', item]]) {
        const refused = await say('agency', 'evidence', ...words, '--officer', 'Det. Ünal');
        expect(refused).toMatchObject({ code: 'usage', message: expect.stringContaining('--reason TEXT') });
      }
      const first = (await lines('agency', 'evidence', 'trail', ...WHO)).map(({ event }) => event);
      expect(first.filter((event) => event === 'viewed' || event === 'listed')).toEqual([]);
    }, 120_000);

    it('agency evidence list, show, triage, category, case, class, link, delete, restore and trail', async () => {
      await expect.poll(async () => (await evidence('list'))['item'], { timeout: 30_000 }).toBe(item);
      expect(await evidence('list', '--triage', 'declined')).toEqual({});
      expect(await evidence('show', item)).toMatchObject({ item, state: 'active', triage: 'pending' });
      expect(await evidence('triage', item, 'accept')).toMatchObject({ triage: 'accepted' });
      expect(await evidence('triage', item, 'maybe')).toMatchObject({ code: 'usage' });
      expect(await evidence('category', item, 'robbery', 'package-theft')).toMatchObject({
        categories: expect.arrayContaining(['package-theft', 'robbery']),
      });
      expect(await evidence('case', item, 'SPD-2026-0117')).toMatchObject({ cases: ['SPD-2026-0117'] });
      expect(await evidence('delete', item)).toMatchObject({ code: 'evidence_state' });
      expect(await evidence('case', item, 'SPD-2026-0117', '--remove')).toMatchObject({ cases: [] });
      expect(await evidence('case', item, '..', '--remove')).toMatchObject({ code: 'usage', status: 2 });
      expect(await evidence('show', item)).toMatchObject({ state: 'active' });
      expect(await evidence('class', item, 'restricted')).toMatchObject({ accessClass: 'restricted' });
      const { url } = await evidence('link', item);
      const clip = await fetch(String(url));
      expect([clip.status, clip.headers.get('content-type')]).toEqual([200, 'video/mp4']);
      expect((await clip.arrayBuffer()).byteLength).toBeGreaterThan(1_000);
      expect(await evidence('delete', item)).toMatchObject({ state: 'deleted', erasesS: expect.any(Number) });
      expect(await evidence('restore', item)).toMatchObject({ state: 'active', erasesS: null });
      const trail = await lines('agency', 'evidence', 'trail', item, ...WHO);
      const done = trail.map(({ event }) => event);
      for (const event of ['viewed', 'triaged', 'case-added', 'class-changed', 'link-made', 'link-used', 'restored']) {
        expect(done).toContain(event);
      }
      expect(trail[0]).toMatchObject({ officer: 'Det. Ünal, badge 7', reason: 'case SPD-2026-0117' });
    }, 180_000);

    it('agency evidence download writes the clip and its statement, which verify', async () => {
      const out = join(folder.path, 'case');
      const saved = await evidence('download', item, '--out', out);
      expect(saved).toMatchObject({ item, clip: join(out, `${item}.mp4`), contents: null });
      expect(await say('verify', String(saved['clip']), String(saved['statement']))).toMatchObject({ ok: true });
      expect(await evidence('download', 'item-none', '--out', out)).toMatchObject({ code: 'evidence_unknown' });
    }, 120_000);

    it('vault recall-policy and category: the answer to owners, and the retention of evidence', async () => {
      const policy = (...words: string[]) => say('vault', ...words, ...WHO);
      expect(await policy('recall-policy')).toMatchObject({ recall: { answer: 'erase', reason: null } });
      expect(await policy('recall-policy', 'keep')).toMatchObject({ code: 'usage' });
      expect(await policy('recall-policy', 'keep', '--because', 'Evidence in a trial.')).toMatchObject({
        recall: { answer: 'keep', reason: 'Evidence in a trial.' },
      });
      expect(await say('vault', 'recall-policy', 'erase')).toMatchObject({ code: 'usage' });
      expect(await policy('category', 'robbery', '--days', '30')).toMatchObject({ categories: { robbery: 30 } });
      expect(await policy('category', 'robbery', '--forever')).toMatchObject({ categories: { robbery: null } });
      expect(await policy('category')).toMatchObject({ categories: { robbery: null, uncategorized: null } });
      expect(Object((await policy('category', 'robbery', '--remove'))['categories'])).not.toHaveProperty('robbery');
      expect(await policy('category', 'robbery', '--days', '0')).toMatchObject({ code: 'usage' });
    }, 120_000);

    it('agency rotate: the new key opens the agency’s evidence, the old one nothing', async () => {
      const { request } = await say('agency', 'request', '--investigation', 'SPD-BEFORE');
      const before = await say('agency', 'status');
      const former = ['--agency', join(folder.path, 'former')];
      cpSync(join(testbed.data, 'agency'), join(folder.path, 'former'), { recursive: true });
      const rotated = await say('agency', 'rotate');
      expect(rotated).toMatchObject({
        from: before['agency'],
        agency: expect.not.stringContaining(String(before['agency'])),
      });
      expect(await say('agency', 'status')).toMatchObject({
        agency: rotated['agency'],
        state: 'approved',
        credential: { organisation: before['agency'] },
      });
      expect(await evidence('show', item)).toMatchObject({ item, state: 'active' });
      expect(await say('agency', 'request', '--investigation', 'SPD-AFTER')).toMatchObject({ state: 'published' });
      expect(await say('agency', 'status', ...former)).toMatchObject({ state: 'retired' });
      expect(await evidence('show', item, ...former)).toMatchObject({ code: 'vault_client_invalid' });
      await expect
        .poll(async () => (await say('agency', 'request', 'see', String(request), ...former))['code'], {
          timeout: 30_000,
        })
        .toMatch(/^agency_(key_rotated|revoked)$/);
      expect(await say('agency', 'rotate', ...former)).toMatchObject({ code: 'agency_key_rotated' });
      expect(await evidence('show', item)).toMatchObject({ item });
    }, 180_000);
  });
});
