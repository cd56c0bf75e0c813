import { describe, expect, it } from 'vitest';
import { faultsOf, read, readOne } from './support/scenario-files.ts';

const lines = (...texts: string[]) => texts.join('\n');

describe('a YAML text', () => {
  it('with a byte order mark and CRLF is read like any other', async () => {
    const scenario = await readOne('\ufeffname: ring\r\nsteps:\r\n  - press: true\r\n    at: 1s\r\n');
    expect(scenario.steps).toMatchObject([
      { verb: 'press', when: { atUs: 1_000_000 }, position: { line: 3, column: 5 } },
    ]);
  });

  it('may use anchors and aliases, whose faults are reported at their definition', async () => {
    const text = lines(
      'name: two',
      'variables: { d: &d { at: 1s, press: true } }',
      'steps:',
      '  - *d',
      '  - { at: 2s, press: true }',
    );
    expect((await readOne(text)).steps).toHaveLength(2);
    expect(await faultsOf(text.replace('press', 'pres'))).toEqual([
      expect.stringContaining('scenario_word_unknown 2:30'),
    ]);
  });

  it.each([
    ['a tag of code', 'name: !!js/function "x"', 'scenario_yaml_refused 1:'],
    ['a tag of its own', 'name: !mine x', 'scenario_yaml_refused 1:'],
    ['a tag that YAML knows', 'name: !!str x', 'scenario_yaml_refused 1:'],
    ['a set', 'name: !!set {a}', 'scenario_yaml_refused 1:'],
    ['a tag on a key', '!!str name: x', 'scenario_yaml_refused 1:'],
    [
      'a merge key',
      lines('x: &x { a: 1 }', 'y:', '  <<: *x'),
      'scenario_yaml_refused 3:3 this YAML is not allowed here: merge keys',
    ],
    ['a directive that brings merge keys back', lines('%YAML 1.1', '---', 'name: x'), 'scenario_yaml_refused 1:1'],
    ['two documents', lines('name: a', '---', 'name: b'), 'scenario_yaml_refused 3:1'],
    [
      'an unknown anchor',
      lines('name: a', 'tags: *nobody'),
      'scenario_yaml_refused 2:7 this YAML is not allowed here: there is no anchor &nobody',
    ],
    ['an alias before its anchor', lines('name: *later', 'tags: &later [a]'), 'scenario_yaml_refused 1:7'],
    [
      'an alias inside its anchor',
      lines('name: a', 'tags: &a [*a]'),
      'scenario_yaml_refused 2:11 this YAML is not allowed here: the alias *a is inside',
    ],
    ['a tab', lines('name: a', 'steps:', '\t- press: true'), 'scenario_yaml_refused 3:1'],
    [
      'a NUL',
      lines('name: "a', '  \0b"'),
      'scenario_yaml_refused 2:3 this YAML is not allowed here: it holds the control character U+0000',
    ],
    ['an escape character', 'name: "a\u001b[2Jb"', 'scenario_yaml_refused 1:9'],
    ['a doubled key', lines('name: a', 'seed: 1', 'name: b'), 'scenario_name_twice 3:1'],
    ['a prototype key', lines('name: a', '__proto__: { steps: [] }'), 'scenario_word_unknown 2:1'],
    [
      'a prototype key deep inside',
      lines('name: a', 'variables: { x: { "__proto__": 1 } }'),
      'scenario_word_unknown 2:19',
    ],
    ['a constructor', lines('name: a', 'constructor: 1'), 'scenario_word_unknown 2:1'],
    ['a list as a key', lines('name: a', '? [x]', ': b'), 'scenario_yaml_refused 2:3'],
    ['an infinity', lines('name: a', 'seed: .inf'), 'scenario_yaml_refused 2:7'],
    ['an unclosed bracket', lines('name: a', 'tags: [a'), 'scenario_yaml_refused 2:9'],
    ['nothing', '', 'scenario_yaml_refused 1:1'],
    ['a remark alone', '# nothing', 'scenario_yaml_refused 1:1'],
    ['a text', 'hello', 'scenario_value_refused 1:1'],
    ['a list', '- a', 'scenario_value_refused 1:1'],
  ])('with %s is refused', async (_, text, said) => {
    const [first, ...more] = await faultsOf(text);
    expect(first).toContain(said);
    expect(more).toEqual([]);
  });

  it('that is not UTF-8 is refused', async () => {
    expect(await faultsOf(Uint8Array.of(0x6e, 0xff, 0xfe))).toEqual([expect.stringContaining('it is not UTF-8 text')]);
    expect(await faultsOf(Buffer.from('name: a', 'utf16le'))).toEqual([
      expect.stringContaining('scenario_yaml_refused 1:'),
    ]);
  });
});

describe('a YAML text that would grow', () => {
  const bomb = (deep: number) =>
    lines(
      'name: bomb',
      'for: 1s',
      'variables:',
      '  a0: &a0 [x, x, x, x, x, x, x, x, x]',
      ...Array.from({ length: deep }, (_, at) => `  a${at + 1}: &a${at + 1} [${Array(9).fill(`*a${at}`).join(', ')}]`),
    );

  it('by aliases of aliases is refused at the line that exceeds the limit', async () => {
    expect(await faultsOf(bomb(20))).toEqual([expect.stringContaining('scenario_limit 9:')]);
    expect(await faultsOf(bomb(3))).toEqual([]);
  });

  it.each([
    ['brackets', '['.repeat(900_000)],
    ['braces', '{a: '.repeat(200_000)],
    ['dashes', '- '.repeat(400_000)],
    ['question marks', '? '.repeat(400_000)],
    ['indents', Array.from({ length: 1_000 }, (_, at) => `${' '.repeat(at)}a:`).join('\n')],
  ])('by %s inside one another is refused at once', async (_, text) => {
    const start = performance.now();
    expect(await faultsOf(text)).toEqual([expect.stringContaining('scenario_limit')]);
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  it('by values 25 deep is refused at the first beyond the limit; 24 deep is read', async () => {
    const nested = (deep: number) => `name: a\nfor: 1s\nvariables: { x: ${'['.repeat(deep)}1${']'.repeat(deep)} }`;
    expect(await faultsOf(nested(22))).toEqual([]);
    expect(await faultsOf(nested(23))).toEqual([
      expect.stringContaining('scenario_limit 3:40 values lie more than 24 deep'),
    ]);
  });

  it('beyond a megabyte is refused', async () => {
    expect(await faultsOf(`name: a # ${'x'.repeat(1_000_000)}`)).toEqual([expect.stringContaining('1000000 bytes')]);
  });

  it('by one huge text is refused', async () => {
    expect(await faultsOf(`name: a\ndescription: "${'x'.repeat(900_000)}"`)).toEqual([
      expect.stringContaining('scenario_limit 2:14'),
    ]);
  });

  it('by eighty thousand keys is refused quickly', async () => {
    const keys = Array.from({ length: 80_000 }, (_, at) => `k${at}: 1`).join('\n');
    const start = performance.now();
    const { faults } = await read(`name: a\n${keys}`);
    expect(faults).toHaveLength(50);
    expect(performance.now() - start).toBeLessThan(15_000);
  });
});
