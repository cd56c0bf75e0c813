import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import { failure } from '@doorsill/contract/errors';
import { idSchema } from '@doorsill/contract/ids';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Call, Router } from '../http/router.ts';
import type { Partners } from '../partners/partners.ts';
import type { RequestRules } from '../requests/requests-settings.ts';
import { atomFeed, type FeedPage, jsonFeed } from './feeds.ts';
import { CONTENT_POLICY } from './markup.ts';
import type { AgencyProfile, NeighborsStore, PostCursor } from './neighbors-store.ts';
import { viewOf } from './post-view.ts';
import { agencyPage, feedPage, postPage } from './public-pages.ts';
import { Transparency, transparencyOf, transparencyPage } from './transparency.ts';

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
const HTML_TYPE = 'text/html';

const postSchema = z.strictObject({ request: idSchema });
const agencySchema = z.strictObject({ agency: idSchema });
/** Where the previous page ended: seconds, a dot, the request's id. */
const pageSchema = z.strictObject({
  before: z
    .string()
    .regex(/^\d{1,12}\.[a-z0-9][a-z0-9-]{0,62}$/)
    .optional(),
});

const outcomesSchema = z.strictObject({ published: z.int().nonnegative(), resolved: z.int().nonnegative() });
const FEED_TYPE = 'application/feed+json';
const ATOM_TYPE = 'application/atom+xml';

/** Adds the routes. Anyone may read them. */
export function neighborsRoutes(api: Router, deps: NeighborsDeps): void {
  const paths = pathsUnder(() => deps.publicUrl().replace(/\/$/, ''));
  feedRoutes(api, deps, paths);
  agencyRoutes(api, deps, paths);
  transparencyRoutes(api, deps, paths);
}

/** What the public routes have in common. */
const open = (path: string, type: string, about: string) =>
  ({ method: 'GET', path, roles: ['public'], answer: { media: type }, also: { 304: null }, about }) as const;

function feedRoutes(api: Router, deps: NeighborsDeps, paths: Paths): void {
  const query = pageSchema;
  api.route({ ...open('/neighbors', HTML_TYPE, 'All posts, as a page.'), query }, async (call) => {
    const feed = await feedOf(deps, paths, call.query.before, null, paths.feed());
    const links = { json: paths.json(), atom: paths.atom(), transparency: paths.bridge() };
    return html(call, feedPage(feed, links));
  });
  api.route({ ...open('/neighbors/feed.json', FEED_TYPE, 'All posts, as JSON Feed 1.1.'), query }, async (call) => {
    const feed = await feedOf(deps, paths, call.query.before, null, paths.json());
    return answer(call, FEED_TYPE, JSON.stringify(jsonFeed(feed)));
  });
  api.route({ ...open('/neighbors/feed.atom', ATOM_TYPE, 'All posts, as Atom (RFC 4287).'), query }, async (call) => {
    const feed = await feedOf(deps, paths, call.query.before, null, paths.atom());
    return answer(call, `${ATOM_TYPE}; charset=utf-8`, atomFeed(feed));
  });
  const one = open('/neighbors/posts/:request', HTML_TYPE, 'One post, as a page.');
  api.route({ ...one, params: postSchema }, async (call) => {
    const found = await deps.store.post(call.params.request);
    if (!found) throw failure('http_not_found');
    const post = viewOf(found, wallSeconds(deps.clock));
    return html(call, postPage({ ...frame(paths), title: TITLE, self: '', next: null, posts: [post] }, post));
  });
}

