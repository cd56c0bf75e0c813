// `npm run dev`: builds, and builds again whenever a source changes, until Ctrl-C.
import { spawnSync } from 'node:child_process';
import { watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SOURCE_FOLDERS } from './freshness.mjs';

/** Debounce: an editor writes several files at once, and some of them twice. */
const QUIET_MS = 150;

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
let timer;

function build() {
  const { status } = spawnSync(process.execPath, [join(root, 'sim/setup/prepare.mjs')], { stdio: 'inherit' });
  const time = new Date().toTimeString().slice(0, 8);
  console.log(status === 0 ? `${time}  built; waiting for changes` : `${time}  not built; waiting for changes`);
}

build();
for (const folder of SOURCE_FOLDERS) {
  watch(join(root, folder), { recursive: true }, (_event, name) => {
    // Output of a build is not a change.
    if (/(^|\/)(dist|node_modules)(\/|$|\.)/.test(name ?? '')) return;
    clearTimeout(timer);
    timer = setTimeout(build, QUIET_MS);
  });
}
