// The arguments of `doorsill` that start each part of the bridge's side (broker, registry, vault, bridge) as a process of its own. Callers
// add the options; the verbs themselves are in sim/cli.

const WORDS = {
  broker: ['bridge', 'broker'],
  registry: ['bridge', 'registry'],
  vault: ['vault'],
  bridge: ['bridge'],
} as const;

/** The verb that starts a part, as the words of its command line. */
export function partArguments(part: keyof typeof WORDS): readonly string[] {
  return WORDS[part];
}
