// Owns: turning off the mutant of the run before, in a thread that is kept, while the next run's files load.
// Not here: keeping the thread (test/support/kept-threads.ts); Stryker turns on the next mutant, once they are loaded.
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Stryker's: the name of the global that its mutants look at. */
    globalNamespace: string;
    /** Stryker's: whether the mutant must be on while modules load. */
    mutantActivation: 'static' | 'runtime';
  }
}

const stryker: unknown = Reflect.get(globalThis, inject('globalNamespace') ?? '');
if (typeof stryker === 'object' && stryker !== null && inject('mutantActivation') !== 'static') {
  Reflect.set(stryker, 'activeMutant', undefined);
}
