import { describe, expect, it } from 'vitest';
import { isTopicName, topicMatches } from '../../../device/base/mqtt-topic.ts';

describe('topic filters', () => {
  it.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/c', false],
    ['a/b', 'a/b/c', false],
    ['a/b/c', 'a/b', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a', false],
    ['a/+', 'a/', true],
    ['a/+/c', 'a/b/c', true],
    ['+/+', '/a', true],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'b', false],
    ['#', 'a/b', true],
    ['#', '$SYS/a', false],
    ['+/a', '$SYS/a', false],
    ['$SYS/#', '$SYS/a', true],
    ['a/#/b', 'a/x/b', false],
    ['A', 'a', false],
  ])('%s and %s: %s', (filter, topic, matches) => {
    expect(topicMatches(filter, topic)).toBe(matches);
  });
});

describe('topic names', () => {
  it('hold no wildcard and no NUL, and are neither empty nor too long', () => {
    expect(isTopicName('a/b')).toBe(true);
    for (const name of ['', 'a/+', 'a/#', 'a\0', 'x'.repeat(513)]) expect(isTopicName(name)).toBe(false);
  });
});
