// Owns: saying what is wrong with settings in one line, with the name that was probably meant for one that is unknown.
// Not here: the settings themselves.
import { z } from 'zod';

/** A name more edits away than this counts as another word. */
const EDITS_MAX = 2;

/** All faults of `error`, which `schema` found, in one line. */
export function settingsFault(schema: z.ZodType, error: z.ZodError): string {
  const meant = error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.flatMap((key) => nearestWord(key, keysAt(schema, issue.path)) ?? [])
      : [],
  );
  const hint = meant.length === 0 ? '' : ` (did you mean ${meant.map((key) => `"${key}"`).join(', ')}?)`;
  return z.prettifyError(error).replaceAll(/\s+/g, ' ') + hint;
}

const nodeSchema = z.looseObject({
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
});

/** Names of the settings at a place, from the schema's own description. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let node = nodeSchema.safeParse(z.toJSONSchema(schema, { io: 'input' })).data;
  for (const step of path) {
    node = nodeSchema.safeParse(typeof step === 'number' ? node?.items : node?.properties?.[String(step)]).data;
  }
  return Object.keys(node?.properties ?? {});
}

/** The candidate that fewest edits turn `word` into, if they are few. */
export function nearestWord(word: string, candidates: readonly string[]): string | null {
  const ranked = candidates
    .filter((candidate) => Math.abs(candidate.length - word.length) <= EDITS_MAX)
    .map((candidate) => ({ candidate, edits: editsBetween(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  // In a word of two letters, two edits leave nothing of it.
  return best && best.edits <= EDITS_MAX && best.edits < word.length ? best.candidate : null;
}

/** Insertions, removals and replacements between two words (Levenshtein). */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...a].entries()) {
    const next = [at + 1];
    for (const [to, other] of [...b].entries()) {
      const replaced = (row[to] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[to + 1] ?? 0) + 1, (next[to] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
