// The built entry point of a board's command; prints the version without loading the rest.
import { ownVersion } from './own-version.ts';

const [word, ...more] = process.argv.slice(2);
if ((word === '--version' || word === '-V') && more.length === 0) process.stdout.write(`${ownVersion()}\n`);
else await (await import('./main.ts')).main(process.argv);
