// Owns: being the built entry of the command line. Not here: anything else.
import { main } from './main.ts';

await main(process.argv);
