// A device that fails after its start, because the kernel lists no addresses, must end instead of running without its folder's lock.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { root } from '../../layout/source-tree.ts';
import { LAUNCHER, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('part');
afterAll(() => folder.dispose());

/** Exit status of a bug, and of what systemd had to end because it took longer. */
const INTERNAL = 70;
const SECONDS_MAX = 60;

it('ends a device that cannot say where its own server is', {
  tags: ['root', 'systemd', 'namespaces', 'ffmpeg', 'long'],
  timeout: 4 * SECONDS_MAX * 1_000,
}, () => {
  const script = join(folder.path, 'start.sh');
  const doorsill = `${process.execPath} ${LAUNCHER}`;
  writeFileSync(
    script,
    `umask 077; mkdir /root/porch; echo a-long-password >/root/password
${doorsill} device init --data /root/porch --user porch --password-file /root/password --console home-network >/dev/null
systemd-run --quiet --wait -p RestrictAddressFamilies='AF_UNIX AF_INET AF_INET6' -p RuntimeMaxSec=${SECONDS_MAX} -u porch \\
  ${doorsill} device --data /root/porch
journalctl -u porch -o cat --no-pager
echo "ended $(systemctl show porch -p ExecMainStatus --value)"
`,
  );
  const own = join(root, 'test/support/own-systemd.sh');
  const { stdout } = spawnSync(own, [script, String(3 * SECONDS_MAX)], { encoding: 'utf8' });
  expect(stdout).toContain('uv_interface_addresses');
  expect(stdout).toContain(`ended ${INTERNAL}`);
});
