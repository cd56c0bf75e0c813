// Checks a request's words for forbidden subjects, and explains the findings to the moderator who decides, and to the agency. Pure.

import type { Request } from '@doorsill/contract/request';
import { z } from 'zod';
import { TEXT_RULES, type TextRule } from './text-rules.ts';

export const TextFinding = z.strictObject({
  kind: z.string().max(40),
  field: z.enum(['text', 'incidentType', 'investigation', 'contact']),
  /** The words found, with some context. */
  words: z.string().max(120),
  why: z.string().max(200),
});
export type TextFinding = z.infer<typeof TextFinding>;

const AROUND = 24;

/** All findings in a request's words; each rule at most once per field. */
export function findingsOf(
  request: Pick<Request, 'text' | 'incidentType' | 'investigation' | 'contact'>,
): TextFinding[] {
  const { text, incidentType, investigation, contact } = request;
  const fields = { text, incidentType, investigation, contact: contact.name } as const;
  return (['text', 'incidentType', 'investigation', 'contact'] as const).flatMap((field) =>
    TEXT_RULES.flatMap((rule) => {
      const words = found(rule, plain(fields[field]));
      return words === null ? [] : [{ kind: rule.kind, field, words, why: rule.why }];
    }),
  );
}

/** The words that a rule finds in a text, with context; null for none. */
export function found(rule: TextRule, text: string): string | null {
  const match = rule.pattern.exec(text);
  if (!match || rule.unless?.test(text)) return null;
  return text.slice(Math.max(0, match.index - AROUND), match.index + match[0].length + AROUND).slice(0, 120);
}

/** Normalised text: compatibility forms folded, invisible characters removed, one kind of space and of dash. */
function plain(text: string): string {
  return text
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .replaceAll(/\p{Pd}/gu, '-')
    .replaceAll(/\s+/g, ' ');
}
