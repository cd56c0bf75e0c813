// @module-tag long
// `doorsill fleet load` refuses wrong arguments before it makes any call.
import { afterAll, expect, it } from 'vitest';
import { callCommand } from '../../support/call-command.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('load');
afterAll(() => folder.dispose());

it.each([
  [['--ask', '0', '--poll', '0', '--download', '0'], 2, 'usage', 'there is nothing to do'],
  [['--ask', '-1'], 2, 'usage', 'a whole number from 0 to 60000'],
  [['--poll', '1e9'], 2, 'usage', 'a whole number from 0 to 60000'],
  [['--at-once', '0'], 2, 'usage', 'a whole number from 1 to 1000'],
  [['--at', '91,0'], 2, 'usage', '--at takes degrees'],
  [['--bridge', 'http://127.0.0.1:1'], 2, 'usage', 'goes with --agency'],
  [['--bridge', 'https://bridge.example', '--agency', '.'], 3, 'fleet_beyond_this_machine', 'bridge.example'],
  [['--bridge', 'http://127.0.0.1.example', '--agency', '.'], 3, 'fleet_beyond_this_machine', '127.0.0.1.example'],
  [['--bridge', 'http://me:secret@127.0.0.1:1', '--agency', '.'], 2, 'usage', 'without an account in it'],
  [['--bridge', 'me:secret@127.0.0.1', '--agency', '.'], 2, 'usage', 'an address with its scheme'],
  [['--bridge', 'http://127.0.0.1:1', '--agency', '.'], 4, 'unreachable', '127.0.0.1:1'],
])('refuses %j', async (args, status, code, words) => {
  const ran = await callCommand(['fleet', 'load', '--data', folder.path, ...args, '--json']);
  expect([ran.status, JSON.parse(ran.stderr).error.code]).toEqual([status, code]);
  expect(ran.stderr).toContain(words);
  expect(ran.stderr, 'what stood in a wrong place').not.toContain('secret');
});

it('reports that no testbed runs there', async () => {
  const { stderr } = await runCommand(['fleet', 'load', '--data', folder.path, '--json']);
  expect(JSON.parse(stderr).error.code).toBe('not_running');
});
