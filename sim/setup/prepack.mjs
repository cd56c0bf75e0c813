// Owns: what npm does before it packs one of the packages, in that package's folder: all is built, and the license lies in it. Not here: building
// (prepare.mjs), which files are packed (each package.json).
import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import './prepare.mjs';

// As old as it is: a newer file beside the sources would ask for another build.
cpSync(fileURLToPath(new URL('../../LICENSE', import.meta.url)), 'LICENSE', { preserveTimestamps: true });
