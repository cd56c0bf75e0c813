import { expect, it } from 'vitest';
import { topicMatches } from '../../../device/base/mqtt-topic.ts';
import { integerBelow, SeededRandom } from '../../../device/base/random.ts';
import { RetainedMessages } from '../../../sim/broker/retained-messages.ts';

const message = (topic: string, text = 'x') => ({ topic, payload: Buffer.from(text) });
const topicsOf = (kept: RetainedMessages<ReturnType<typeof message>>, filter: string) =>
  [...kept.matching(filter)].map(({ topic }) => topic).sort();

it('finds messages by topic, by wildcards before and behind the place, and by a short filter', () => {
  const kept = new RetainedMessages<ReturnType<typeof message>>();
  for (const topic of [
    'd/v1/home/a',
    'd/v1/home/a/state',
    'd/v1/home/b/state',
    'd/v1/area/c/request/r',
    'short',
    '$x/y',
  ])
    kept.keep(message(topic));
  const found = (filter: string) => topicsOf(kept, filter);
  expect(found('d/v1/home/a/state')).toEqual(['d/v1/home/a/state']);
  expect(found('d/v1/home/a/#')).toEqual(['d/v1/home/a', 'd/v1/home/a/state']);
  expect(found('d/v1/home/a/+')).toEqual(['d/v1/home/a/state']);
  expect(found('d/v1/home/+/state')).toEqual(['d/v1/home/a/state', 'd/v1/home/b/state']);
  expect(found('d/v1/home/a')).toEqual(['d/v1/home/a']);
  expect(found('short')).toEqual(['short']);
  expect(found('d/v1/home/#')).toEqual(['d/v1/home/a', 'd/v1/home/a/state', 'd/v1/home/b/state']);
  expect(found('#')).toHaveLength(5);
  expect(found('d/v1/home')).toEqual([]);
});

it('agrees with topicMatches for random filters and topics', () => {
  const random = new SeededRandom(7);
  const word = (words: readonly string[]) => words[integerBelow(random, words.length)] ?? '';
  const levels = (words: readonly string[]) =>
    Array.from({ length: 1 + integerBelow(random, 6) }, () => word(words)).join('/');
  const topics = new Set(Array.from({ length: 200 }, () => levels(['a', 'b', ''])));
  const kept = new RetainedMessages<ReturnType<typeof message>>();
  for (const topic of topics) kept.keep(message(topic));
  for (let nth = 0; nth < 2_000; nth += 1) {
    const filter = levels(['a', 'b', '', '+']) + word(['', '', '/#']);
    expect(topicsOf(kept, filter), filter).toEqual([...topics].filter((topic) => topicMatches(filter, topic)).sort());
  }
});

it('keeps the newest message of a topic, and nothing of a cleared one', () => {
  const kept = new RetainedMessages<ReturnType<typeof message>>();
  kept.keep(message('d/v1/home/a/state', 'old'));
  kept.keep(message('d/v1/home/a/state', 'new'));
  expect([...kept.matching('d/v1/home/a/state')].map(({ payload }) => String(payload))).toEqual(['new']);
  kept.keep(message('d/v1/home/a/state', ''));
  kept.keep(message('d/v1/home/never/state', ''));
  expect([...kept.matching('#')]).toEqual([]);
});
