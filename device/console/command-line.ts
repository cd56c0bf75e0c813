import type { serverFactsSchema } from '@doorsill/contract/console-messages';
import type { z } from 'zod';

/** Folders of programs and services. Their paths name no person, unlike paths in a home folder. */
const OF_THE_SYSTEM = /^\/(opt|srv|usr|var\/lib)\/[\w./@+-]+$/;

/**
 * How the command line is called on this machine, as the page shows it. For a service installed on a board: by its full path and as root,
 * because only root may enter the service's folder; nothing is downloaded. Elsewhere: `npx doorsill`.
 */
export function shownCommandLine(paths: {
  node: string;
  program: string;
  folder: string;
}): z.output<typeof serverFactsSchema>['commandLine'] {
  const { node, program, folder } = paths;
  const isInstalled = [program, folder].every((path) => OF_THE_SYSTEM.test(path));
  if (!isInstalled || !/\/cli\/doorsill(-device)?\.mjs$/.test(program))
    return { program: 'npx doorsill', folder: null };
  return { program: `sudo ${OF_THE_SYSTEM.test(node) ? node : 'node'} ${program}`, folder };
}
