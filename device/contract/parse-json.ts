// Owns: reading JSON text from outside without a throw. Pure. Not here: what the value must be (a schema at each edge).

/** The value of a JSON text, not yet checked; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
