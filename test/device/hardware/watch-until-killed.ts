// Child process of a test: runs an endless program and prints its process id.
import { SystemPrograms } from '../../../device/base/system-programs.ts';

new SystemPrograms().run(['sh', '-c', 'echo $$; exec sleep 1000'], (chunk) => process.stdout.write(chunk));
