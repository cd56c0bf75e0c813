// Clients, tokens, download links, bridges and waiting offers in SQL. Of secrets only hashes are stored.

import { parseJson } from '@doorsill/contract/parse-json';
import type { Kysely } from 'kysely';
import type { HandOverBody } from '../signing/hand-over-documents.ts';
import { addLine } from './sql-trail.ts';
import type { Tables } from './vault-schema.ts';
import type { AccessStore, Client, Item, Link, OfferStore, Token, TrailLine } from './vault-store.ts';

export class SqlAccess implements AccessStore {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  async addClient({ client, agency, secretSha256, scopes, addresses }: Client): Promise<void> {
    await this.tables
      .insertInto('clients')
      .values({
        client,
        agency,
        secret_sha256: secretSha256,
        scopes: JSON.stringify(scopes),
        addresses: JSON.stringify(addresses),
      })
      .execute();
  }

  async findClient(client: string): Promise<Client | null> {
    const row = await this.tables.selectFrom('clients').selectAll().where('client', '=', client).executeTakeFirst();
    if (!row) return null;
    const { agency, secret_sha256: secretSha256 } = row;
    return { client, agency, secretSha256, scopes: textsIn(row.scopes), addresses: textsIn(row.addresses) };
  }

  async removeClient(agency: string, client: string): Promise<boolean> {
    const gone = await this.tables
      .deleteFrom('clients')
      .where('client', '=', client)
      .where('agency', '=', agency)
      .executeTakeFirst();
    return gone.numDeletedRows > 0n;
  }

  async addToken({ tokenSha256, client, agency, scopes, expiresS }: Token, nowS: number): Promise<void> {
    await this.tables.transaction().execute(async (step) => {
      await step.deleteFrom('tokens').where('expires_s', '<=', nowS).execute();
      await step
        .insertInto('tokens')
        .values({ token_sha256: tokenSha256, client, agency, scopes: JSON.stringify(scopes), expires_s: expiresS })
        .execute();
    });
  }

  async findToken(tokenSha256: string): Promise<Token | null> {
    const row = await this.tables
      .selectFrom('tokens')
      .selectAll()
      .where('token_sha256', '=', tokenSha256)
      .executeTakeFirst();
    if (!row) return null;
    return {
      tokenSha256,
      client: row.client,
      agency: row.agency,
      scopes: textsIn(row.scopes),
      expiresS: row.expires_s,
    };
  }

  async addLink(link: Link, seen: Pick<Item, 'state' | 'accessClass' | 'recall'>, nowS: number): Promise<boolean> {
    const { linkSha256, item, agency, by, officer, reason, expiresS } = link;
    return this.tables.transaction().execute(async (step) => {
      await step.deleteFrom('links').where('expires_s', '<=', nowS).execute();
      const found = await step
        .selectFrom('items')
        .select(['state', 'access_class', 'recall'])
        .where('item', '=', item)
        .executeTakeFirst();
      const isSame =
        found?.state === seen.state && found.access_class === seen.accessClass && found.recall === seen.recall;
      if (!isSame) return false;
      await step
        .insertInto('links')
        .values({ link_sha256: linkSha256, item, agency, by, officer, reason, expires_s: expiresS, used: 0 })
        .execute();
      return true;
    });
  }

  async findLink(linkSha256: string, nowS: number): Promise<Link | null> {
    const row = await this.tables
      .selectFrom('links')
      .selectAll()
      .where('link_sha256', '=', linkSha256)
      .where('expires_s', '>', nowS)
      .executeTakeFirst();
    if (!row) return null;
    const { item, agency, by, officer, reason, expires_s: expiresS } = row;
    return { linkSha256, item, agency, by, officer, reason, expiresS };
  }

  async useLink(linkSha256: string, nowS: number, line: TrailLine): Promise<boolean> {
    return this.tables.transaction().execute(async (step) => {
      const used = await step
        .updateTable('links')
        .set({ used: 1 })
        .where('link_sha256', '=', linkSha256)
        .where('used', '=', 0)
        .where('expires_s', '>', nowS)
        .executeTakeFirst();
      if (used.numUpdatedRows === 0n) return false;
      await addLine(step, line);
      return true;
    });
  }

  async addBridge(bridge: string, key: string): Promise<void> {
    await this.tables
      .insertInto('bridges')
      .values({ bridge, key })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  bridges(): Promise<{ bridge: string; key: string }[]> {
    return this.tables.selectFrom('bridges').selectAll().execute();
  }
}

export class SqlOffers implements OfferStore {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  async put(item: string, { offer, statement, receipt }: HandOverBody, nowS: number): Promise<void> {
    const row = { item, offer, manifest: statement, receipt, at_s: nowS };
    await this.tables
      .insertInto('offers')
      .values(row)
      .onConflict((conflict) => conflict.column('item').doUpdateSet(row))
      .execute();
  }

  async find(item: string): Promise<HandOverBody | null> {
    const row = await this.tables
      .selectFrom('offers')
      .select(['offer', 'manifest', 'receipt'])
      .where('item', '=', item)
      .executeTakeFirst();
    return row ? { offer: row.offer, statement: row.manifest, receipt: row.receipt } : null;
  }

  async remove(item: string): Promise<void> {
    await this.tables.deleteFrom('offers').where('item', '=', item).execute();
  }

  async removeOlder(thanS: number): Promise<void> {
    await this.tables.deleteFrom('offers').where('at_s', '<', thanS).execute();
  }
}

function textsIn(json: string): string[] {
  const parsed = parseJson(json);
  return Array.isArray(parsed) ? parsed.map(String) : [];
}