function agencyRoutes(api: Router, deps: NeighborsDeps, paths: Paths): void {
  const shape = { params: agencySchema, query: pageSchema };
  const base = '/neighbors/agencies/:agency';
  api.route({ ...open(base, HTML_TYPE, 'An agency and its posts, as a page.'), ...shape }, async (call) => {
    const { agency } = call.params;
    const profile = await profileOf(deps, agency);
    const feed = await feedOf(deps, paths, call.query.before, agency, paths.agency(agency));
    const facts = { profile, outcomes: await deps.store.outcomes(agency, 0), transparency: paths.ofAgency(agency) };
    return html(call, agencyPage({ ...feed, title: profile.name }, facts, { json: paths.agencyJson(agency) }));
  });
  const json = open(`${base}/feed.json`, FEED_TYPE, 'The posts of an agency, as JSON Feed 1.1.');
  api.route({ ...json, ...shape }, async (call) => {
    const { agency } = call.params;
    const profile = await profileOf(deps, agency);
    const feed = await feedOf(deps, paths, call.query.before, agency, paths.agencyJson(agency));
    const outcomes = outcomesSchema.parse(await deps.store.outcomes(agency, 0));
    const body = { ...jsonFeed({ ...feed, title: profile.name }), _doorsill: { outcomes } };
    return answer(call, FEED_TYPE, JSON.stringify(body));
  });
}

function transparencyRoutes(api: Router, deps: NeighborsDeps, paths: Paths): void {
  const page = open('/neighbors/transparency', HTML_TYPE, 'How this bridge is used, as a page.');
  api.route(page, async (call) => html(call, transparencyPage('this bridge', await factsOf(deps, null), paths.feed())));
  const ofAgency = open('/neighbors/agencies/:agency/transparency', HTML_TYPE, 'How an agency uses it, as a page.');
  api.route({ ...ofAgency, params: agencySchema }, async (call) => {
    const { name } = await profileOf(deps, call.params.agency);
    return html(call, transparencyPage(name, await factsOf(deps, call.params.agency), paths.feed()));
  });
  const json = { ...open('/v1/transparency', '', 'How this bridge is used.'), answer: Transparency };
  api.route(json, async (call) => factsOf(deps, null).then((facts) => jsonAnswer(call, facts)));
  const agencyJson = { ...open('/v1/transparency/:agency', '', 'How an agency uses it.'), answer: Transparency };
  api.route({ ...agencyJson, params: agencySchema }, async (call) =>
    jsonAnswer(call, await factsOf(deps, call.params.agency)),
  );
}

async function profileOf({ store }: NeighborsDeps, agency: string): Promise<AgencyProfile> {
  const profile = await store.profile(agency);
  if (!profile) throw failure('http_not_found');
  return profile;
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

/** One page of posts at `self`. */
async function feedOf(
  { store, clock }: NeighborsDeps,
  paths: Paths,
  before: string | undefined,
  of: string | null,
  self: string,
): Promise<FeedPage> {
  // One post more than is shown tells whether there is another page.
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

async function factsOf(deps: NeighborsDeps, agency: string | null): Promise<Transparency> {
  const { store, clock, rules, partners } = deps;
  const profile = agency === null ? null : await profileOf(deps, agency);
  const nowS = wallSeconds(clock);
  const [ever, lastMonth, devices, all] = [
    await store.outcomes(agency, 0),
    await store.outcomes(agency, nowS - MONTH_S),
    await store.devices(),
    await partners.list(),
  ];
  return transparencyOf({ rules, profile, ever, lastMonth, devices, partners: all });
}

type Exchange = Pick<Call<z.ZodType, z.ZodType, null>, 'request' | 'reply'>;

function html(call: Exchange, body: string): FastifyReply {
  call.reply.headers({ 'content-security-policy': CONTENT_POLICY, 'referrer-policy': 'no-referrer' });
  return answer(call, `${HTML_TYPE}; charset=utf-8`, body);
}

function jsonAnswer(call: Exchange, facts: Transparency): FastifyReply {
  return answer(call, 'application/json', JSON.stringify(Transparency.parse(facts)));
}

/** Answers with an entity tag, or with 304 if the client has this very body (RFC 9110 §13.1.2). */
function answer({ request, reply }: Exchange, type: string, body: string): FastifyReply {
  const tag = `"${sha256Hex(body)}"`;
  reply.headers({ etag: tag, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' });
  const held = (request.headers['if-none-match'] ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  if (held.includes(tag) || held.includes('*')) return reply.code(304).send();
  return reply.type(type).send(body);
}
