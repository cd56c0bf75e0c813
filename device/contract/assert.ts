// Assertions about our own code: a failed one is a bug and ends the process. Expected failures: errors/coded-error.ts.

/** Throws when `condition` is false. For conditions that only a bug can break, never for input from outside. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** Stands after the last case of a union: the compiler checks that none is missing. */
export function unreachable(value: never): never {
  throw new Error(`assertion failed: unexpected ${JSON.stringify(value)}`);
}
