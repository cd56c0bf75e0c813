// The model of a grant's life refers to existing code: each step names a file and its functions, or the part of the environment that it
// represents, and each planted bug is defined in the model.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../../layout/source-tree.ts';
import { BUGS, modelLines, modelSteps, plantedBugs } from './spin.ts';

/** Each `FILE NAME, NAME` of a step. */
function named(says: string): { file: string; name: string }[] {
  return says
    .replace(/^code: /, '')
    .split('; ')
    .flatMap((part) => {
      const [file = '', ...names] = part.split(/,? /);
      return names.map((name) => ({ file, name }));
    });
}

/** Whether a file declares a function or method with this name. */
function declares(file: string, name: string): boolean {
  const text = readFileSync(join(root, file), 'utf8');
  return new RegExp(
    `^(export )?(async )?function\\*? ${name}\\b|^ {2}(private |static )*(async )?${name}[(<]`,
    'm',
  ).test(text);
}

it('names the code or the part of the environment of each step', () => {
  const steps = modelSteps();
  const silent = steps.filter(({ says }) => !/^(code|world|claim): \S/.test(says));
  expect(silent.map(({ line }) => `line ${line}`)).toEqual([]);
  expect(steps.length).toBeGreaterThan(50);
});

it('names only existing functions', () => {
  const all = modelSteps()
    .filter(({ says }) => says.startsWith('code: '))
    .flatMap(({ says }) => named(says));
  const gone = all.filter(({ file, name }) => !declares(file, name));
  expect([...new Set(gone.map(({ file, name }) => `${file} ${name}`))]).toEqual([]);
  expect(all.length).toBeGreaterThan(60);
});

it('detects a missing function', () => {
  expect(declares('device/consent/request-machine.ts', 'onGrant')).toBe(true);
  expect(declares('device/consent/request-machine.ts', 'onGranted')).toBe(false);
});

it('has a number for each planted bug, and the check that it omits', () => {
  expect(plantedBugs().toSorted()).toEqual(Object.keys(BUGS).toSorted());
  const used = (bug: string) => modelLines.some((text) => !text.startsWith('#') && text.includes(bug));
  expect(Object.keys(BUGS).filter((bug) => !used(bug))).toEqual([]);
});
