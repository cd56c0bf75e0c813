// Agencies' webhooks and events in SQL. One transaction turns leaves of the custody log into events.
import type { Kysely, Selectable, Transaction } from 'kysely';
import type { Tables } from '../persistence/bridge-schema.ts';
import { EVENT_TYPES, type WebhookEvent } from './webhook-events.ts';
import type { EventMakers, EventState, KeptEvent, Webhook, WebhookStore } from './webhooks-store.ts';

const ABOUT_REQUESTS = EVENT_TYPES.filter((type) => type.startsWith('request.'));

/** Leaves processed in one transaction, which blocks other users of the database. */
const LEAVES_AT_ONCE = 200;

export class SqlWebhooks implements WebhookStore {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  async set(webhook: Webhook): Promise<boolean> {
    return this.tables.transaction().execute(async (step) => {
      const known = await step
        .selectFrom('webhooks')
        .select('said_s')
        .where('organisation', '=', webhook.organisation)
        .executeTakeFirst();
      if (known && known.said_s > webhook.saidS) return false;
      const { organisation, agency, url, secret, saidS } = webhook;
      const setting = { agency, url, secret, said_s: saidS };
      await step
        .insertInto('webhooks')
        .values({ organisation, ...setting })
        .onConflict((conflict) => conflict.column('organisation').doUpdateSet(setting))
        .execute();
      // The webhook was removed: its waiting events will not be sent.
      if (url === null) {
        const givenUp = { state: 'given-up', detail: 'removed' } as const;
        const waiting = step.updateTable('webhook_events').set(givenUp).where('organisation', '=', organisation);
        await waiting.where('state', '=', 'waiting').execute();
      }
      return true;
    });
  }

  async find(organisation: string): Promise<Webhook | null> {
    const row = await this.tables
      .selectFrom('webhooks')
      .selectAll()
      .where('organisation', '=', organisation)
      .executeTakeFirst();
    return row ? { ...row, saidS: row.said_s } : null;
  }

  async gather(nowS: number, makers: EventMakers): Promise<boolean> {
    return this.tables.transaction().execute(async (step) => {
      const progress = await step.selectFrom('webhook_progress').selectAll().executeTakeFirst();
      const from = progress?.leaf ?? 0;
      const leaves = await step
        .selectFrom('custody_leaves')
        .select(['leaf', 'entry', 'facts'])
        .where('leaf', '>=', from)
        .orderBy('leaf')
        .limit(LEAVES_AT_ONCE)
        .execute();
      // Without any webhook only the position in the log is stored.
      const hooks = step.selectFrom('webhooks').select('url').where('url', 'is not', null).limit(1);
      const hasHooks = await hooks.executeTakeFirst();
      if (hasHooks) for (const leaf of leaves) await addEvent(step, makers.eventOf(leaf));
      if (hasHooks) {
        for (const { request, expires_s } of await expiredSince(step, progress?.swept_s ?? nowS, nowS)) {
          await addEvent(step, makers.expired(request, expires_s));
        }
      }
      const nextLeaf = (leaves.at(-1)?.leaf ?? from - 1) + 1;
      // Requests that expired until this time have their events.
      const sweptS = Math.max(progress?.swept_s ?? 0, nowS);
      if (progress?.leaf !== nextLeaf || hasHooks) await noteProgress(step, nextLeaf, sweptS);
      return leaves.length === LEAVES_AT_ONCE;
    });
  }

  async due(nowS: number, most: number): Promise<(KeptEvent & { url: string; secret: string; agency: string })[]> {
    const rows = await this.tables
      .selectFrom('webhook_events')
      .innerJoin('webhooks', 'webhooks.organisation', 'webhook_events.organisation')
      .selectAll('webhook_events')
      .select(['webhooks.url', 'webhooks.secret', 'webhooks.agency'])
      .where('webhook_events.state', '=', 'waiting')
      .where('webhook_events.next_s', '<=', nowS)
      .where('webhooks.url', 'is not', null)
      .orderBy('webhook_events.attempts')
      .orderBy('webhook_events.place')
      .limit(most)
      .execute();
    return rows.flatMap(({ url, secret, agency, ...row }) =>
      url === null ? [] : [{ ...toEvent(row), url, secret, agency }],
    );
  }

