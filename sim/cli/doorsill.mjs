#!/usr/bin/env node
// Owns: starting the built command line; in a checkout it builds first when the build is missing or older than its sources.
// Not here: any command (main.ts). Plain JavaScript, because it runs before anything is built.
import { existsSync } from 'node:fs';

const built = new URL('../dist/cli/entry.js', import.meta.url);
// An installed package contains only the build.
if (existsSync(new URL('./main.ts', import.meta.url))) {
  const { expectBuilt } = await import('../setup/expect-built.mjs');
  expectBuilt(built);
}
await import(built.href);
