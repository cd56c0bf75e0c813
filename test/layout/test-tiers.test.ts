// Holds: which tests `npm run check` has: every story, each guard of an invariant; what waits for `npm run check:slow` is listed with why
// (test/slow-tests.json). And a test of real footage says so, so that it can be left out by name.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { projectFiles, root } from './source-tree.ts';

const tests = projectFiles().filter((name) => name.startsWith('test/') && name.endsWith('.test.ts'));
const textOf = (name: string) => readFileSync(join(root, name), 'utf8');

describe('check:slow', () => {
  const listSchema = z.array(z.strictObject({ why: z.string().min(20), files: z.array(z.string()).min(1) }));
  const listed = listSchema.parse(JSON.parse(textOf('test/slow-tests.json')));

  it('has the files that are listed with a reason, and no other', () => {
    const files = listed.flatMap((group) => group.files);
    expect(files.toSorted()).toEqual(tests.filter((name) => name.endsWith('.slow.test.ts')).toSorted());
    for (const group of listed) expect(group.files).toEqual(group.files.toSorted());
  });

  it('leaves every story to check', () => {
    const [, help = ''] = /^Stories:\n(.*?)\n\n/ms.exec(textOf('sim/cli/story-verbs.ts')) ?? [];
    const stories = [...help.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name = '']) => name);
    expect(stories.length).toBeGreaterThan(2);
    const inCheck = tests.filter((name) => !name.endsWith('.slow.test.ts')).map(textOf);
    const telling = inCheck.filter((text) => /\brunStory\(|\['story', /.test(text));
    expect(stories.filter((story) => !telling.some((text) => text.includes(`'${story}'`)))).toEqual([]);
  });
});

describe('a test of real footage', () => {
  const READS_FOOTAGE = /\b(mediaFile|torturePath)\(/;
  const SAYS_SO = /^\/\/ @module-tag footage$|\btags: \[[^\]\n]*'footage'/m;

  it('says so by its tag', () => {
    expect(tests.filter((name) => READS_FOOTAGE.test(textOf(name)) && !SAYS_SO.test(textOf(name)))).toEqual([]);
  });
});
