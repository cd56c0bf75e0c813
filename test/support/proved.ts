// What a test has to say for the table that `npm run check` ends with.
import type { TestContext } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Lines of the table, each what was shown and the figure that shows it. */
    proved?: { what: string; figure: string }[];
  }
}

/**
 * Adds a line to the table of what was proved: `what` in the words of a document, `figure` as measured by this
 * run. It is printed only if the whole test passes, so it may be called before the last expectation.
 */
export function proved({ task }: TestContext, what: string, figure: string): void {
  task.meta.proved = [...(task.meta.proved ?? []), { what, figure }];
}
