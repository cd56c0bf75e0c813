// Owns: assertions about our own code. A failed assertion is a bug and ends the process.
// Not here: expected failures of the outside world (coded-error.ts).

/** Throws when `condition` is false. For what only a bug can break, never for input from outside. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** Marks a place no value can reach; the compiler checks that every case of a union was handled before it. */
export function unreachable(value: never): never {
  throw new Error(`assertion failed: unexpected ${JSON.stringify(value)}`);
}
