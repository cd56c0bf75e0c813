// Owns: the audit's settings, their limits and defaults. Not here: what they do.
import { z } from 'zod';
import { failure } from '../../device/protocol/errors.ts';
import { idSchema } from '../../device/protocol/ids.ts';

const hour = z.int().min(0).max(23);

export const auditSettingsSchema = z.strictObject({
  /** Where the agencies' clocks are, for what counts as off-hours. */
  timeZone: z.string().max(64).refine(isTimeZone, 'a time zone such as America/Chicago').default('UTC'),
  /** From the first hour up to the second, over midnight. */
  offHours: z.strictObject({ from: hour, until: hour }).prefault({ from: 22, until: 6 }),
  /** Whose data the auditor answers for, as a scope of the registry: revocations are for that alone. Absent: whole. */
  scope: idSchema.optional(),
  /** A scope is not enough for an agency of whose queries this share or more is flagged. */
  wholeFromShare: z.number().min(0.01).max(1).default(0.25),
  /** Of those proposed for a person to look at, at most this share may be honest, on average. */
  falseDiscoveries: z.number().min(0.01).max(0.5).default(0.2),
  /** Fewer flagged queries than this are no ground to revoke. */
  flaggedMin: z.int().min(1).max(1_000).default(3),
  /** Agencies in one file: what is kept of each is small and bounded. */
  agenciesMax: z.int().min(1).max(100_000).default(20_000),
});
export type AuditSettings = z.infer<typeof auditSettingsSchema>;

/** Settings from words of a command line; throws `config_invalid`. */
export function parseAuditSettings(input: unknown): AuditSettings {
  const parsed = auditSettingsSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw failure('config_invalid', {
    file: 'of the audit',
    detail: z.prettifyError(parsed.error).replaceAll('\n', ' '),
  });
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
