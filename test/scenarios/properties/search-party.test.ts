// @module-tag long
// Nobody learns which homes take part in Search Party, or which have seen a pet. One story runs once for each kind of home with the same
// seed; everything that registry, bridge, agency, area broker and the pet's owner log, store, receive and are answered is the same, byte
// for byte, in the same steps, until an owner grants. The exceptions are those of anonymity.test.ts.
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

  it('send nothing to the bridge, and only subscriptions to the area broker', (test) => {
    for (const kind of SEARCH_KINDS) {
      expect([kind, seenBy(runOf(kind), 'bridge, from homes')]).toEqual([kind, []]);
      const said = (of: SearchKind) => runOf(of).of('area broker, from homes');
      if (kind !== 'offline') expect([kind, said(kind)]).toEqual([kind, said(ORDINARY)]);
    }
    const lines = Object.keys(OBSERVERS).reduce((sum, who) => sum + runOf(ORDINARY).of(who).length, 0);
    proved(test, 'what others see of five kinds of homes in Search Party', `${lines} lines, byte for byte equal`);
  });

  it('acknowledge equally fast, and a planted delay is detected', async () => {
    for (const kind of SEARCH_KINDS.filter((each) => each !== 'offline'))
      expect([kind, Math.abs(laterMs(runOf(ORDINARY), runOf(kind))) < TELLING_MS]).toEqual([kind, true]);
    const slow = await SearchHomes.runSearch('ignored a sighting', SEED, 1, 'delay');
    expect(laterMs(runOf(ORDINARY), slow)).toBeGreaterThan(TELLING_MS);
  }, 120_000);

  it('would be detected if a device called the bridge after a sighting', async () => {
    const leaking = await SearchHomes.runSearch('ignored a sighting', SEED, 1, 'retry');
    expect(differences(runOf(ORDINARY), leaking).map((line) => line.split(':')[0])).toContain('bridge, from homes');
  }, 120_000);
});
