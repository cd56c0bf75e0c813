// Every verb explains itself, and every mistake is one line with a code and what to do.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it, vi } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { makeProgram, refuseMisspelt } from '../../../device/cli/command-line.ts';
import { oneLine } from '../../../device/contract/outside-text.ts';
import { storeHome } from '../../../device/owner/paired-devices.ts';
import { shellWord } from '../../../device/terminal/shell-words.ts';
import { DOORSILL } from '../../../sim/cli/main.ts';
import { storeTestbedFile } from '../../../sim/testbed/testbed-folder.ts';
import { expectRunning } from '../../../sim/testbed/testbed-surroundings.ts';
import { root } from '../../layout/source-tree.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';

const under = ({ commands }: Command): Command[] => commands.flatMap((verb) => [verb, ...under(verb)]);

/** Where the top verbs of before are now. */
const MOVED = {
  ...{ load: 'fleet load', truth: 'replay truth', proof: 'left proof', witness: 'audit witness' },
  ...{ 'trust-clock': 'settings trust-clock', viewer: 'settings viewer' },
  ...{ request: 'agency request', evidence: 'agency evidence', webhook: 'agency webhook' },
  ...{ moderate: 'bridge moderate', moderators: 'bridge moderators', partner: 'bridge partner' },
  ...{ dispute: 'bridge dispute', registry: 'bridge registry', broker: 'bridge broker', deploy: 'bridge deploy' },
};

