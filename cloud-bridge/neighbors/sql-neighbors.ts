// Each query is served by an index.

import { parseJson } from '@doorsill/contract/parse-json';
import { type Credential, Jurisdiction, registeredTerms } from '@doorsill/contract/request';
import type { Kysely } from 'kysely';
import { z } from 'zod';
import type { Tables } from '../persistence/bridge-schema.ts';
import type { AgencyProfile, NeighborsStore, Outcomes, Post, PostCursor } from './neighbors-store.ts';

export class SqlNeighbors implements NeighborsStore {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  async noteProfile(credential: Credential, nowS: number): Promise<void> {
    const { agency, name, jurisdiction, domain, profiles = [], retention = [] } = credential;
    const said = {
      agency,
      name,
      jurisdiction,
      domain,
      seen_s: nowS,
      profiles: JSON.stringify(profiles),
      retention: JSON.stringify(retention),
    };
    await this.tables
      .insertInto('agency_profiles')
      .values({ organisation: credential.organisation ?? agency, ...said })
      .onConflict((conflict) => conflict.column('organisation').doUpdateSet(said))
      .execute();
  }

  async profile(organisation: string): Promise<AgencyProfile | null> {
    const row = await this.tables
      .selectFrom('agency_profiles')
      .selectAll()
      .where('organisation', '=', organisation)
      .executeTakeFirst();
    return row ? toProfile(row) : null;
  }

  async profiles(after: string | null, most: number): Promise<AgencyProfile[]> {
    const rows = await this.tables
      .selectFrom('agency_profiles')
      .selectAll()
      .where('organisation', '>', after ?? '')
      .orderBy('organisation')
      .limit(most)
      .execute();
    return rows.map(toProfile);
  }

  async posts(of: string | null, before: PostCursor | null, most: number): Promise<Post[]> {
    let query = this.shown().orderBy('requests.published_s', 'desc').orderBy('requests.request', 'desc').limit(most);
    if (of !== null) query = query.where('requests.organisation', '=', of);
    if (before) {
      query = query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('requests.published_s', 'requests.request'), '<', tuple(before.publishedS, before.request)),
      );
    }
    return this.withCells(await query.execute());
  }

  async post(request: string): Promise<Post | null> {
    const rows = await this.shown().where('requests.request', '=', request).execute();
    return (await this.withCells(rows))[0] ?? null;
  }

  async outcomes(of: string | null, sinceS: number): Promise<Outcomes> {
    const count = async (state: 'resolved' | null) => {
      let query = this.tables
        .selectFrom('requests')
        .select((all) => all.fn.countAll<number>().as('count'))
        .where('published_s', '>', Math.max(0, sinceS));
      if (of !== null) query = query.where('organisation', '=', of);
      if (state !== null) query = query.where('state', '=', state);
      return (await query.executeTakeFirstOrThrow()).count;
    };
    return { published: await count(null), resolved: await count('resolved') };
  }

  async devices(): Promise<number> {
    const row = await this.tables
      .selectFrom('devices')
      .select((all) => all.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return row.count;
  }

  private shown() {
    return this.tables
      .selectFrom('requests')
      .leftJoin('agency_profiles', 'agency_profiles.organisation', 'requests.organisation')
      .select(['requests.request', 'requests.organisation', 'requests.token', 'requests.state'])
      .select(['requests.published_s', 'requests.expires_s', 'agency_profiles.name'])
      .where('requests.published_s', '>', 0);
  }

  private async withCells(rows: readonly ShownRow[]): Promise<Post[]> {
    if (rows.length === 0) return [];
    const cells = await this.tables
      .selectFrom('request_cells')
      .selectAll()
      .where(
        'request',
        'in',
        rows.map(({ request }) => request),
      )
      .orderBy('cell')
      .execute();
    const ofRequest = new Map<string, string[]>();
    for (const { request, cell } of cells) ofRequest.set(request, [...(ofRequest.get(request) ?? []), cell]);
    return rows.map((row) => ({
      request: row.request,
      organisation: row.organisation,
      agencyName: row.name ?? row.organisation,
      token: row.token,
      cells: ofRequest.get(row.request) ?? [],
      state: row.state,
      publishedS: row.published_s,
      expiresS: row.expires_s,
    }));
  }
}

type ShownRow = Pick<
  Tables['requests'],
  'request' | 'organisation' | 'token' | 'state' | 'published_s' | 'expires_s'
> & {
  name: string | null;
};

const profilesSchema = registeredTerms.profiles.or(z.tuple([]));
const retentionSchema = registeredTerms.retention.or(z.tuple([]));
const jurisdictionSchema = Jurisdiction;

function toProfile(row: Tables['agency_profiles']): AgencyProfile {
  const { organisation, agency, name, domain } = row;
  return {
    organisation,
    agency,
    name,
    domain,
    jurisdiction: jurisdictionSchema.parse(row.jurisdiction),
    profiles: profilesSchema.parse(parseJson(row.profiles)),
    retention: retentionSchema.parse(parseJson(row.retention)),
  };
}
