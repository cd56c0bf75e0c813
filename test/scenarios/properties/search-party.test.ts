// @module-tag long
// Holds: nobody learns which homes take part in Search Party, nor which have seen a pet. One story is run once for each kind of
// home with the same seed; all that registry, bridge, agency, area broker and the pet's owner log, store, receive and are
// answered is the same, byte for byte, and in the same steps, until an owner grants. What is taken out first is what
// anonymity.test.ts takes out.
import { beforeAll, describe, expect, it } from 'vitest';
import { proved } from '../../support/proved.ts';
import { differences, laterMs, OBSERVERS, seenBy, TELLING_MS } from './support/observers.ts';
import type { Recording } from './support/recording.ts';
import { SEARCH_KINDS, SearchHomes, type SearchKind } from './support/search-homes.ts';

const SEED = 20_261_126;
const ORDINARY: SearchKind = 'takes no part';
const runs = new Map<SearchKind, Recording>();

function runOf(kind: SearchKind): Recording {
  const found = runs.get(kind);
  if (!found) throw new Error(`no run of ${kind}`);
  return found;
}

describe(`homes and a search (seed ${SEED})`, () => {
  beforeAll(async () => {
    for (const kind of SEARCH_KINDS) runs.set(kind, await SearchHomes.runSearch(kind, SEED, 1));
  }, 240_000);

  it.each(SEARCH_KINDS.filter((kind) => kind !== ORDINARY))('one that %s looks as one that takes no part', (kind) => {
    expect(differences(runOf(ORDINARY), runOf(kind))).toEqual([]);
  });

  it('say nothing to the bridge, and at the area broker no more than that they listen', (test) => {
    for (const kind of SEARCH_KINDS) {
      expect([kind, seenBy(runOf(kind), 'bridge, from homes')]).toEqual([kind, []]);
      const said = (of: SearchKind) => runOf(of).of('area broker, from homes');
      if (kind !== 'offline') expect([kind, said(kind)]).toEqual([kind, said(ORDINARY)]);
    }
    const lines = Object.keys(OBSERVERS).reduce((sum, who) => sum + runOf(ORDINARY).of(who).length, 0);
    proved(test, 'what others see of five kinds of homes in Search Party', `${lines} lines, byte for byte equal`);
  });

  it('acknowledge in the same time, which finds a planted delay', async () => {
    for (const kind of SEARCH_KINDS.filter((each) => each !== 'offline'))
      expect([kind, Math.abs(laterMs(runOf(ORDINARY), runOf(kind))) < TELLING_MS]).toEqual([kind, true]);
    const slow = await SearchHomes.runSearch('ignored a sighting', SEED, 1, 'delay');
    expect(laterMs(runOf(ORDINARY), slow)).toBeGreaterThan(TELLING_MS);
  }, 120_000);

  it('would be given away by a device that calls the bridge when it has seen a pet', async () => {
    const leaking = await SearchHomes.runSearch('ignored a sighting', SEED, 1, 'retry');
    expect(differences(runOf(ORDINARY), leaking).map((line) => line.split(':')[0])).toContain('bridge, from homes');
  }, 120_000);
});
