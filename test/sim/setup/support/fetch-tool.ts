// Fetches a Node or npm from this machine's configured registry.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Installs a package in a folder of its own under `into`; returns the package's folder. */
export function fetchTool(into: string, name: string, version: string): string {
  const folder = join(into, `${name}-${version}`);
  const args = ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', [...args, `${name}@${version}`], { stdio: 'ignore' });
  return join(folder, 'node_modules', name);
}
