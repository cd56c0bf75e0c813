import { expect, it } from 'vitest';
import type { Output } from '../../../device/terminal/output.ts';
import { Narrator } from '../../../sim/story/narrator.ts';

it('prints only true claims, and ends with their number', () => {
  const told: object[] = [];
  const output: Output = { json: true, say: () => {}, progress: () => {}, result: (value) => told.push(value) };
  const story = new Narrator(output, 'tale');
  story.tell('water is wet', true);
  expect(() => story.tell('pigs fly', false)).toThrowError(expect.objectContaining({ code: 'story_failed' }));
  story.proved('water');
  expect(told).toEqual([
    { event: 'told', line: 1, text: 'water is wet' },
    { event: 'proved', story: 'tale', lines: 1, proved: 'water' },
  ]);
});
