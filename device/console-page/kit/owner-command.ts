// Owns: a command as the owner types it at the device's own machine. Pure. Not here: how it is shown, or copied.

/** The machine as its device tells of it: how the command line is called there, and the device's folder where it has to be named. */
export interface OwnMachine {
  program: string;
  folder: string | null;
}

/** What is shown until the device has told of its machine: of the folder that it was started from. */
export const UNTOLD: OwnMachine = { program: 'npx doorsill', folder: null };

export function ownerCommand({ program, folder }: OwnMachine, verb: string): string {
  return `${program} ${verb}${folder === null ? '' : ` --data ${quoted(folder)}`}`;
}

/** As a shell takes it for one word. */
function quoted(path: string): string {
  return /^[\w./~-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
