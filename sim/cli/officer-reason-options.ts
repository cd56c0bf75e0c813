// Owns: the options of verbs that show evidence: who looks, and why. Not here: the log that records them (bridge and vault).

import { accessReasonSchema } from '@doorsill/contract/manifest';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import type { Who } from '../officer/evidence-desk.ts';

export interface OfficerOptions {
  officer?: string;
  reason?: string;
}

/** Adds them. Neither has a default anywhere: a default name would be a false entry in the log. */
export function withOfficerOptions(command: Command): Command {
  return command
    .option('--officer <name>', 'who looks, by name or badge, which is logged (required)')
    .option('--reason <text>', 'why, which is logged, too (required)');
}

/** Who looks and why. Throws `usage` when either is missing, or out of limits. */
export function officerOf({ officer, reason }: OfficerOptions): Who {
  if (officer === undefined || reason === undefined) {
    throw failure('usage', { detail: 'say who looks and why: --officer NAME --reason TEXT; both are logged' });
  }
  const said = accessReasonSchema.safeParse({ officer, reason });
  if (said.success) return said.data;
  throw failure('usage', {
    detail:
      '--officer takes 2 to 80 letters and --reason 3 to 200, each in one line with at least two letters or digits',
  });
}
