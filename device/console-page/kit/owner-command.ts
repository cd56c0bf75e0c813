/** How the command line is called on the device's machine; `folder` is the device's folder if a command must name it. */
export interface DeviceCommandLine {
  program: string;
  folder: string | null;
}

/** Assumed until the device has reported its own. */
export const UNKNOWN_COMMAND_LINE: DeviceCommandLine = { program: 'npx doorsill', folder: null };

/** A command as the owner types it on the device's machine. */
export function ownerCommand({ program, folder }: DeviceCommandLine, verb: string): string {
  return `${program} ${verb}${folder === null ? '' : ` --data ${quoted(folder)}`}`;
}

/** Quotes a path as one shell argument. */
function quoted(path: string): string {
  return /^[\w./~-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
