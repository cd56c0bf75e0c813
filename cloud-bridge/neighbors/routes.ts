// Owns: the HTTP routes of the public pages and feeds: paging, entity tags, headers. Not here: what they say.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Clock, wallSeconds } from '../../device/base/clock.ts';
import { sha256Hex } from '../../device/base/keys.ts';
import { failure } from '../../device/protocol/errors.ts';
import { idSchema } from '../../device/protocol/ids.ts';
import type { RequestRules } from '../config.ts';
import { parseBody } from '../http/server.ts';
import type { Partners } from '../partners/partners.ts';
import { atomFeed, type FeedPage, jsonFeed } from './feeds.ts';
import { CONTENT_POLICY } from './html.ts';
import { agencyPage, feedPage, postPage } from './pages.ts';
import { viewOf } from './post-view.ts';
import type { NeighborsStore, PostCursor } from './store.ts';
import { type Transparency, transparencyOf, transparencyPage } from './transparency.ts';

export interface NeighborsDeps {
  clock: Clock;
  store: NeighborsStore;
  partners: Partners;
  rules: RequestRules;
  publicUrl: () => string;
}

const PAGE_POSTS = 50;
const MONTH_S = 30 * 24 * 3600;
const TITLE = 'Neighbors';

const postSchema = z.strictObject({ request: idSchema });
const agencySchema = z.strictObject({ agency: idSchema });
/** Where the page before ended: seconds, a dot, the request's id. */
const querySchema = z.strictObject({
  before: z
    .string()
    .regex(/^\d{1,12}\.[a-z0-9][a-z0-9-]{0,62}$/)
    .optional(),
});

/** Adds the routes. Anyone may read them. */
export function neighborsRoutes(server: FastifyInstance, deps: NeighborsDeps): void {
  const paths = pathsUnder(() => deps.publicUrl().replace(/\/$/, ''));

  server.get('/neighbors', async (request, reply) => {
    const feed = await feedOf(deps, paths, request, null, paths.feed());
    return html(
      request,
      reply,
      feedPage(feed, { json: paths.json(), atom: paths.atom(), transparency: paths.bridge() }),
    );
  });
  server.get('/neighbors/feed.json', async (request, reply) => {
    const feed = await feedOf(deps, paths, request, null, paths.json());
    return answer(request, reply, 'application/feed+json', JSON.stringify(jsonFeed(feed)));
  });
  server.get('/neighbors/feed.atom', async (request, reply) => {
    const feed = await feedOf(deps, paths, request, null, paths.atom());
    return answer(request, reply, 'application/atom+xml; charset=utf-8', atomFeed(feed));
  });
  server.get('/neighbors/posts/:request', async (request, reply) => {
    const found = await deps.store.post(parseBody(postSchema, request.params).request);
    if (!found) throw failure('http_not_found');
    const post = viewOf(found, wallSeconds(deps.clock));
    return html(request, reply, postPage({ ...frame(paths), title: TITLE, self: '', next: null, posts: [post] }, post));
  });
  server.get('/neighbors/agencies/:agency', async (request, reply) => {
    const { agency } = parseBody(agencySchema, request.params);
    const profile = await deps.store.profile(agency);
    if (!profile) throw failure('http_not_found');
    const feed = await feedOf(deps, paths, request, agency, paths.agency(agency));
    const facts = { profile, outcomes: await deps.store.outcomes(agency, 0), transparency: paths.ofAgency(agency) };
    return html(
      request,
      reply,
      agencyPage({ ...feed, title: profile.name }, facts, { json: paths.agencyJson(agency) }),
    );
  });
  server.get('/neighbors/agencies/:agency/feed.json', async (request, reply) => {
    const { agency } = parseBody(agencySchema, request.params);
    const profile = await deps.store.profile(agency);
    if (!profile) throw failure('http_not_found');
    const feed = await feedOf(deps, paths, request, agency, paths.agencyJson(agency));
    const outcomes = await deps.store.outcomes(agency, 0);
    const body = { ...jsonFeed({ ...feed, title: profile.name }), _doorsill: { outcomes } };
    return answer(request, reply, 'application/feed+json', JSON.stringify(body));
  });
  server.get('/neighbors/transparency', async (request, reply) =>
    html(request, reply, transparencyPage('this bridge', await told(deps, null), paths.feed())),
  );
  server.get('/neighbors/agencies/:agency/transparency', async (request, reply) => {
    const { agency } = parseBody(agencySchema, request.params);
    const name = (await deps.store.profile(agency))?.name ?? '';
    return html(request, reply, transparencyPage(name, await told(deps, agency), paths.feed()));
  });
  server.get('/v1/transparency', async (request, reply) =>
    answer(request, reply, 'application/json', JSON.stringify(await told(deps, null))),
  );
  server.get('/v1/transparency/:agency', async (request, reply) => {
    const { agency } = parseBody(agencySchema, request.params);
    return answer(request, reply, 'application/json', JSON.stringify(await told(deps, agency)));
  });
}

