// Owns: the verbs of a board's own command, in the order of its help. Not here: the verbs themselves (verbs.ts), how a command line reads its words
// (command-line.ts).

import { type CommandLine, runCommandLine } from './command-line.ts';
import { BOARD } from './surroundings.ts';
import { DEVICE_VERBS, DOCTOR, OWNER_VERBS } from './verbs.ts';

export const DOORSILL_DEVICE: CommandLine = {
  name: 'doorsill-device',
  about:
    'A doorbell that keeps every frame until its owner grants a part of it: the command of a board and of its owners.',
  verbs: {
    'A doorbell of this board:': {
      run: {
        about: 'one doorbell; b rings on a terminal',
        load: async () => {
          const { addRunDevice } = await import('./run-device.ts');
          return (program) => void addRunDevice(program, 'run');
        },
      },
      ...DEVICE_VERBS,
      doctor: DOCTOR,
    },
    'As its owner:': OWNER_VERBS,
  },
  tried: { device: 'run', start: 'run', up: 'run' },
  toBegin: `
To begin, on a board:
  $ sudo doorsill device install             a service, which starts at boot
  $ doorsill doctor                          what is wrong here, if anything`,
  around: BOARD,
};

/** Runs the command line; sets the exit status, never throws. `argv` as process.argv. */
export function main(argv: string[]): Promise<void> {
  return runCommandLine(DOORSILL_DEVICE, argv);
}
