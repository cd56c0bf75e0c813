import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readScenarios } from '../../../../sim/scenario/language/read-scenarios.ts';
import { faultsOf, folderWith, read, readOne } from './support/scenario-files.ts';

describe('an include', () => {
  it('adds values that the scenario’s own override, and steps that come first', async () => {
    const scenario = await readOne(
      'name: own\ninclude: [_one.yaml, parts/_two.yaml]\nseed: 3\nsteps: [{ press: gate, after: visit }]\nsettings: { preRollS: 1 }',
      {
        '_one.yaml':
          'seed: 1\ntags: [one]\nsteps: [{ press: true, id: visit }]\nsettings: { preRollS: 9, postRollS: 9 }',
        'parts/_two.yaml': 'seed: 2\ndoorbells: { yard: { camera: clip.mp4 } }\nexpect: [{ ledger: verifies }]',
        'parts/clip.mp4': 'x',
      },
    );
    expect(scenario).toMatchObject({
      name: 'own',
      seed: 3,
      tags: ['one'],
      steps: [
        { button: 'front', position: { line: 3 } },
        { button: 'gate', position: { line: 4 } },
      ],
      doorbells: [{ name: 'yard', settings: { preRollS: 1, postRollS: 9 } }],
      expect: [{ kind: 'ledger' }],
    });
    // A path is relative to the file that contains it.
    expect(scenario.doorbells[0]?.camera).toMatchObject([{ files: [expect.stringMatching(/parts\/clip\.mp4$/)] }]);
  });

  it('has its faults reported in its own file', async () => {
    const { faults } = await read('name: a\ninclude: _one.yaml', { '_one.yaml': 'sede: 1\nfor: 1s' });
    expect(faults).toMatchObject([{ code: 'scenario_word_unknown', line: 1, column: 1, suggestion: 'seed' }]);
    expect(faults[0]?.file).toMatch(/_one\.yaml$/);
  });

  it.each([
    ['itself', { 'scenario.yaml': 'name: a\ninclude: scenario.yaml' }, 'scenario.yaml -> scenario.yaml'],
    [
      'what includes it',
      { 'scenario.yaml': 'name: a\ninclude: _b.yaml', '_b.yaml': 'include: _c.yaml', '_c.yaml': 'include: ./_b.yaml' },
      '_b.yaml -> _c.yaml -> _b.yaml',
    ],
  ])('of %s is refused, with the cycle in the message', async (_, { 'scenario.yaml': text, ...others }, circle) => {
    expect(await faultsOf(text, others)).toEqual([expect.stringContaining(`the includes are circular: ${circle}`)]);
  });

  it('sixteen deep is read, seventeen deep is not', async () => {
    const chain = (deep: number) =>
      Object.fromEntries(
        Array.from({ length: deep }, (_, at) => [
          `_${at + 1}.yaml`,
          at + 1 < deep ? `include: _${at + 2}.yaml` : 'for: 1s',
        ]),
      );
    expect(await faultsOf('name: a\ninclude: _1.yaml', chain(16))).toEqual([]);
    expect(await faultsOf('name: a\ninclude: _1.yaml', chain(17))).toEqual([
      expect.stringContaining('scenario_limit 1:10 includes lie more than 16 deep'),
    ]);
  });

  it('that doubles at each level is refused before it has grown', async () => {
    const twice = Object.fromEntries(
      Array.from({ length: 16 }, (_, at) => [
        `_${at}.yaml`,
        at < 15 ? `include: [_${at + 1}.yaml, _${at + 1}.yaml]` : 'for: 1s',
      ]),
    );
    expect(await faultsOf('name: a\ninclude: _0.yaml', twice)).toEqual([
      expect.stringContaining('a scenario includes more than 64 files'),
    ]);
  });

  it('that exceeds the limit of values is refused', { tags: ['long'] }, async () => {
    const half = `steps:\n${'- x\n'.repeat(210_000)}`;
    expect(await faultsOf('name: a\ninclude: [_a.yaml, _a.yaml]', { '_a.yaml': half })).toEqual([
      expect.stringContaining('with its includes this is more than 400000 values'),
    ]);
  });

  it('that exceeds the limit of steps is refused', async () => {
    const half = `steps:\n${'  - { press: true }\n'.repeat(5_001)}`;
    expect(await faultsOf('name: a\ninclude: [_a.yaml, _b.yaml]', { '_a.yaml': half, '_b.yaml': half })).toEqual([
      expect.stringContaining('scenario_limit 5001:5 steps has more than 10000 entries'),
    ]);
  });

  it.each([
    ['a file that is not there', '_nowhere.yaml', {}, 'scenario_file_missing 2:10 _nowhere.yaml is not there'],
    ['a folder', 'parts.yaml', { 'parts.yaml/x': '' }, 'scenario_file_missing 2:10'],
    [
      'code',
      'x.scenario.ts',
      { 'x.scenario.ts': 'throw 1' },
      'scenario_include_refused 2:10 x.scenario.ts is not a YAML file',
    ],
    ['a variable', `"\${x}.yaml"`, {}, 'scenario_include_refused 2:10 an include cannot contain a variable'],
    ['a number', '3', {}, 'scenario_include_refused 2:10 include takes a path'],
    ['a file with a matrix', '_m.yaml', { '_m.yaml': 'for: 1s\nmatrix: { a: [1] }' }, 'scenario_include_refused 2:1'],
    ['a list', '_l.yaml', { '_l.yaml': '- a' }, 'scenario_value_refused 1:1'],
    ['the parent folder', '../x.yaml', {}, 'scenario_outside 2:10 ../x.yaml lies outside'],
    ['the root', '/etc/hostname.yaml', {}, 'scenario_outside 2:10 /etc/hostname.yaml is not relative'],
    ['a home', '~/x.yaml', {}, 'scenario_outside 2:10'],
  ])('of %s is refused', async (_, path, others, said) => {
    expect(await faultsOf(`name: a\ninclude: ${path}`, others)).toEqual([expect.stringContaining(said)]);
  });

  it('behind a link out of the folder is refused, behind one inside is read', async () => {
    const outside = folderWith({ '_far.yaml': 'for: 1s' });
    const folder = folderWith({
      'a.yaml': 'name: a\ninclude: _link.yaml',
      'b.yaml': 'name: b\ninclude: _near.yaml',
      '_part.yaml': 'for: 1s',
    });
    symlinkSync(join(outside, '_far.yaml'), join(folder, '_link.yaml'));
    symlinkSync(join(folder, '_part.yaml'), join(folder, '_near.yaml'));
    const { scenarios, faults } = await readScenarios(folder);
    expect(faults).toMatchObject([{ code: 'scenario_outside', file: join(folder, 'a.yaml'), line: 2, column: 10 }]);
    expect(scenarios.map(({ name }) => name)).toEqual(['b']);
  });
});
