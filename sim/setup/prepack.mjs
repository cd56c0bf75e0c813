// Runs before npm packs a package, in its folder: builds everything and copies the license.
import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import './prepare.mjs';

// With its time: a newer file beside the sources would trigger another build.
cpSync(fileURLToPath(new URL('../../LICENSE', import.meta.url)), 'LICENSE', { preserveTimestamps: true });
