// Owns: being the built entry of the command line; the version alone is printed without loading it. Not here: anything else.
import { ownVersion } from './version.ts';

const [word, ...more] = process.argv.slice(2);
if ((word === '--version' || word === '-V') && more.length === 0) process.stdout.write(`${ownVersion()}\n`);
else await (await import('./main.ts')).main(process.argv);
