// @module-tag long
// The command shows the hidden frames of a usual cut, which ours does not have; and that the bridge cannot read the clip it carries.
import { describe, expect, it } from 'vitest';
import { runCommand, runStory } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

describe('story leak', () => {
  it('shows hidden frames in the usual cut and none in ours, over the same window', async (test) => {
    const done = await runCommand(['story', 'leak', '--json']);
    expect(done.status, done.stderr).toBe(0);
    const { naive, doorsill } = Object(done.last);
    // 3 s of drawn footage at 15 frames a second.
    expect(doorsill).toEqual({ shown: 45, held: 45, hidden: 0 });
    expect(naive.hidden).toBeGreaterThan(0);
    expect(naive.held).toBe(naive.shown + naive.hidden);
    proved(test, 'Hidden frames in a clip, beside a usual cut of the same window', `0 beside ${naive.hidden}`);
  }, 90_000);
});

it('story sealed tells what it proves', async () => {
  const done = await runStory('sealed');
  expect(done.status, done.stderr).toBe(0);
  expect(done.left).toEqual([]);
  expect(done.lines.filter(({ event }) => event === 'told')).toHaveLength(6);
  expect(done.last).toMatchObject({ event: 'proved', story: 'sealed', lines: 6 });
}, 90_000);
