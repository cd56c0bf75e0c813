import type { serverFactsSchema } from '@doorsill/contract/console-messages';
import type { z } from 'zod';

/** Folders of programs and services. Their paths name no person, unlike paths in a home folder. */
const OF_THE_SYSTEM = /^\/(opt|srv|usr|var\/lib)\/[\w./@+-]+$/;

/**
 * How the command line is called on this machine, as the page shows it. For a service installed on a board: by its full path and as root,
 * because only root may enter the service's folder; nothing is downloaded. Elsewhere: what the environment says (`calledAs`), as in a container,
 * or `npx doorsill`.
 */
export function shownCommandLine(paths: {
  node: string;
  program: string;
  folder: string;
  calledAs: string | undefined;
}): z.output<typeof serverFactsSchema>['commandLine'] {
  const { node, program, folder, calledAs } = paths;
  if (calledAs) return { program: calledAs, folder: null };
  const isInstalled = [program, folder].every((path) => OF_THE_SYSTEM.test(path));
  if (!isInstalled || !/\/cli\/doorsill(-device)?\.mjs$/.test(program))
    return { program: 'npx doorsill', folder: null };
  return { program: `sudo ${OF_THE_SYSTEM.test(node) ? node : 'node'} ${program}`, folder };
}
