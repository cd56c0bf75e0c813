// Owns: the words that start a part as a process of its own. Not here: its options, the verbs themselves (sim/cli).

const WORDS = {
  broker: ['bridge', 'broker'],
  registry: ['bridge', 'registry'],
  vault: ['vault'],
  bridge: ['bridge'],
} as const;

export function partArguments(part: keyof typeof WORDS): readonly string[] {
  return WORDS[part];
}
