// @module-tag long
// @module-tag terminal
// The audit as its user runs it: the story, and the commands against a registry process.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { httpRegistryAdmin } from '../../../cloud-bridge/query-audit/registry-admin-client.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { agencyId, loadAgencyKey } from '../../../sim/officer/agency-client.ts';
import { DEMO_AGENCY, enterAgency } from '../../../sim/officer/registration.ts';
import { writeExport } from '../../../sim/query-export/query-export.ts';
import { root } from '../../layout/source-tree.ts';
import { Running, runCommand, runStory, temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const seams = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk() };
const readyLine = z.object({ url: z.string(), id: z.string(), key: z.string() });
const reportLine = z.object({
  flagged: z.number(),
  findings: z.array(z.object({ agency: z.string() })),
});

describe('story agency-audit', () => {
  it('revokes for one area at a real registry, a device complies, and it can be undone', async (test) => {
    const done = await runStory('agency-audit');
    expect(done.status, done.stderr).toBe(0);
    expect(done.left).toEqual([]);
    const audited = done.lines.find((line) => line['event'] === 'audited');
    expect(audited).toMatchObject({
      found: 32,
      scope: expect.stringMatching(/^area-/),
      refused: expect.stringMatching(/^consent_(agency_revoked|request_cancelled)$/),
      served: DEMO_AGENCY.name,
    });
    expect(done.lines.filter((line) => line['event'] === 'told')).toHaveLength(8);
    expect(done.last).toMatchObject({ event: 'proved', story: 'agency-audit', lines: 8 });
    proved(test, 'What a device says to a grant for an agency revoked by an audit', String(audited?.['refused']));
  }, 120_000);
});

