// The public pages show every post under its agency's name, page by page, with its outcome. Text from outside is never markup or a header,
// and nothing on the pages depends on what homes did.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { coarse } from '../../../cloud-bridge/neighbors/transparency.ts';
import { freshId } from '../../../device/base/random.ts';
import type { Request } from '../../../device/contract/request.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { textClaim } from '../../support/parties.ts';

const EVIL = `"><script>alert(1)</script>'); drop table requests; --\r\nSet-Cookie: a=b\u0000\u202e{{7*7}}&amp;<![CDATA[`;
const POSTS = 60;

let fixture: BridgeFixture;
let evil: string;
let resolved: string;
const ids: string[] = [];

const post = async (changes: Partial<Request> = {}) => {
  const request = fixture.cast.request({ investigation: freshId(fixture.random, 'case'), ...changes });
  const { status, body } = await fixture.post('/v1/requests', { request });
  expect([status, body['detail']]).toEqual([201, undefined]);
  return textClaim(request, 'jti');
};

beforeAll(async () => {
  fixture = await BridgeFixture.open({ bridge: { requests: { openPerCellMax: 99, postsPerInvestigation: 1_000 } } });
  await fixture.admitAgency();
  await fixture.enrol();
  for (let count = 0; count < POSTS; count += 1) {
    // The cells of a place hold 99 at most.
    fixture.clock.shiftS = count;
    const area = fixture.cast.place.longitude + (count % 2) * 0.5;
    const ring: [number, number][] = [
      [area, 37.7],
      [area + 0.008, 37.7],
      [area + 0.008, 37.708],
      [area, 37.708],
      [area, 37.7],
    ];
    ids.push(await post({ area: { type: 'Polygon', coordinates: [ring] } }));
  }
  fixture.clock.shiftS = POSTS;
  evil = await post({
    text: EVIL,
    incidentType: EVIL.slice(0, 60),
    investigation: EVIL.slice(0, 50),
    contact: { name: EVIL.slice(0, 90), phone: EVIL.slice(0, 40) },
  });
  resolved = ids[0] ?? '';
  await fixture.post(
    `/v1/requests/${resolved}/resolve`,
    {},
    fixture.agencyCall({ action: 'resolve-request', request: resolved }),
  );
}, 60_000);
afterAll(() => fixture.close());

