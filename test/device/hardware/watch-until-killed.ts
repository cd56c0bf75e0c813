// Owns: the child of a test: runs a program that never ends and prints its process id.
// Not here: killing it, and looking for what is left (program.test.ts).
import { SystemPrograms } from '../../../device/base/system-programs.ts';

new SystemPrograms().run(['sh', '-c', 'echo $$; exec sleep 1000'], (chunk) => process.stdout.write(chunk));
