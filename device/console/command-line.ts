// Owns: how the command line is called at the machine of this doorbell, as the page may tell whoever opens it. Pure. Not here: which verb.

import type { serverFactsSchema } from '@doorsill/contract/console-messages';
import type { z } from 'zod';

/** Where programs and services lie: a path there names nobody, and one in a home folder does. */
const OF_THE_SYSTEM = /^\/(opt|srv|usr|var\/lib)\/[\w./@+-]+$/;

/**
 * On a board with the installed service: by its whole path, as root, because only root may enter the service's folder, and nothing is
 * fetched. Elsewhere `npx doorsill`, in the checkout or package that it was started from.
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
