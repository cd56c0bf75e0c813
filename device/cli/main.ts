// The verbs of a board's own command, in the order of its help.
import { type CommandLine, runCommandLine } from './command-line.ts';
import { BOARD } from './surroundings.ts';
import { DEVICE_VERBS, DOCTOR, OWNER_VERBS } from './verbs.ts';

export const DOORSILL_DEVICE: CommandLine = {
  name: 'doorsill-device',
  about:
    'Runs a doorbell on this board, which keeps every frame to itself until its owner grants a clip, and sends its owner’s orders.',
  verbs: {
    'A doorbell of this board:': {
      run: {
        about: 'run one doorbell; the key b rings',
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
  $ sudo doorsill device setup               its settings, on a page that a phone opens
  $ doorsill doctor                          find faults and their cures`,
  around: BOARD,
};

/** Runs the command line; sets the exit status, never throws. `argv` as process.argv. */
export function main(argv: string[]): Promise<void> {
  return runCommandLine(DOORSILL_DEVICE, argv);
}
