// Every access to a clip is in the audit with reader, time and reason. An agency sees its own entries, the admin all, everybody else none.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemRandom } from '../../../device/base/random.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { makeParty } from '../../support/parties.ts';
import { Sqlite } from '../../support/sqlite.ts';

const HOSTILE = `<script>alert(1)</script> "&' \u202etxt.exe`;
const FORMULA = '=HYPERLINK("http://evil.example";"case")';
let fixture: BridgeFixture;
let parcel: Parcel;
const other = makeParty('agency', new SystemRandom());

beforeAll(async () => {
  fixture = await BridgeFixture.open();
  parcel = fixture.parcel(await fixture.ready());
  await fixture.deliver(parcel);
  await fixture.registry.register(
    fixture.registration({ name: 'Shelbyville Police', domain: 'shelbyville.example' }, other),
  );
  await fixture.registry.approve(other.id);
  const { cast } = fixture;
  const read = (path: string, reason: string, headers = {}) =>
    fixture.get(path, fixture.access(parcel.clipId, cast.agency, { reason }), headers);
  await read(`/v1/clips/${parcel.clipId}/manifest`, 'review by Sgt. Hill');
  await read(`/v1/clips/${parcel.clipId}`, FORMULA, { range: 'bytes=0-99' });
  await read(`/v1/clips/${parcel.clipId}`, 'as of before');
  await fixture.get('/v1/clips', fixture.access('all', other, { reason: 'what is there' }));
  // Earlier versions took any text from an officer, and their rows must still be readable.
  const database = new Sqlite(join(fixture.bridgeFolder, 'bridge.sqlite'));
  database.prepare('update access_log set reason = ? where reason = ?').run(HOSTILE, 'as of before');
  database.close();
});
afterAll(() => fixture.close());

type Row = Record<string, unknown>;
const page = async (query: string, bearer = fixture.bridge.adminToken) => {
  const { status, body } = await fixture.get(`/v1/access-audit${query}`, bearer);
  return { status, code: body['code'], accesses: body['accesses'] as Row[], next: body['next'] as string | null };
};
const told = ({ agency, action, part, reason }: Row) => [agency, action, part, reason];
const OFFICER = 'Det. Rivera, badge 4711';

describe('the audit', () => {
  it('has every view, stream, download and list, oldest first, each with its leaf', async () => {
    const { accesses, next } = await page('');
    const { agency } = fixture.cast;
    expect(accesses.map(told)).toEqual([
      [agency.id, 'view', 'manifest', 'review by Sgt. Hill'],
      [agency.id, 'stream', 'clip', FORMULA],
      [agency.id, 'download', 'clip', HOSTILE],
      [other.id, 'view', 'list', 'what is there'],
    ]);
    expect(next).toBeNull();
    expect(accesses.map(({ officer }) => officer)).toEqual([OFFICER, OFFICER, OFFICER, OFFICER]);
    const leaves = accesses.map(({ leaf }) => Number(leaf));
    expect(leaves).toEqual([...new Set(leaves)].sort((a, b) => a - b));
    for (const { atUs } of accesses) expect(Math.abs(Number(atUs) / 1e6 - fixture.cast.nowS())).toBeLessThan(60);
  });

  it('comes in pages and by clip', async () => {
    const seen: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const behind: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { accesses, next }: { accesses: Row[]; next: string | null } = await page(`?limit=1${behind}`);
      seen.push(...accesses.map(({ action }) => action));
      cursor = next;
    }
    expect(seen).toEqual(['view', 'stream', 'download', 'view']);
    expect((await page(`?clip=${parcel.clipId}`)).accesses).toHaveLength(3);
    expect((await page(`?agency=${other.id}`)).accesses).toHaveLength(1);
    expect((await page('?limit=501')).code).toBe('http_body_invalid');
  });

  it('shows an agency its own accesses alone, and logs that it read them', async () => {
    const asked = fixture.access('all', other, { reason: 'yearly audit' });
    const { accesses } = await page('', asked);
    expect(accesses.map(told)).toEqual([
      [other.id, 'view', 'list', 'what is there'],
      [other.id, 'view', 'audit', 'yearly audit'],
    ]);
    expect(
      (await page(`?agency=${fixture.cast.agency.id}`, asked)).accesses.every((row) => row['agency'] === other.id),
    ).toBe(true);
  });

  it('is refused to everybody else', async () => {
    const codes: unknown[] = [];
    for (const bearer of [
      'x'.repeat(43),
      fixture.registry.adminToken,
      fixture.access(parcel.clipId),
      fixture.access('all', makeParty('agency', new SystemRandom())),
      parcel.bearer,
    ]) {
      for (const form of ['', '.csv', '.html']) codes.push((await page(form, bearer)).code);
    }
    const thrice = (code: string) => [code, code, code];
    expect(codes).toEqual(
      ['http_unauthorised', 'http_unauthorised', 'clip_unknown', 'agency_unknown', 'token_unknown_claims'].flatMap(
        thrice,
      ),
    );
    expect((await fixture.get('/v1/access-audit')).status).toBe(401);
  });
});

describe('an export', () => {
  const fetched = async (form: string) => {
    const headers = { authorization: `Bearer ${fixture.bridge.adminToken}` };
    const response = await fetch(`${fixture.bridge.url}/v1/access-audit.${form}?clip=${parcel.clipId}`, { headers });
    return { headers: response.headers, text: await response.text() };
  };

  it('as CSV has the rows, and no formula', async () => {
    const { headers, text } = await fetched('csv');
    expect(headers.get('content-type')).toContain('text/csv');
    const lines = text.split('\r\n');
    expect(lines[0]).toBe('number,time,agency,action,part,clip,officer,reason,token,custody leaf');
    expect(lines).toHaveLength(5);
    expect(text).toContain(`"'${FORMULA.replaceAll('"', '""')}"`);
    expect(text).toContain(`"${HOSTILE.replaceAll('"', '""')}"`);
  });

  it('as a page escapes what officers wrote, permits only its own style, and can be printed', async () => {
    const { headers, text } = await fetched('html');
    expect(text).not.toContain('<script');
    expect(text).not.toContain('\u202e');
    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &quot;&amp;&#39; \ufffdtxt.exe');
    expect(text).toContain('@page');
    expect(text).toContain('table-header-group');
    expect(text.match(/<tr><td>/g)).toHaveLength(3);
    expect(text.trimEnd().endsWith('</html>')).toBe(true);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    const style = /<style>([\s\S]*)<\/style>/.exec(text)?.[1] ?? '';
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style))).toString(
      'base64',
    );
    expect(policy).toContain(`'sha256-${digest}'`);
  });
});