const raw = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${fixture.bridge.url}${path}`, { headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
};
const feedSchema = z.strictObject({
  version: z.literal('https://jsonfeed.org/version/1.1'),
  title: z.string(),
  home_page_url: z.url(),
  feed_url: z.url(),
  next_url: z.url().optional(),
  items: z.array(
    z.looseObject({ id: z.string(), url: z.url(), content_text: z.string(), date_published: z.iso.datetime() }),
  ),
  _doorsill: z.looseObject({}).optional(),
});
const pathOf = (url: string) => url.slice(fixture.bridge.url.length);
const PAGES = () => [
  ...['/neighbors', '/neighbors/feed.json', '/neighbors/feed.atom', `/neighbors/posts/${evil}`],
  ...[`/neighbors/agencies/${fixture.cast.agency.id}`, `/neighbors/agencies/${fixture.cast.agency.id}/feed.json`],
  ...['/neighbors/transparency', `/neighbors/agencies/${fixture.cast.agency.id}/transparency`, '/v1/transparency'],
];

describe('the feed', () => {
  it('shows every post once, newest first, over all its pages, also while new ones are added', async () => {
    const seen: string[] = [];
    let path = '/neighbors/feed.json';
    for (let round = 0; path !== '' && round < 10; round += 1) {
      const feed = feedSchema.parse(JSON.parse((await raw(path)).text));
      expect(feed.items.length).toBeLessThanOrEqual(50);
      seen.push(...feed.items.map(({ id }) => id));
      path = feed.next_url === undefined ? '' : pathOf(feed.next_url);
      if (round === 0) {
        fixture.clock.shiftS += 1;
        await post();
      }
    }
    expect(seen).toEqual([evil, ...ids.toReversed()]);
  });

  it('shows the outcome of a post', async () => {
    const states = [];
    for (let path = '/neighbors/feed.json'; path !== ''; ) {
      const feed = feedSchema.parse(JSON.parse((await raw(path)).text));
      states.push(
        ...feed.items.map((item) => [item.id, z.looseObject({ state: z.string() }).parse(item['_doorsill']).state]),
      );
      path = feed.next_url === undefined ? '' : pathOf(feed.next_url);
    }
    expect(states.filter(([, state]) => state !== 'published')).toEqual([[resolved, 'resolved']]);
    expect((await raw(`/neighbors/posts/${resolved}`)).text).toContain('<span class="state">resolved</span>');
  });

  it('is well-formed Atom, with every post’s text as text', async () => {
    const { text, headers } = await raw('/neighbors/feed.atom');
    expect(headers.get('content-type')).toBe('application/atom+xml; charset=utf-8');
    expect(text.match(/<entry>/g)).toHaveLength(50);
    assertWellFormed(text);
    expect(text).toContain(`<link rel="next" href="${fixture.bridge.url}/neighbors/feed.atom?before=`);
  });

  it('answers 304 to a client that has the current page, and not once it has changed', async () => {
    for (const path of PAGES()) {
      const { headers, text } = await raw(path);
      const tag = headers.get('etag') ?? '';
      expect(headers.get('cache-control')).toBe('no-cache');
      const again = await raw(path, { 'if-none-match': `"other", W/${tag}` });
      expect([path, again.status, again.text, again.headers.get('etag')]).toEqual([path, 304, '', tag]);
      expect((await raw(path, { 'if-none-match': '"other"' })).text).toBe(text);
    }
    const before = (await raw('/neighbors')).headers.get('etag') ?? '';
    fixture.clock.shiftS += 1;
    await post();
    expect((await raw('/neighbors', { 'if-none-match': before })).status).toBe(200);
  });

  it.each(['x', '1', '1.', '-1.a', '1.A', "1.a'--", '1.a&before=2.b', `1.${'a'.repeat(64)}`])(
    'refuses a malformed cursor: %s',
    async (before) => {
      for (const path of ['/neighbors', '/neighbors/feed.json', '/neighbors/feed.atom'])
        expect((await fixture.get(`${path}?before=${before}`)).body['code']).toBe('http_body_invalid');
      expect((await fixture.get('/neighbors?page=2')).body['code']).toBe('http_body_invalid');
    },
  );
});

describe('an agency’s profile', () => {
  it('counts what the agency published and resolved, and shows all of it', async () => {
    const { agency } = fixture.cast;
    const { text } = await raw(`/neighbors/agencies/${agency.id}`);
    const figures = (name: string) => new RegExp(`<dt>${name}</dt><dd>(\\d+)</dd>`).exec(text)?.[1];
    const feed = JSON.parse((await raw(`/neighbors/agencies/${agency.id}/feed.json`)).text);
    expect(feed._doorsill.outcomes).toEqual({ published: Number(figures('Published')), resolved: 1 });
    expect(Number(figures('Published'))).toBeGreaterThan(POSTS);
    expect(text).toContain('springfield.example');
    for (const path of [
      'agencies/agency-nobody',
      'agencies/agency-nobody/feed.json',
      'agencies/agency-nobody/transparency',
    ])
      expect((await fixture.get(`/neighbors/${path}`)).body['code']).toBe('http_not_found');
    expect((await fixture.get('/neighbors/posts/request-nobody')).body['code']).toBe('http_not_found');
  });
});

