import { sha256Hex } from '@doorsill/base/keys';
import { VERDICTS_OF_RECIPIENT_MAX } from '@doorsill/contract/custody';
import type { Kysely, Transaction } from 'kysely';
import type { SqlCustody } from '../custody/sql-custody-log.ts';
import type { Tables } from '../persistence/bridge-schema.ts';
import type { GrantKey, Intake } from './intake-store.ts';
import { findIn } from './sql-intakes.ts';
import type { SignedVerdict, VerdictStore } from './verdict-check.ts';

export class SqlVerdicts implements VerdictStore {
  private readonly tables: Kysely<Tables>;
  private readonly custody: SqlCustody;

  constructor(tables: Kysely<Tables>, custody: SqlCustody) {
    this.tables = tables;
    this.custody = custody;
  }

  async add(key: GrantKey, verdict: SignedVerdict): Promise<number | 'gone' | 'too-many'> {
    return this.tables.transaction().execute(async (step) => {
      const intake = await findIn(step, key);
      if (intake?.state !== 'stored' && intake?.state !== 'handed-over') return 'gone';
      const before = (await ofGrant(step, key).execute()).filter(({ said_by }) => said_by === verdict.by);
      const same = before.find(({ signer, outcome }) => signer === verdict.signer && outcome === verdict.outcome);
      if (same) return same.leaf;
      return before.length >= VERDICTS_OF_RECIPIENT_MAX ? 'too-many' : addVerdict(step, this.custody, intake, verdict);
    });
  }

  async list(key: GrantKey): Promise<string[]> {
    return (await ofGrant(this.tables, key).execute()).map(({ token }) => token);
  }
}

/** Stores a verdict and its leaf, within the caller's transaction. Returns the leaf. */
export async function addVerdict(
  step: Transaction<Tables>,
  custody: SqlCustody,
  { device, grant, clip }: Intake,
  { token, signer, by, outcome }: SignedVerdict,
): Promise<number> {
  const facts = { clip, grant, by, outcome, verdictSha256: sha256Hex(token) };
  const leaf = await custody.append(step, { kind: 'opening', about: { device, grant }, facts });
  await step
    .insertInto('verdicts')
    .values({ device, grant_id: grant, signer, outcome, said_by: by, token, leaf })
    .execute();
  return leaf;
}

function ofGrant(from: Kysely<Tables> | Transaction<Tables>, { device, grant }: GrantKey) {
  return from
    .selectFrom('verdicts')
    .select(['signer', 'outcome', 'said_by', 'token', 'leaf'])
    .where('device', '=', device)
    .where('grant_id', '=', grant)
    .orderBy('leaf');
}
