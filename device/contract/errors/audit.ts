// Owns: the failures of the audit of agencies' queries. Not here: the one closed table (../errors.ts).
import { refused, unreachableForNow, unusableInput } from './kinds.ts';

export const auditErrors = {
  query_export_invalid: unusableInput(
    422,
    'The file is no export of queries: {detail}',
    'Export the queries as CSV (UTF-8, commas) with a header that names Org Name and Reason.',
  ),
  audit_agency_unmatched: refused(
    404,
    'The registry has no agency by the name {name}.',
    'Register it, or say which one is meant with --agency-names FILE.',
  ),
  audit_unconfirmed: refused(
    409,
    'Nothing was revoked: {detail}',
    'Read the report, then type the number of revocations, or give it with --yes-revoke N.',
  ),
  audit_not_taken: unreachableForNow(
    502,
    'The registry does not list what was asked of it: {detail}',
    'Look at its revocation list; running the same command again is safe.',
  ),
} as const;
