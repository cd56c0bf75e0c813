// The entry point of the command line; prints the version without loading the rest.
import { ownVersion } from '@doorsill/device/cli/own-version';

const [word, ...more] = process.argv.slice(2);
if ((word === '--version' || word === '-V') && more.length === 0) process.stdout.write(`${ownVersion()}\n`);
else await (await import('./main.ts')).main(process.argv);