type Paths = ReturnType<typeof pathsUnder>;

function pathsUnder(base: () => string) {
  const at = (path: string) => `${base()}/neighbors${path}`;
  return {
    feed: () => at(''),
    json: () => at('/feed.json'),
    atom: () => at('/feed.atom'),
    bridge: () => at('/transparency'),
    post: (request: string) => at(`/posts/${request}`),
    agency: (organisation: string) => at(`/agencies/${organisation}`),
    agencyJson: (organisation: string) => at(`/agencies/${organisation}/feed.json`),
    ofAgency: (organisation: string) => at(`/agencies/${organisation}/transparency`),
  };
}

function frame(paths: Paths): Pick<FeedPage, 'home' | 'postUrl' | 'agencyUrl'> {
  return { home: paths.feed(), postUrl: paths.post, agencyUrl: paths.agency };
}

/** One page of posts at `self`. Throws `http_body_invalid` for a cursor that is none. */
async function feedOf(
  { store, clock }: NeighborsDeps,
  paths: Paths,
  request: FastifyRequest,
  of: string | null,
  self: string,
): Promise<FeedPage> {
  const { before } = parseBody(querySchema, request.query);
  // One more than is shown tells whether there is another page.
  const posts = await store.posts(of, cursorOf(before), PAGE_POSTS + 1);
  const shown = posts.slice(0, PAGE_POSTS);
  const last = shown.at(-1);
  const next = posts.length > PAGE_POSTS && last ? `${self}?before=${last.publishedS}.${last.request}` : null;
  const nowS = wallSeconds(clock);
  const here = before === undefined ? self : `${self}?before=${before}`;
  return { ...frame(paths), title: TITLE, self: here, next, posts: shown.map((post) => viewOf(post, nowS)) };
}

function cursorOf(before: string | undefined): PostCursor | null {
  if (before === undefined) return null;
  const dot = before.indexOf('.');
  return { publishedS: Number(before.slice(0, dot)), request: before.slice(dot + 1) };
}

async function told(deps: NeighborsDeps, agency: string | null): Promise<Transparency> {
  const { store, clock, rules, partners } = deps;
  const profile = agency === null ? null : await store.profile(agency);
  if (agency !== null && !profile) throw failure('http_not_found');
  const nowS = wallSeconds(clock);
  const [ever, lastMonth, devices, all] = [
    await store.outcomes(agency, 0),
    await store.outcomes(agency, nowS - MONTH_S),
    await store.devices(),
    await partners.list(),
  ];
  return transparencyOf({ rules, profile, ever, lastMonth, devices, partners: all });
}

function html(request: FastifyRequest, reply: FastifyReply, body: string): FastifyReply {
  reply.headers({ 'content-security-policy': CONTENT_POLICY, 'referrer-policy': 'no-referrer' });
  return answer(request, reply, 'text/html; charset=utf-8', body);
}

/** Answers with an entity tag, and with 304 to who has this very body (RFC 9110 §13.1.2). */
function answer(request: FastifyRequest, reply: FastifyReply, type: string, body: string): FastifyReply {
  const tag = `"${sha256Hex(body)}"`;
  reply.headers({ etag: tag, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' });
  const held = (request.headers['if-none-match'] ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  if (held.includes(tag) || held.includes('*')) return reply.code(304).send();
  return reply.type(type).send(body);
}