describe('the transparency page', () => {
  it('has the sections of such portals, for the bridge and for an agency', async () => {
    for (const path of ['/neighbors/transparency', `/neighbors/agencies/${fixture.cast.agency.id}/transparency`]) {
      const { text } = await raw(path);
      for (const heading of [
        'asked for',
        'not collected',
        'Acceptable uses',
        'Prohibited uses',
        'Access',
        'Retention',
        'Figures',
        'Partners',
      ])
        expect(text).toContain(heading);
      expect(text).toContain('Requests published in the last 30 days');
      expect(text).toContain('Flock Safety: ended since 2026-02-12');
    }
    const { body } = await fixture.get(`/v1/transparency/${fixture.cast.agency.id}`);
    const { figures } = z.object({ figures: z.array(z.object({ label: z.string() })) }).parse(body);
    expect(figures.map(({ label }) => label)).toEqual([
      ...['Requests published in the last 30 days', 'of these marked as resolved', 'Requests published'],
      ...['marked as resolved', 'Cameras', 'Vehicles detected in the last 30 days'],
    ]);
  });

  it('gives the number of cameras rounded to tens, and none for an agency', async () => {
    expect([0, 9, 10, 19, 123].map(coarse)).toEqual([
      ...['fewer than 10', 'fewer than 10', '10 or more', '10 or more', '120 or more'],
    ]);
    expect(JSON.stringify((await fixture.get('/v1/transparency')).body)).toContain('fewer than 10');
    expect(JSON.stringify((await fixture.get(`/v1/transparency/${fixture.cast.agency.id}`)).body)).toContain(
      'not known',
    );
  });

  it('counts the last 30 days apart', async () => {
    fixture.clock.shiftS = 29 * 24 * 3600;
    const figures = async () =>
      z
        .object({ figures: z.array(z.object({ label: z.string(), value: z.string() })) })
        .parse((await fixture.get('/v1/transparency')).body)
        .figures.map(({ value }) => value);
    const [recent, , ever] = await figures();
    expect(recent).toBe(ever);
    fixture.clock.shiftS = 31 * 24 * 3600;
    expect((await figures()).slice(0, 4)).toEqual(['0', '0', ever, '1']);
    fixture.clock.shiftS = POSTS + 5;
  });
});

it('text from outside is never markup, header or SQL', async () => {
  for (const path of PAGES()) {
    const { text, headers } = await raw(path);
    // In JSON a tag is text; everywhere else it would be markup.
    if (!headers.get('content-type')?.includes('json')) expect(text).not.toMatch(/<script|<!\[CDATA\[/i);
    expect(text).not.toMatch(/\u202e|\\u202e|\\u0000/i);
    expect(text.includes(String.fromCharCode(0))).toBe(false);
    expect(headers.get('set-cookie')).toBeNull();
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    if (headers.get('content-type')?.startsWith('text/html')) {
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
      assertWellFormed(text.replace('<!doctype html>', '').replaceAll(/<(meta|link)([^>]*)>/g, '<$1$2/>'));
    }
  }
  const page = await raw(`/neighbors/posts/${evil}`);
  expect(page.text).toContain('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;); drop table requests; --');
  expect(page.text).toContain('&amp;amp;');
  const item = JSON.parse((await raw(`/neighbors/feed.json?before=${9_999_999_999}.z`)).text).items.find(
    ({ id }: { id: string }) => id === evil,
  );
  expect(item.content_text).toContain('<script>alert(1)</script>');
  expect((await fixture.get('/neighbors')).status).toBe(200);
});

it('looks the same whether homes have answered or not', async () => {
  const look = async () =>
    (await Promise.all(PAGES().map((path) => raw(path)))).map(({ text, headers }) => [text, headers.get('etag')]);
  const before = await look();
  const request = fixture.cast.request({ investigation: 'last' });
  await fixture.post('/v1/requests', { request });
  const asked = await look();
  expect(asked).not.toEqual(before);
  expect((await fixture.deliver(fixture.parcel(request))).status).toBe(204);
  expect(await look()).toEqual(asked);
});

/** Whether every element is closed in order, and no character is one that XML 1.0 forbids. */
function assertWellFormed(text: string): void {
  expect(text).not.toMatch(/(?![\t\n\r])\p{Cc}|[\ufffe\uffff]/u);
  const open: string[] = [];
  for (const [, close, name = '', , self] of text.matchAll(/<(\/?)([a-z0-9]+)((?:\s[a-z:-]+="[^"<]*")*)\s*(\/?)>/g)) {
    if (self) continue;
    if (close) expect(open.pop()).toBe(name);
    else open.push(name);
  }
  expect(open).toEqual([]);
  const rest = text
    .replaceAll(/<\/?[a-z0-9]+(?:\s[a-z:-]+="[^"<]*")*\s*\/?>|<\?xml[^>]*\?>/g, '')
    .replace(/body\{.*?\}\}/s, '');
  expect(rest).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;|#39;)/);
}
