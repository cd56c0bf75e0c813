import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsentContext } from '../../../device/consent/consent-context.ts';
import type { Sighted } from '../../../device/contract/home-messages.ts';
import { textClaim } from '../../support/parties.ts';
import { Searching } from '../../support/searches.ts';
import { GateRig } from './gate-rig.ts';

let rig: GateRig;
let searching: Searching;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
  searching = new Searching(rig.cast);
  await rig.command(rig.cast.command({ action: 'search-party', on: true }));
});
afterEach(() => rig.close());

const counts = () => rig.gate.unbelievedCounts();
const open = () => rig.effects.searched.at(-1) ?? [];
let revision = 0;
const hear = (tokens: string[], ended: string[] = []) => {
  revision += 1;
  const searches = tokens.map((token) => searching.published(token));
  return rig.gate.onSearchDocument(1, searching.document(searches, { revision, ended }));
};
const MINUTE_US = 60_000_000;

/** Motion of ten seconds that began this many minutes ago. */
function seen(minutesAgo: number, likeness = 0.8): Sighted {
  const startUs = rig.cast.nowS() * 1_000_000 - minutesAgo * MINUTE_US;
  return { window: { startUs, endUs: startUs + 10_000_000 }, stillUs: startUs + 4_000_000, likeness };
}

describe('a search', () => {
  it('is not opened again when the exact document with it arrives again', async () => {
    const document = searching.document([searching.published()], { revision: 1_000 });
    for (let times = 0; times < 2; times += 1) await rig.gate.onSearchDocument(1, document);
    expect([open().length, rig.effects.searched.filter((ids) => ids.length > 0).length]).toEqual([1, 1]);
  });

  it('arrives in documents whose revisions are independent of those of the agencies’ requests', async () => {
    await rig.gate.onSearchDocument(1, searching.document([searching.published()], { revision: 1_000 }));
    await rig.area(rig.cast.areaDocument([rig.cast.published()], { revision: 1 }));
    expect([open().length, rig.effects.notices.length, counts()]).toEqual([1, 1, {}]);
  });

  it('that ended before any sighting cannot be answered, and the refusal says so', async () => {
    const token = searching.search();
    await hear([token]);
    await hear([], [textClaim(token, 'jti')]);
    await rig.send('grant', searching.grant(token));
    expect(rig.effects.last().code).toBe('consent_request_cancelled');
  });

  it('that is not over yet stays when another one is', async () => {
    const [short, long] = [searching.search({ exp: rig.cast.nowS() + 10, window: since(60) }), searching.search()];
    await hear([short, long]);
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    await hear([]);
    expect(open()).toEqual([textClaim(long, 'jti')]);
  });

  it('that is known is not reported again', async () => {
    const token = searching.search();
    await hear([token]);
    await hear([token]);
    expect([open(), counts()]).toEqual([[textClaim(token, 'jti')], {}]);
  });

  it('is one of forty at most', async () => {
    for (let part = 0; part < 5; part += 1) await hear(Array.from({ length: 10 }, () => searching.search()));
    expect([open().length, counts()]).toEqual([40, { consent_too_many: 10 }]);
  });

  it.each<[string, () => object, string[]]>([
    ['lives a day', () => ({ exp: rig.cast.nowS() + 86_400 }), []],
    ['lives a second more', () => ({ exp: rig.cast.nowS() + 86_401 }), ['token_unknown_claims']],
    ['looks back a day', () => ({ window: since(86_400) }), []],
    ['looks back a second more', () => ({ window: since(86_401) }), ['token_unknown_claims']],
    ['looks beyond its end', () => ({ exp: rig.cast.nowS() + 60, window: since(60, 61) }), ['token_unknown_claims']],
    ['looks until its end', () => ({ exp: rig.cast.nowS() + 60, window: since(60, 60) }), []],
    ['ends with the next second', () => ({ exp: rig.cast.nowS() + 1, window: since(60, 1) }), []],
  ])('that %s is judged by its limits', async (_what, changes, refused) => {
    await hear([searching.search(changes())]);
    expect([open().length, Object.keys(counts())]).toEqual([1 - refused.length, refused]);
  });
  const since = (backS: number, onS = 0) => ({
    startUs: (rig.cast.nowS() - backS) * 1_000_000,
    endUs: (rig.cast.nowS() + onS) * 1_000_000,
  });

  it('that expired is dropped by the next upkeep, and cannot be answered before that either', async () => {
    const token = searching.search({ exp: rig.cast.nowS() + 10, window: since(3_600, 10) });
    await hear([token]);
    await rig.gate.sighted(textClaim(token, 'jti'), seen(5));
    expect(rig.gate.openRequests()).toHaveLength(1);
    await rig.clock.advance(10_000);
    await rig.send('grant', searching.grant(token, { window: seen(6).window }));
    expect(rig.effects.last().code).toBe('consent_request_expired');
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    expect(rig.gate.openRequests()).toEqual([]);
  });

  it('that ends with this second is dropped by the upkeep of this second', async () => {
    await hear([searching.search({ exp: rig.cast.nowS() + 30, window: since(60) })]);
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    await hear([]);
    expect(open()).toEqual([]);
  });

  it('that is open stays open, and is reported, when an owner turns Search Party on again', async () => {
    const token = searching.search();
    await hear([token]);
    await rig.command(rig.cast.command({ action: 'search-party', on: true }));
    expect(open()).toEqual([textClaim(token, 'jti')]);
  });

  it('that ended is remembered among two thousand, and the oldest is forgotten after that', async () => {
    const ids = Array.from({ length: 2_001 }, (_, number) => `search-${number}`);
    for (let from = 0; from < 2_000; from += 400) await hear([], ids.slice(from, from + 400));
    await hear([], [ids[1_999] ?? '']);
    const first = searching.search({ jti: ids[0] ?? '' });
    await hear([first]);
    expect(open()).toEqual([]);
    await hear([], ids.slice(2_000));
    await hear([first, searching.search({ jti: ids[1] ?? '' })]);
    expect(open()).toEqual([ids[0]]);
  });

  it('asks for the facts of its profile, and names those that would be disclosed', async () => {
    rig.settings.disclosure = { email: 'home@example.org' };
    await rig.reboot();
    await hear([searching.search({ jti: 'search-1', profile: 'address-and-email' })]);
    await rig.gate.sighted('search-1', seen(5));
    expect(rig.effects.sightings[0]?.wouldDisclose).toEqual({ email: 'home@example.org' });
  });
});

