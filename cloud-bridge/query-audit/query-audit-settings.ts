import { readBySchema } from '@doorsill/base/schema-fault';
import { failure } from '@doorsill/contract/errors';
import { idSchema } from '@doorsill/contract/ids';
import { z } from 'zod';

/** The settings of an audit; each has a default. */
export const AuditSettings = z.strictObject({
  /** The registry scope for which the auditor is responsible: only it is revoked. Absent: all access. */
  scope: idSchema.optional(),
  /** If this share or more of an agency's queries is flagged, revoking the scope alone is not enough. */
  wholeFromShare: z.number().min(0.01).max(1).default(0.25),
  /** Fewer flagged queries than this are no reason to revoke. */
  flaggedMin: z.int().min(1).max(1_000).default(3),
  /** Limit on agencies in one file; memory for each is bounded. */
  agenciesMax: z.int().min(1).max(100_000).default(20_000),
});
export type AuditSettings = z.infer<typeof AuditSettings>;

/** Parses settings from command-line words; throws `config_invalid`. */
export function parseAuditSettings(input: unknown): AuditSettings {
  const read = readBySchema(AuditSettings, input);
  if (read.ok) return read.data;
  throw failure('config_invalid', { file: 'of the audit', detail: read.fault });
}
