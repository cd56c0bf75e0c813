// @module-tag long
// The stories of the vault as a user runs them: each line is checked as it is printed, and the end lists the proofs.
import { describe, expect, it } from 'vitest';
import { runStory } from '../../support/command-line.ts';

describe('story', () => {
  it.each([
    ['retention', 12],
    ['recall', 8],
    ['sealed', 6],
  ])(
    '%s tells what it proves',
    async (name, lines) => {
      const done = await runStory(name);
      expect(done.status, done.stderr).toBe(0);
      expect(done.left).toEqual([]);
      expect(done.lines.filter(({ event }) => event === 'told')).toHaveLength(lines);
      expect(done.last).toMatchObject({ event: 'proved', story: name, lines });
    },
    90_000,
  );
});