describe('sightings', () => {
  const told = () => rig.effects.sightings.at(-1)?.sighted.map(({ likeness }) => likeness);
  beforeEach(() => hear([searching.search({ jti: 'search-1' })]));

  it('of one search are the five likeliest, best first', async () => {
    for (const [at, likeness] of [0.5, 0.9, 0.7, 0.6, 0.8].entries()) {
      await rig.gate.sighted('search-1', seen(5 + at, likeness));
    }
    expect(told()).toEqual([0.9, 0.8, 0.7, 0.6, 0.5]);
    await rig.gate.sighted('search-1', seen(20, 0.4));
    expect(rig.effects.sightings).toHaveLength(5);
    await rig.gate.sighted('search-1', seen(21, 0.55));
    expect(told()).toEqual([0.9, 0.8, 0.7, 0.6, 0.55]);
  });

  it('are within the search’s window: the still, and that part of the motion', async () => {
    const startUs = (rig.cast.nowS() - 3_600) * 1_000_000;
    const at = (fromUs: number, stillUs: number): Sighted => ({
      window: { startUs: startUs + fromUs, endUs: startUs + fromUs + 10 },
      stillUs: startUs + stillUs,
      likeness: 0.8,
    });
    await rig.gate.sighted('search-1', at(-5, -1));
    await rig.gate.sighted('search-1', at(-10, 0));
    await rig.gate.sighted('search-1', at(-5, 5));
    expect(rig.effects.sightings).toEqual([]);
    await rig.gate.sighted('search-1', at(-5, 0));
    expect(rig.effects.sightings[0]?.sighted).toEqual([{ ...at(-5, 0), window: { startUs, endUs: startUs + 5 } }]);
  });

  it('are dropped with the footage of a window, and those outside it stay', async () => {
    await rig.gate.sighted('search-1', seen(30, 0.9));
    await rig.gate.sighted('search-1', seen(5, 0.7));
    await rig.clock.advance(2_000);
    await rig.command(rig.cast.command({ action: 'forget', window: seen(31, 0).window }));
    await rig.command(rig.cast.command({ action: 'announce' }));
    expect(told()).toEqual([0.9, 0.7]);
    await rig.command(
      rig.cast.command({ action: 'forget', window: { ...seen(31).window, endUs: seen(29).window.endUs } }),
    );
    await rig.command(rig.cast.command({ action: 'announce' }));
    expect(told()).toEqual([0.7]);
  });

  it('are not reported once their search is answered', async () => {
    await rig.gate.sighted('search-1', seen(5));
    const [notice] = rig.effects.sightings;
    await rig.send('deny', rig.cast.denial(notice?.papers.search ?? ''));
    await rig.gate.sighted('search-1', seen(9));
    expect([rig.effects.sightings.length, rig.gate.sightings()]).toEqual([1, []]);
  });

  it('are reported only of searches that have some: anything else is a bug', () => {
    const context = new ConsentContext(rig.deps());
    expect(() => context.searches.noticeOf('search-1')).toThrow('assertion failed');
  });

  it('are dropped in a home that left Search Party meanwhile', async () => {
    const off = rig.command(rig.cast.command({ action: 'search-party', on: false }));
    await Promise.all([off, rig.gate.sighted('search-1', seen(5)), hear([searching.search()])]);
    expect([rig.effects.sightings, open()]).toEqual([[], []]);
  });
});

describe('Search Party', () => {
  it('is on from the start where the settings say so, until an owner says otherwise', async () => {
    await rig.close();
    rig = await GateRig.open();
    rig.otherwise = { searchParty: true };
    await rig.ready();
    expect(rig.gate.searchPartyOn).toBe(true);
    await rig.command(rig.cast.command({ action: 'search-party', on: false }));
    expect(rig.gate.searchPartyOn).toBe(false);
  });
});
