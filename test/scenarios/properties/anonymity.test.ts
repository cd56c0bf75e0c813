// Nobody learns who stayed silent. One story runs four times with the same seed and different homes (no footage, declined, ignored,
// offline); everything that registry, bridge, agency and area broker log, store, receive and are answered is the same, byte for byte, in
// the same steps. Removed first, because they do not depend on homes: port numbers, the HTTP `date` header, MQTT packet ids and pings, and
// a socket before its first request. An offline home is not at the broker, so its session's own packets (subscriptions and
// acknowledgements, no message) are not compared: a broker's operator sees presence (DESIGN's and SECURITY.md's limit). Database pages are
// compared as rows.
import { beforeAll, describe, expect, it } from 'vitest';
import { proved } from '../../support/proved.ts';
import { HOME_KINDS, type HomeKind, Homes, type Leak } from './support/homes.ts';
import { differences, laterMs, OBSERVERS, seenBy, TELLING_MS } from './support/observers.ts';
import type { Recording } from './support/recording.ts';

const SLOW = process.env['DOORSILL_SLOW'] === '1';
const SEED = 20_261_125;
const COUNT = SLOW ? 3 : 1;

const runs = new Map<HomeKind, Recording>();
const runOf = (kind: HomeKind): Recording => {
  const found = runs.get(kind);
  if (!found) throw new Error(`no run of ${kind}`);
  return found;
};

describe(`homes that stay silent (seed ${SEED})`, () => {
  beforeAll(async () => {
    for (const kind of HOME_KINDS) runs.set(kind, await Homes.run(kind, SEED, COUNT));
  }, 240_000);

  it.each(HOME_KINDS.filter((kind) => kind !== 'ignored'))(
    'that %s look to everybody as those that ignored the request',
    (kind) => {
      expect(differences(runOf('ignored'), runOf(kind))).toEqual([]);
    },
  );

  it('send nothing to the bridge, and only subscriptions to the area broker', () => {
    for (const kind of HOME_KINDS) {
      expect(seenBy(runOf(kind), 'bridge, from homes')).toEqual([]);
      const packets = runOf(kind)
        .of('area broker, from homes')
        .filter((line) => !line.startsWith('0 '));
      const commands = new Set(packets.map((line) => line.split(' ')[2]));
      expect([kind, [...commands].sort()]).toEqual([kind, kind === 'offline' ? [] : ['puback']]);
      if (kind !== 'offline')
        expect(packets).toEqual(
          runOf('ignored')
            .of('area broker, from homes')
            .filter((line) => !line.startsWith('0 ')),
        );
    }
  });

  // Times are unreliable on a busy machine: measured where the check runs.
  it('acknowledge equally fast', { tags: ['long'] }, (test) => {
    const later = HOME_KINDS.filter((kind) => kind !== 'offline').map((kind) => laterMs(runOf('ignored'), runOf(kind)));
    expect(Math.max(...later.map(Math.abs))).toBeLessThan(TELLING_MS);
    const count = runOf('ignored').acknowledgedMs.length;
    proved(test, 'how long silent homes take to acknowledge', `medians of ${count} within ${TELLING_MS} ms`);
  });

  it('would be detected by a planted delay of acknowledgements', { tags: ['long'], timeout: 120_000 }, async () => {
    const slow = await Homes.run('declined', SEED, COUNT, 'delay');
    expect(laterMs(runOf('ignored'), slow)).toBeGreaterThan(TELLING_MS);
    expect(differences(runOf('ignored'), slow)).toEqual([]);
  });

  it('are observed by every observer, and each has seen something', (test) => {
    const run = runOf('declined');
    const unheard = run.who().filter((who) => !Object.keys(OBSERVERS).includes(who));
    expect(unheard).toEqual(['area broker, from homes']);
    const seen = Object.keys(OBSERVERS).map((who) => [who, run.of(who).length > 0]);
    expect(seen).toEqual(Object.keys(OBSERVERS).map((who) => [who, true]));
    const lines = Object.keys(OBSERVERS).reduce((sum, who) => sum + run.of(who).length, 0);
    proved(
      test,
      'what registry, bridge, agency and broker see of four kinds of silence',
      `${lines} lines, byte for byte equal`,
    );
  });

  it.each<[Exclude<Leak, 'delay'>, string]>([
    ['count', 'bridge, its database'],
    ['timing', 'anyone at the area broker'],
    ['retry', 'bridge, from homes'],
    ['error', 'bridge, its log'],
  ])('would be detected by a planted leak: %s', { tags: ['long'], timeout: 120_000 }, async (leak, who) => {
    const found = differences(runOf('ignored'), await Homes.run('declined', SEED, COUNT, leak));
    expect(found.map((line) => line.split(':')[0])).toContain(who);
  });
});
