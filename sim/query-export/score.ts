import type { AuditFinding } from '@doorsill/cloud-bridge';
import { z } from 'zod';
import { failure } from '../errors.ts';
import type { Labels } from './write.ts';

/** Precision and recall of one kind of findings. */
export interface Figure {
  found: number;
  true: number;
  wanted: number;
  precision: number;
  recall: number;
}

export interface Score {
  /** Proposed revocations, compared with open misuse; finding hidden misuse also counts as true. */
  revoke: Figure;
  /** Proposed reviews, compared with hidden misuse. */
  review: Figure;
  /** Both together, compared with all misuse. */
  all: Figure;
}

/** Compares findings with labels. */
export function scoreFindings(
  findings: readonly Pick<AuditFinding, 'agency' | 'verdict'>[],
  labels: Pick<Labels, 'misusing'>,
): Score {
  const misusing = new Set(labels.misusing.map(({ agency }) => agency));
  const figure = (verdicts: readonly string[], how: readonly string[]): Figure => {
    const found = findings.filter(({ verdict }) => verdicts.includes(verdict)).map(({ agency }) => agency);
    const wanted = new Set(labels.misusing.filter((one) => how.includes(one.how)).map(({ agency }) => agency));
    const right = found.filter((agency) => misusing.has(agency)).length;
    const hit = found.filter((agency) => wanted.has(agency)).length;
    return {
      found: found.length,
      true: right,
      wanted: wanted.size,
      precision: found.length === 0 ? 1 : right / found.length,
      recall: wanted.size === 0 ? 1 : hit / wanted.size,
    };
  };
  return {
    revoke: figure(['revoke'], ['open']),
    review: figure(['review'], ['proxied']),
    all: figure(['revoke', 'review'], ['open', 'proxied']),
  };
}

/** The score as lines. */
export function scoreText({ revoke, review, all }: Score): string[] {
  const line = (what: string, { found, true: right, wanted, precision, recall }: Figure) =>
    `  ${what.padEnd(44)}${String(found).padStart(4)} found, ${right} true, of ${wanted}: precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}`;
  return [
    line('by words, to revoke; against open misuse', revoke),
    line('by behaviour, to look at; against proxies', review),
    line('together, against all misuse', all),
  ];
}

const labelsSchema = z.object({
  misusing: z.array(z.object({ agency: z.string(), how: z.enum(['open', 'proxied']) })).max(100_000),
});

/** The labels of an export as `audit generate` wrote them. Throws `usage`. */
export function parseLabels(text: string): Parameters<typeof scoreFindings>[1] {
  try {
    const { misusing } = labelsSchema.parse(JSON.parse(text));
    return { misusing: misusing.map((one) => ({ ...one, misuse: '', queries: 0, misuses: 0 })) };
  } catch {
    throw failure('usage', { detail: 'the labels were not written by `doorsill audit generate`' });
  }
}
