// A copy of what is built of a checkout, with its packages: its own are the copy's, the others are the checkout's.
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { packageFolders } from './own-packages.ts';

/** What `tsc -b sim test/proofs` reads and writes. */
const COPIED = ['device', 'cloud-bridge', 'sim', 'test/proofs', 'tsconfig.json', 'package.json'];

/** Copies from `root` into `folder`, which is there. */
export function copyCheckout(root: string, folder: string): void {
  // With their times: the compiler would check again what seems newer than its build.
  for (const name of COPIED)
    cpSync(join(root, name), join(folder, name), { recursive: true, preserveTimestamps: true });
  const modules = join(folder, 'node_modules');
  const own = packageFolders(root);
  mkdirSync(join(modules, '@doorsill'), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '@doorsill' && !own.has(name)) symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  for (const [name, place] of own) {
    const link = join(modules, name);
    symlinkSync(relative(dirname(link), join(folder, place)), link);
  }
}