describe('audit queries --apply', () => {
  const folder = temporaryFolder('audit-apply');
  const at = (name: string) => join(folder.path, name);
  let registry: Running;
  let place: { registryUrl: string; registry: string; folder: string };
  let desk: ReturnType<typeof httpRegistryAdmin>;
  /** Two that the audit proposes and one it does not, registered in other capitals. */
  let names: string[];
  let ids: string[];
  let access: string[];
  let report: z.infer<typeof reportLine>;
  let open: string[];

  const register = async (name: string, number: number) => {
    const key = await loadAgencyKey(seams, at(`agency-${number}`));
    const domain = `testbed-${number}.example`;
    const contact = { ...DEMO_AGENCY.contact, email: `a@${domain}` };
    await enterAgency(seams, place, key, { ...DEMO_AGENCY, name: name.toUpperCase(), domain, contact });
    return agencyId(key);
  };
  const statesOf = async () => {
    const all = await desk.agencies();
    return ids.map((id) => all.find(({ agency }) => agency === id)).map((one) => [one?.state, one?.except ?? []]);
  };
  const apply = (...words: string[]) =>
    runCommand(['audit', 'queries', at('export.csv'), '--apply', ...access, ...words, '--json']);

  beforeAll(async () => {
    registry = new Running(['bridge', 'registry', '--data', at('registry'), '--json']);
    const ready = readyLine.parse(await registry.line('the registry', (line) => line['event'] === 'ready'));
    place = { registryUrl: ready.url, registry: ready.id, folder: at('registry') };
    access = ['--registry', ready.url, '--admin-token', at('registry/admin.token'), '--registry-key', ready.key];
    const adminToken = readFileSync(at('registry/admin.token'), 'utf8').trim();
    desk = httpRegistryAdmin({ url: ready.url, adminToken });
    ({ open } = await writeExport({ seed: 3, agencies: 300, rows: 12_000 }, at('export.csv')));
    const files = ['--html', at('r.html'), '--flags', at('f.jsonl')];
    const read = await runCommand(['audit', 'queries', at('export.csv'), ...files, '--json']);
    report = reportLine.parse(read.last);
    const { findings } = report;
    names = findings.map(({ agency }) => agency).slice(-2);
    const honest = readFileSync(at('export.csv'), 'utf8').matchAll(/,([A-Z][a-z]+ [A-Z]{2} PD),/g);
    const suspected = new Set(findings.map(({ agency }) => agency));
    names.push([...honest].map(([, name]) => name ?? '').find((name) => !suspected.has(name)) ?? '');
    ids = [];
    for (const [number, name] of names.entries()) ids.push(await register(name, number));
  }, 90_000);

  afterAll(async () => {
    await registry.stop();
    folder.dispose();
  });

  it('writes a page, every flag with its line, and the figures', () => {
    expect(report.findings.filter(({ agency }) => !open.includes(agency))).toEqual([]);
    expect(readFileSync(at('r.html'), 'utf8')).toContain(names[0]);
    const lines = readFileSync(at('f.jsonl'), 'utf8').trim().split('\n');
    expect(lines).toHaveLength(report.flagged);
    const [first] = lines.map((line): unknown => JSON.parse(line));
    expect(first).toMatchObject({ line: expect.any(Number), matches: [{ why: expect.any(String) }] });
  });

  it('revokes nothing without a terminal or the exact number', async () => {
    for (const words of [[], ['--yes-revoke', '3']]) {
      const refused = await apply(...words);
      expect(refused.status).toBe(3);
      expect(refused.stderr).toContain('audit_unconfirmed');
    }
    expect((await statesOf()).map(([state]) => state)).toEqual(['approved', 'approved', 'approved']);
  }, 60_000);

  it('revokes the proposed agencies for the given scope after the number is typed at a terminal', async () => {
    const words = ['audit', 'queries', at('export.csv'), '--apply', '--scope', 'area-9yz', ...access];
    const typed = await atTerminal(words, '2');
    expect(typed.status, typed.text).toBe(0);
    expect(typed.text).toMatch(/Type the number of revocations \(2\)/);
    expect(typed.text).toContain('Revoked: 2.');
    const states = await statesOf();
    expect(states[2]).toEqual(['approved', []]);
    for (const [state, except] of states.slice(0, 2)) {
      // Completely, if misuse is a large share of its queries.
      expect(state === 'revoked' || JSON.stringify(except) === '["9yz"]').toBe(true);
    }
    expect((await desk.revoked()).map(({ agency }) => agency).sort()).toEqual(ids.slice(0, 2).sort());
  }, 60_000);

  it('revokes completely without a scope, and accepts other names from a file', async () => {
    writeFileSync(at('names.json'), JSON.stringify({ [names[0] ?? '']: ids[0] }));
    const done = await apply('--yes-revoke', '2', '--agency-names', at('names.json'));
    expect(done.status, done.stderr).toBe(0);
    expect(done.last).toMatchObject({ revoked: 2 });
    expect((await statesOf()).map(([state]) => state)).toEqual(['revoked', 'revoked', 'approved']);
  }, 60_000);

  it('reinstates by name, and reports an unknown name', async () => {
    const done = await runCommand(['audit', 'reinstate', names[0] ?? '', ...access, '--json']);
    expect(done.status, done.stderr).toBe(0);
    expect(done.last).toMatchObject({ agency: ids[0], state: 'approved' });
    const nobody = await runCommand(['audit', 'reinstate', 'Nobody PD', ...access, '--json']);
    expect([nobody.status, nobody.stderr]).toEqual([3, expect.stringContaining('audit_agency_unmatched')]);
  }, 60_000);

  it('is refused without the registry’s token, and accepts no list under another key', async () => {
    const url = place.registryUrl;
    const stranger = httpRegistryAdmin({ url, adminToken: 'x'.repeat(43) });
    await expect(stranger.revoke(ids[2] ?? '', null)).rejects.toMatchObject({ code: 'http_unauthorised' });
    const { publicKey } = await loadAgencyKey(seams, at('other'));
    const foreign = httpRegistryAdmin({ url, adminToken: '', key: publicKey });
    await expect(foreign.revoked()).rejects.toMatchObject({ code: 'token_unknown_signer' });
  });
});

/** Runs a command at its own terminal, and types `answer` at its prompt. */
function atTerminal(words: readonly string[], answer: string): Promise<{ status: number | null; text: string }> {
  const command = [process.execPath, join(root, 'sim/cli/doorsill.mjs'), ...words].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'pipe'] });
  return new Promise((resolve) => {
    let text = '';
    let isAnswered = false;
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (isAnswered || !text.includes('Type the number')) return;
      isAnswered = true;
      child.stdin.write(`${answer}\n`);
    });
    child.once('close', (status) => resolve({ status, text }));
  });
}
