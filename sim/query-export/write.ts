import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SeededRandom } from '@doorsill/base/random';
import { makeCast } from './cast.ts';
import { exportText } from './rows.ts';
import type { Vocabulary, VocabularyName } from './vocabulary.ts';
import { HELD_OUT } from './vocabulary-held-out.ts';
import { TRAINING } from './vocabulary-training.ts';

/** The vocabularies by name: rules are tuned on one and judged on the other. */
export const VOCABULARIES = { 'held-out': HELD_OUT, training: TRAINING } as const satisfies Record<
  VocabularyName,
  Vocabulary
>;

/** Seeds of the exports by which the audit is judged. Never use them for tuning. */
export const HELD_OUT_SEEDS = [9_101, 9_102, 9_103, 9_104, 9_105, 9_106, 9_107, 9_108] as const;

export interface ExportPlan {
  seed: number;
  agencies: number;
  /** Approximate number of queries of all agencies. */
  rows: number;
  vocabulary: VocabularyName;
  /** Adds the columns of newer exports. */
  isWide?: boolean;
}

/** The truth about an export, which the audit has to find. */
export interface Labels extends ExportPlan {
  queries: number;
  misusing: { agency: string; how: 'open' | 'proxied'; misuse: string; queries: number; misuses: number }[];
}

/** Writes the export to `path`; returns its labels. Equal plans write equal bytes. */
export async function writeExport(plan: ExportPlan, path: string, signal?: AbortSignal): Promise<Labels> {
  const random = new SeededRandom(plan.seed);
  const cast = makeCast(random, plan.agencies, plan.rows);
  const text = exportText(random, cast, VOCABULARIES[plan.vocabulary], plan.isWide);
  await pipeline(Readable.from(text), createWriteStream(path, { mode: 0o600 }), ...(signal ? [{ signal }] : []));
  const misusing = cast.flatMap(({ name, conduct, queries, misuseShare }) =>
    conduct.kind === 'honest'
      ? []
      : [
          {
            agency: name,
            how: conduct.kind,
            misuse: conduct.kind === 'open' ? conduct.misuse : 'immigration',
            queries,
            misuses: Math.round(queries * misuseShare),
          },
        ],
  );
  return { ...plan, queries: cast.reduce((sum, agency) => sum + agency.queries, 0), misusing };
}