  async settle(event: string, how: Pick<KeptEvent, 'state' | 'attempts' | 'nextS' | 'detail'>): Promise<void> {
    const { state, attempts, nextS, detail } = how;
    await this.tables.transaction().execute(async (step) => {
      const settled = await step
        .updateTable('webhook_events')
        .set({ state, attempts, next_s: nextS, detail })
        .where('event', '=', event)
        // It may have been given up while it was being sent.
        .where('state', '=', 'waiting')
        .returning('organisation')
        .executeTakeFirst();
      if (!settled || state !== 'waiting') return;
      // The attempt failed, so the agency's other waiting events are not tried before the retry either.
      await step
        .updateTable('webhook_events')
        .set({ next_s: nextS })
        .where('organisation', '=', settled.organisation)
        .where('state', '=', 'waiting')
        .where('next_s', '<', nextS)
        .execute();
    });
  }

  async page(organisation: string, behind: number | null, most: number): Promise<KeptEvent[]> {
    const rows = await this.tables
      .selectFrom('webhook_events')
      .selectAll()
      .where('organisation', '=', organisation)
      .$if(behind !== null, (all) => all.where('place', '<', behind ?? 0))
      .orderBy('place', 'desc')
      .limit(most)
      .execute();
    return rows.map(toEvent);
  }

  async counts(): Promise<Record<EventState, number>> {
    const rows = await this.tables
      .selectFrom('webhook_events')
      .select((all) => ['state', all.fn.countAll<number>().as('count')])
      .where('type', 'in', ABOUT_REQUESTS)
      .groupBy('state')
      .execute();
    const of = (state: EventState) => rows.find((row) => row.state === state)?.count ?? 0;
    return { waiting: of('waiting'), delivered: of('delivered'), 'given-up': of('given-up') };
  }

  async forget(beforeS: number): Promise<void> {
    await this.tables
      .deleteFrom('webhook_events')
      .where('made_s', '<', beforeS)
      .where('state', '!=', 'waiting')
      .execute();
  }
}

/** Stores an event for the agency whose request or clip it is about, if the agency has a webhook. Idempotent. */
async function addEvent(step: Transaction<Tables>, event: WebhookEvent | null): Promise<void> {
  const about = event && (await subjectOf(step, event));
  if (!event || !about) return;
  const last = await step
    .selectFrom('webhook_events')
    .select('place')
    .orderBy('place', 'desc')
    .limit(1)
    .executeTakeFirst();
  await step
    .insertInto('webhook_events')
    .values({
      event: event.id,
      organisation: about.organisation,
      type: event.type,
      body: JSON.stringify({ ...event, request: about.request }),
      made_s: event.atS,
      attempts: 0,
      next_s: 0,
      state: 'waiting',
      detail: '',
      place: (last?.place ?? 0) + 1,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The agency and the request of an event; null if the agency has no webhook, or if the clip was never stored at the bridge. */
async function subjectOf(
  step: Transaction<Tables>,
  { request, clip }: WebhookEvent,
): Promise<{ organisation: string; request: string } | null> {
  const asked = request ?? (clip === undefined ? undefined : await requestOf(step, clip));
  if (asked === undefined) return null;
  const row = await step
    .selectFrom('requests')
    .innerJoin('webhooks', 'webhooks.organisation', 'requests.organisation')
    .select(['requests.organisation', 'webhooks.url'])
    .where('requests.request', '=', asked)
    .executeTakeFirst();
  return row && row.url !== null ? { organisation: row.organisation, request: asked } : null;
}

async function requestOf(step: Transaction<Tables>, clip: string): Promise<string | undefined> {
  const row = await step
    .selectFrom('intakes')
    .select(['request', 'stored_s'])
    .where('clip', '=', clip)
    .executeTakeFirst();
  return row && row.stored_s !== null ? row.request : undefined;
}

/** Published requests of agencies with a webhook that expired after `afterS`, up to `nowS`. */
function expiredSince(step: Transaction<Tables>, afterS: number, nowS: number) {
  return step
    .selectFrom('requests')
    .innerJoin('webhooks', 'webhooks.organisation', 'requests.organisation')
    .select(['requests.request', 'requests.expires_s'])
    .where('webhooks.url', 'is not', null)
    .where('requests.state', '=', 'published')
    .where('requests.expires_s', '>', afterS)
    .where('requests.expires_s', '<=', nowS)
    .orderBy('requests.expires_s')
    .execute();
}

async function noteProgress(step: Transaction<Tables>, leaf: number, sweptS: number): Promise<void> {
  await step
    .insertInto('webhook_progress')
    .values({ one: 1, leaf, swept_s: sweptS })
    .onConflict((conflict) => conflict.column('one').doUpdateSet({ leaf, swept_s: sweptS }))
    .execute();
}

function toEvent(row: Selectable<Tables['webhook_events']>): KeptEvent {
  const { made_s: madeS, next_s: nextS, ...rest } = row;
  return { ...rest, madeS, nextS };
}
