// @module-tag long
// @module-tag python
// `record` at a terminal: a key rings, which becomes a step, and Ctrl-C as it is typed there ends it.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { root } from '../../layout/source-tree.ts';
import { LAUNCHER, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('record-keyboard');
afterAll(folder.dispose);

/** Runs a command at a terminal of its own: types `b` once footage comes, and Ctrl-C after the press was told. */
const AT_TERMINAL = `
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
told, keys = b"", [(b"b rings the bell", b"b"), (b"  ring", b"\\x03")]
while True:
    try:
        part = os.read(fd, 4096)
    except OSError:
        break
    told += part
    if keys and keys[0][0] in told:
        os.write(fd, keys.pop(0)[1])
sys.stdout.buffer.write(told)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

it('takes a press from the keyboard as a step, and ends at Ctrl-C', async () => {
  const out = join(folder.path, 'porch');
  const record = ['record', '--camera', 'synthetic?size=320x192&play=nobody', '--for', '10m', '--out', out];
  const args = ['-c', AT_TERMINAL, process.execPath, LAUNCHER, ...record];
  const { stdout } = await promisify(execFile)('python3', args, { cwd: root, timeout: 60_000 });
  expect(stdout).toMatch(/A replay is the same: \d events? comes? again\./);
  const scenario = readFileSync(join(out, 'scenario.yaml'), 'utf8');
  expect(scenario).toMatch(/^ {2}- \{ at: [\d.]+s, press: front \}$/m);
  expect(scenario).toMatch(/event: ring, at: [\d.]+s, within: 1s/);
});
