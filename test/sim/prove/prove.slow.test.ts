// `doorsill prove` as a user runs it: every claim is shown, with and without a network namespace; with a fault in a part of the testbed only the
// claims about it are false. A module planted by NODE_OPTIONS acts only in the part's process.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SystemClock } from '../../../device/base/clock.ts';
import { processesNaming, Running, runCommand, temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const RUN_MS_MAX = 240_000;
const folder = temporaryFolder('prove');
let server: Server;
let port = 0;
beforeAll(async () => {
  server = createServer((socket) => void socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  port = typeof address === 'object' && address ? address.port : 0;
});
afterAll(() => {
  server.close();
  folder.dispose();
});

const claimSchema = z.looseObject({
  event: z.literal('claim'),
  id: z.string(),
  verdict: z.string(),
  checks: z.array(z.object({ what: z.string(), seen: z.string(), holds: z.boolean() })),
});
const provedSchema = z.looseObject({ event: z.literal('proved'), durationMs: z.number(), file: z.string() });

/** Runs it; `plant`: a module's text that runs in every process of the testbed. */
async function prove(words: readonly string[], plant?: string) {
  const out = join(folder.path, 'proof.html');
  const module = join(folder.path, 'plant.mjs');
  if (plant !== undefined) writeFileSync(module, plant);
  const environment = {
    TMPDIR: folder.path,
    ...(plant === undefined ? {} : { NODE_OPTIONS: `--import ${module}` }),
  };
  const seconds = RUN_MS_MAX / 1_000;
  const ran = await runCommand(['prove', '--json', '--out', out, ...words], { environment, seconds });
  const claims = ran.lines.flatMap((line) => claimSchema.safeParse(line).data ?? []);
  const not = claims.filter(({ verdict }) => verdict !== 'shown');
  const why = not.map(
    ({ id, checks }) => `${id}: ${checks.flatMap((one) => (one.holds ? [] : [`${one.what}: ${one.seen}`])).join('; ')}`,
  );
  return { ...ran, claims, not: not.map(({ id }) => id), why, page: readFileSync(out, 'utf8') };
}

/** In the doorbell's process, a connection to nobody, or to a port of this machine, once it has been there for a while. */
const CONNECTS = (where: string) => `
import { connect } from 'node:net';
if (process.argv.includes('device')) setTimeout(() => connect(${where}).on('error', () => undefined), 1500).unref();`;

/** In the vault's process, one bit of each stored clip is flipped. */
const TAMPERS = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { rename, readFile, writeFile } = fs.promises;
fs.promises.rename = async (from, to) => {
  if (to.includes('/blobs/')) {
    const clip = await readFile(from + '/clip.mp4');
    clip[clip.length >> 1] ^= 1;
    await writeFile(from + '/clip.mp4', clip);
  }
  return rename(from, to);
};
if (process.argv.includes('vault')) syncBuiltinESMExports();`;

describe('doorsill prove', { timeout: RUN_MS_MAX }, () => {
  it('shows every claim, every packet captured', { tags: ['namespaces', 'root'] }, async (test) => {
    const { claims, not, why, status, last, page } = await prove([]);
    expect({ not, why }).toEqual({ not: [], why: [] });
    expect(claims).toHaveLength(10);
    expect(status).toBe(0);
    expect(page).toContain('All 10 claims were shown');
    expect(JSON.stringify(claims[0])).toContain('counted by the kernel');
    const { durationMs } = provedSchema.parse(last);
    proved(
      test,
      'Claims that `doorsill prove` shows on this machine, and how long it takes',
      `10 in ${Math.round(durationMs / 1_000)} s`,
    );
  });

  it('shows every claim by the sockets of the doorbell’s processes, and reports what could be missed', async () => {
    const { not, why, status, claims } = await prove(['--no-namespace']);
    expect({ not, why }).toEqual({ not: [], why: [] });
    expect(status).toBe(0);
    expect(JSON.stringify(claims[0])).toContain('could have been missed');
  });

  it('leaves nothing, even with a second Ctrl-C while it cleans up', { tags: ['namespaces', 'root'] }, async () => {
    const own = temporaryFolder('stopped');
    const running = new Running(['prove', '--out', join(own.path, 'proof.html')], { TMPDIR: own.path });
    const namespaces = () => execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' });
    const mark = `-${running.child.pid}-`;
    // By then parts of the testbed run, and the namespace is there.
    await expect.poll(() => processesNaming(own.path).length, { timeout: 60_000 }).toBeGreaterThan(4);
    expect(namespaces()).toContain(mark);
    for (const message of ['', 'are being removed']) {
      running.child.kill('SIGINT');
      await expect.poll(() => running.stderr, { timeout: 20_000 }).toContain(message);
      await new SystemClock().sleep(50);
    }
    expect(await running.ended(60)).toBe(130);
    expect(namespaces()).not.toContain(mark);
    expect([readdirSync(own.path), processesNaming(own.path)]).toEqual([[], []]);
    own.dispose();
  });

  it('finds a doorbell that connects elsewhere, by its packets', { tags: ['namespaces', 'root'] }, async () => {
    const { not, why, status, page } = await prove([], CONNECTS("443, '203.0.113.9'"));
    expect(not).toEqual(['nothing-before-a-grant', 'exactly-the-granted']);
    expect(why.join('\n')).toContain('elsewhere: tcp 203.0.113.9:443');
    expect(status).toBe(1);
    expect(page).toContain('2 of 10 claims are FALSE');
  });

  it('finds a doorbell that connects elsewhere, by its sockets', async () => {
    const { not, why, status } = await prove(['--no-namespace'], CONNECTS(`${port}, '127.0.0.1'`));
    expect(not).toEqual(['nothing-before-a-grant', 'exactly-the-granted']);
    expect(why.join('\n')).toContain(`elsewhere: tcp 127.0.0.1:${port}`);
    expect(status).toBe(1);
  });

  it('finds a vault that changes stored clips', async () => {
    const { not, why, status } = await prove(['--no-namespace'], TAMPERS);
    expect(not).toEqual(expect.arrayContaining(['exactly-the-granted', 'verified-offline']));
    expect(not).not.toContain('revocation-wins');
    expect(why.join('\n')).toContain('the encrypted file is not the one that its document names');
    expect(status).toBe(1);
  });
});