describe('the command line', () => {
  it('has the promised verbs, each with a description and an example', async () => {
    const program = await makeProgram(DOORSILL);
    const names = program.commands.map((command) => command.name());
    expect(names).toHaveLength(28);
    for (const verb of [
      'up',
      'demo',
      'ring',
      'grant',
      'deny',
      'revoke',
      'pair',
      'verify',
      'left',
      'audit',
      'doctor',
      'prove',
    ]) {
      expect(names).toContain(verb);
    }
    for (const command of under(program)) {
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      expect(help, command.name()).toMatch(/Examples?:\n +\$ (sudo )?doorsill/);
      expect(command.description(), command.name()).not.toBe('');
      // One default at most for each option, and none that says nothing.
      expect(help, command.name()).not.toMatch(/\(default: (\[\]|"|[^)]*\) \(default)/);
    }
  });

  it('explains itself in lines of 80 letters where nobody tells how wide the terminal is', async () => {
    const program = await makeProgram(DOORSILL);
    process.argv[1] = join(root, 'sim/cli/doorsill.mjs');
    let help = '';
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      help += String(text);
      return true;
    });
    try {
      for (const command of [program, ...under(program)]) command.outputHelp();
    } finally {
      write.mockRestore();
    }
    expect(help.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('is in the README, verb by verb', async () => {
    const [, table = ''] = readFileSync(join(root, 'README.md'), 'utf8').split('| Verb | What it does |');
    const [rows = ''] = table.split('\n\n');
    const named = new Set(rows.split('\n').flatMap((row) => row.split(' | ')[0]?.match(/`[a-z-]+/g) ?? []));
    const verbs = (await makeProgram(DOORSILL)).commands.map((command) => command.name());
    expect(verbs.filter((verb) => !named.has(`\`${verb}`))).toEqual([]);
  });

  it('says where to begin, and what each exit status means', async () => {
    let help = '';
    (await makeProgram(DOORSILL)).configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    expect(help).toMatch(/To begin:\n +\$ doorsill up/);
    for (const status of [0, 1, 2, 3, 4, 5, 6, 130]) expect(help).toMatch(new RegExp(`\\b${status} \\w`));
  });

  const mistakes: [string[], string, number][] = [
    [['unknown'], 'usage', 2],
    [['grant'], 'usage', 2],
    [['grant', 'request-1', '--list'], 'usage', 2],
    [['grant', '--list', '--data', '{folder}'], 'not_running', 4],
    [['up', '--nonsense'], 'usage', 2],
    [['help', 'nonsense'], 'usage', 2],
    [['watch', '--log', 'loud'], 'usage', 2],
    [['pair', '--name', 'x'.repeat(61)], 'usage', 2],
    [['up', '--data', '/dev/null'], 'file_unusable', 5],
    [['watch', '--owner', '{folder}'], 'usage', 2],
    [['story', 'other'], 'usage', 2],
    [['audit'], 'usage', 2],
    [['bridge', 'broker', '--data', '{folder}', '--host', '192.0.2.1'], 'address_unusable', 5],
    [['audit', 'queries', '/dev/null'], 'query_export_invalid', 6],
    [['audit', 'reinstate', 'Nobody', '--registry', 'ftp://x', '--admin-token', '/dev/null'], 'usage', 2],
    [['verify', '/no/such.mp4', '/no/such.jws'], 'usage', 2],
    [['device', '--data', '{folder}', '--camera', 'webcam:1'], 'camera_unsupported', 2],
    [['device', '--data', '{folder}', '--camera', ''], 'camera_unsupported', 2],
    [['bridge', 'broker', '--data', '{folder}', '--port', '99999'], 'usage', 2],
    [['bridge', 'broker', '--data', '{folder}', '--connections', '0'], 'usage', 2],
    [['bridge', 'broker', 'acl', '--for', 'rabbitmq', '--data', '{folder}'], 'usage', 2],
    [['ring', '--data', '{folder}'], 'not_running', 4],
    [['agency', 'request', '--data', '{folder}'], 'not_running', 4],
    [['grant', 'request-1', '--data', '{folder}'], 'not_running', 4],
    [['left', '--device-data', '{folder}'], 'unreachable', 4],
    [['prove', '--out', '{folder}'], 'usage', 2],
    [['prove', '--out', '/no/such/folder/proof.html'], 'file_unusable', 5],
  ];
  it.each(mistakes)('answers %j on one line with the code %s and exit status %i', async (words, code, status) => {
    const folder = temporaryFolder('mistake');
    try {
      const args = words.map((word) => word.replace('{folder}', folder.path));
      const plain = await runCommand(args);
      expect(plain.stderr.trim().split('\n')).toHaveLength(1);
      expect(plain.stderr).toMatch(/^doorsill: .*[.!?] [A-Z].*[.!?] \[/);
      expect(plain.stderr).toContain(`[${code}]`);
      expect(plain.status).toBe(status);
    } finally {
      folder.dispose();
    }
  });

  it.each([
    [['grant', '--json'], 'usage'],
    [['verify', '/no/such.mp4', '/no/such.jws', '--json'], 'usage'],
    [['ring', '--data', '/no/such/folder', '--json'], 'not_running'],
  ])('answers %j with its code as JSON', async (words, code) => {
    expect(JSON.parse((await runCommand(words)).stderr)).toMatchObject({ error: { code } });
  });

  it.each([
    [['pair', '--show', '--confirm', '123456']],
    [['pair', '--list', '--show']],
    [['grant', 'request-1', '--preview', 'look.mp4', '--clip', 'f'.repeat(64)]],
  ])('takes no two options that contradict each other: %j', async (words) => {
    const ran = (await makeProgram(DOORSILL, words)).parseAsync(['node', 'doorsill', ...words]);
    await expect(ran).rejects.toThrow(/cannot be used with option/);
  });

  it('names what a verb takes that does nothing by itself', async () => {
    expect((await runCommand(['agency', 'evidence', 'see'])).stderr).toContain(
      'there is no "agency evidence see"; say what to do: agency evidence list, ',
    );
    const { stderr } = await runCommand(['replay', 'truth']);
    expect(stderr).toContain('say what to do: replay truth convert, replay truth check.');
  });

  it('names the verb that a word stands for elsewhere, and the one that runs more doorbells', async () => {
    const scenario = await runCommand(['--log', 'info', 'scenario', 'porch.yaml']);
    expect(scenario).toMatchObject({ status: 2, stderr: expect.stringContaining('(did you mean "test"?). ') });
    const twenty = ['node', 'doorsill', 'up', '--doorbells', '20', '--data', '/no/such/testbed'];
    await expect((await makeProgram(DOORSILL, ['up'])).parseAsync(twenty)).rejects.toThrow(
      'not "20"; `doorsill fleet` runs',
    );
  });

  it.each(Object.entries(MOVED))('tells for the former verb %s that it is %s', async (former, now) => {
    const program = await makeProgram(DOORSILL, [former]);
    expect(() => refuseMisspelt(DOORSILL, program, [former, '--help'])).toThrow(
      `there is no verb "${former}" (did you mean "${now}"?)`,
    );
    const words = now.split(' ');
    const [noun, ...others] = under(await makeProgram(DOORSILL, words));
    // No other verb under the noun is loaded for it.
    expect(`${noun?.name()} ${others[0]?.name()}`).toBe(now);
    expect(noun?.commands).toHaveLength(1);
  });

  it('names the doorbells of a testbed for the former verb doorbell', async () => {
    const { stderr } = await runCommand(['doorbell', 'list']);
    expect(stderr).toContain('(did you mean "up add", "up list" or "up remove"?)');
  });

  it('loads all verbs under a noun where none is named, and tells each', async () => {
    for (const words of [['agency', '--help'], ['agency', 'evidenc'], ['agency']]) {
      const [agency] = (await makeProgram(DOORSILL, words)).commands;
      const names = agency?.commands.map((verb) => verb.name());
      expect(names).toEqual(['apply', 'status', 'rotate', 'request', 'evidence', 'webhook']);
    }
    const { stderr } = await runCommand(['settings']);
    expect(stderr).toContain('settings remove-owner, settings viewer, settings trust-clock.');
  });

  it('tells a verb that is misspelt, unless it is the name of a file', async () => {
    const words = ['camera', 'faul', '--control', 'porch.sock', 'frozen'];
    const { stderr, status } = await runCommand(words);
    expect(stderr).toContain('there is no "camera faul" (did you mean "camera fault"?). ');
    expect(status).toBe(2);
    const program = await makeProgram(DOORSILL, ['camera']);
    const folder = temporaryFolder('misspelt');
    writeFileSync(join(folder.path, 'faul'), '');
    process.chdir(folder.path);
    expect(() => refuseMisspelt(DOORSILL, program, words)).not.toThrow();
    process.chdir(root);
    folder.dispose();
    expect(() => refuseMisspelt(DOORSILL, program, words)).toThrow('did you mean');
    const inner = ['bridge', '--json', 'broker', 'alc'];
    const broker = await makeProgram(DOORSILL, inner);
    expect(() => refuseMisspelt(DOORSILL, broker, inner)).toThrow(
      'no "bridge broker alc" (did you mean "bridge broker acl"?)',
    );
    for (const known of ['fault', 'faults', 'help', 'synthetic', '--serve', 'porch.mp4'])
      expect(() => refuseMisspelt(DOORSILL, program, ['--log', 'info', 'camera', known])).not.toThrow();
  });

  it('says at once that a testbed is not running, instead of waiting for its broker', async () => {
    const folder = temporaryFolder('stopped');
    try {
      const disk = new SystemDisk();
      await storeTestbedFile(disk, folder.path, {
        kind: 'doorsill-up',
        format: 1,
        ports: { broker: 1, registry: 1, bridge: 1, vault: 1 },
        bridge: { id: 'bridge-1', url: 'http://127.0.0.1:1' },
      });
      await expect(expectRunning(disk, folder.path)).rejects.toMatchObject({ code: 'not_running' });
      const { stderr } = await runCommand(['agency', 'request', '--data', folder.path]);
      expect(stderr).toContain('[not_running]');
      await storeHome(disk, join(folder.path, 'owner'), {
        ...{ device: 'device-1', deviceKey: 'A'.repeat(43), name: 'Porch', trust: null },
        account: { url: 'mqtt://127.0.0.1:9', user: 'owner-1', password: 'x', prefix: 'doorsill/v1' },
      });
      const shown = (await makeProgram(DOORSILL, ['settings'])).parseAsync([
        'node',
        'doorsill',
        'settings',
        'show',
        '--data',
        folder.path,
      ]);
      await expect(shown).rejects.toMatchObject({ code: 'not_running' });
    } finally {
      folder.dispose();
    }
  });

  it('says that a fleet’s owners answer by themselves', async () => {
    const folder = temporaryFolder('town');
    await storeTestbedFile(new SystemDisk(), folder.path, {
      ...{ kind: 'doorsill-fleet', format: 1 },
      ports: { broker: 1, registry: 1, bridge: 1, vault: 1 },
    });
    const grant = (await makeProgram(DOORSILL, ['grant'])).parseAsync([
      'node',
      'doorsill',
      'grant',
      'r',
      '--data',
      folder.path,
    ]);
    await expect(grant).rejects.toThrow('is a fleet’s, whose owners answer by themselves');
    folder.dispose();
  });

  it.each([[['left']], [['settings', 'viewer', 'list']], [['up', 'list']]])(
    'says that nothing runs, and not that a socket is missing: %j',
    async (words) => {
      const folder = temporaryFolder('nothing');
      const ran = (await makeProgram(DOORSILL, words)).parseAsync([
        'node',
        'doorsill',
        ...words,
        '--data',
        folder.path,
      ]);
      await expect(ran).rejects.toMatchObject({ code: 'not_running' });
      folder.dispose();
    },
  );

  it.each([
    [['settings', 'remove-owner', 'nobody'], '"nobody" is not a key'],
    [['settings', 'viewer', 'remove', 'kitchen tablet'], '"kitchen tablet" is not a viewer'],
    [['ring', '--button', 'the front'], '"the front" is not a button'],
    [['forget', '--all', '--from', '10:00:00'], 'or --all: destroyed'],
    [['forget', '--to', '10:00:00'], 'name either --from and --to'],
    [
      ['settings', 'set', '--retention', '600', '--reset', 'ring.retentionS'],
      'ring.retentionS is set and named by --reset',
    ],
    [['settings', 'set', '--sensitivity', '500'], 'motion.sensitivity: it takes a whole number from 1 to 100, not 500'],
  ])('sends no order that a device would not answer: %j', async (words, detail) => {
    const ran = (await makeProgram(DOORSILL, words)).parseAsync([
      'node',
      'doorsill',
      ...words,
      '--data',
      '/no/such/testbed',
    ]);
    await expect(ran).rejects.toThrow(detail);
    await expect(ran).rejects.toMatchObject({ code: 'usage' });
  });

  it('takes the folder of one doorbell where a testbed’s is meant, and keeps no owner’s key in it', async () => {
    const folder = temporaryFolder('porch');
    writeFileSync(join(folder.path, 'device.json'), '{"name":"Porch"}');
    const run = async (...words: string[]) =>
      (await makeProgram(DOORSILL, words)).parseAsync(['node', 'doorsill', ...words, '--data', folder.path]);
    for (const words of [['left'], ['settings', 'viewer', 'list'], ['pair', '--show']])
      await expect(run(...words)).rejects.toThrow(join(folder.path, 'run', 'pairing.sock'));
    await expect(run('pair')).rejects.toThrow('name yours with --owner');
    expect(readdirSync(folder.path)).toEqual(['device.json']);
    folder.dispose();
  });

  it('prints its version', async () => {
    const { status, stderr } = await runCommand(['--version']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('prints one line for each verb and ends well without any words', async () => {
    const { status, stderr, stdout } = await runCommand([]);
    expect(status).toBe(0);
    expect(stderr).toBe('');
    const lines = stdout.split('\n');
    for (const verb of (await makeProgram(DOORSILL)).commands)
      expect(lines).toContain(`  ${verb.name().padEnd(13)}  ${verb.summary()}`);
    expect(lines.filter((line) => line.startsWith('  $ '))).toHaveLength(3);
  });

  it('prints the help of a verb under a verb for `help` before both', async () => {
    const { status, stdout } = await runCommand(['help', 'bridge', 'broker', 'acl']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Usage: doorsill bridge broker acl /);
  });

  it('tells a user with an empty folder that nothing is wrong and how to start', async () => {
    const folder = temporaryFolder('doctor');
    const { status, last } = await runCommand(['doctor', '--data', folder.path, '--json']);
    expect(last).toMatchObject({ faults: 0 });
    expect(JSON.stringify(last)).toContain('npm start');
    expect(status).toBe(0);
    folder.dispose();
  });

  it('shows a stranger’s text without letting it paint the terminal', () => {
    expect(oneLine('a\u001b[2Jb\nc\u202ed')).toBe('a [2Jb c d');
  });

  it('prints paths so that a shell reads them as one word', () => {
    expect(shellWord('/tmp/testbed')).toBe('/tmp/testbed');
    expect(shellWord("/tmp/Robin's testbed")).toBe("'/tmp/Robin'\\''s testbed'");
  });
});
