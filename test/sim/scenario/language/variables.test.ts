import { describe, expect, it } from 'vitest';
import { faultsOf, read, readOne } from './support/scenario-files.ts';

const set = (values: Record<string, string>) => ({ set: new Map(Object.entries(values)) });

describe('a variable', () => {
  it('is substituted in a text, and keeps its type as the whole text', async () => {
    const scenario = await readOne(
      `name: "a \${who} \${n} $\${who}"\nfor: 1s\nseed: \${n}\nvariables: { who: "\${first} Maple", first: Robin, n: 7, tags: [x, y] }\ntags: \${tags}`,
    );
    expect(scenario).toMatchObject({ name: `a Robin Maple 7 \${who}`, seed: 7, tags: ['x', 'y'] });
  });

  it('comes from an include, the scenario, the matrix and the command line, each overriding the one before', async () => {
    const others = { '_v.yaml': 'variables: { a: include, b: include, c: include, d: include }' };
    const text = `name: \${a} \${b} \${c} \${d}\nfor: 1s\ninclude: _v.yaml\nvariables: { b: own, c: own, d: own }\nmatrix: { c: [one, two], d: [one] }`;
    const { scenarios } = await read(text, others, set({ d: 'set' }));
    expect(scenarios.map(({ name }) => name)).toEqual(['include own one set', 'include own two set']);
    expect(scenarios.map(({ variant }) => variant)).toEqual([
      { c: 'one', d: 'set' },
      { c: 'two', d: 'set' },
    ]);
  });

  it('from the command line is a number or a boolean if it looks like one', async () => {
    const { scenarios } = await read(`name: a\nseed: \${n}\nfor: 1s`, {}, set({ n: '12' }));
    expect(scenarios[0]?.seed).toBe(12);
  });

  it('from the command line must be used by a scenario', async () => {
    expect(await faultsOf(`name: a\nfor: \${long}\nvariables: { long: 1s }`, {}, set({ lnog: '2s' }))).toEqual([
      'scenario_name_unknown 1:1 there is no variable "lnog" (did you mean "long"?)'.replace(
        ' Use a name that the scenario defines.',
        '',
      ),
    ]);
  });

  it.each([
    [
      'that is unknown',
      `seed: \${sead}\nvariables: { seed: 1 }`,
      'scenario_variable_refused 2:7 there is no variable "sead" (did you mean "seed"?)',
    ],
    [
      'that every object has',
      `seed: \${constructor}`,
      'scenario_variable_refused 2:7 there is no variable "constructor"',
    ],
    [
      'that refers to itself',
      `tags: \${a}\nvariables: { a: "\${b}", b: ["\${c}"], c: "x\${a}" }`,
      'the variable refers to itself: a -> b -> c -> a',
    ],
    [
      'that is a list within a text',
      `description: "x \${a}"\nvariables: { a: [1] }`,
      `scenario_variable_refused 2:14 \${a} is not a text or number`,
    ],
    ['of a wrong kind', `seed: \${a}\nvariables: { a: many }`, 'scenario_value_refused 2:7 seed: it takes a number'],
    ['of no name', 'variables: { "a b": 1 }', 'scenario_value_refused 2:14 a variable is named by'],
    ['among none', 'variables: [1]', 'scenario_value_refused 2:12 variables and matrix each take a map'],
    ['that leads out of the folder', `camera: "\${a}/porch.mp4"\nvariables: { a: ../.. }`, 'scenario_outside 2:9'],
    ['that names what runs', `camera: \${a}\nvariables: { a: "rtsp://10.0.0.2/" }`, 'scenario_outside 2:9'],
  ])('%s is refused', async (_, text, said) => {
    expect(await faultsOf(`name: a\n${text}\nfor: 1s`)).toEqual([expect.stringContaining(said)]);
  });

  it('of a thousand is read, one more is refused', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, at) => `  v${at}: 1`).join('\n');
    expect(await faultsOf(`name: a\nfor: 1s\nvariables:\n${many(1_000)}`)).toEqual([]);
    expect(await faultsOf(`name: a\nfor: 1s\nvariables:\n${many(1_001)}`)).toEqual([
      expect.stringContaining('scenario_limit 4:3 there are more than 1000 variables'),
    ]);
  });

  it('that doubles the one before is refused before it grows, as text and as list', async () => {
    const doubling = (value: (before: string) => string) =>
      [
        'variables:',
        '  v0: "xxxxxxxxxx"',
        ...Array.from({ length: 60 }, (_, at) => `  v${at + 1}: ${value(`v${at}`)}`),
      ].join('\n');
    const start = performance.now();
    expect(await faultsOf(`name: a\nfor: 1s\ndescription: \${v60}\n${doubling((v) => `"\${${v}}\${${v}}"`)}`)).toEqual([
      expect.stringContaining('with its variables this text has more than 10000 letters'),
    ]);
    expect(await faultsOf(`name: a\nfor: 1s\ntags: \${v60}\n${doubling((v) => `["\${${v}}", "\${${v}}"]`)}`)).toEqual([
      expect.stringContaining('with its variables this is more than 400000 values'),
    ]);
    expect(performance.now() - start).toBeLessThan(15_000);
  });
});

describe('a matrix', () => {
  it('makes a scenario of each combination, labelled by its values', async () => {
    const { scenarios } = await read(
      `name: a\nfor: 1s\nsettings: \${s}\ncamera: \${c}\nmatrix:\n  c: [none, synthetic]\n  s:\n    - { preRollS: 1 }\n    - { preRollS: 2, disclosure: { name: "a very long name that fills more than one label can hold" } }`,
    );
    expect(scenarios.map(({ variant }) => variant)).toEqual([
      { c: 'none', s: '{"preRollS":1}' },
      { c: 'none', s: '#2' },
      { c: 'synthetic', s: '{"preRollS":1}' },
      { c: 'synthetic', s: '#2' },
    ]);
    expect(scenarios.map(({ doorbells }) => doorbells[0]?.settings.preRollS)).toEqual([1, 2, 1, 2]);
  });

  it('of a thousand variants is read, of one more is refused', async () => {
    const numbers = (count: number) => `[${Array.from({ length: count }, (_, at) => at).join(', ')}]`;
    const text = (a: number, b: number) => `name: a\nfor: 1s\nmatrix: { a: ${numbers(a)}, b: ${numbers(b)} }`;
    expect((await read(text(100, 10))).scenarios).toHaveLength(1_000);
    expect(await faultsOf(text(77, 13))).toEqual([
      expect.stringContaining('scenario_limit 3:9 the matrix has more than 1000 variants'),
    ]);
    expect(await faultsOf(text(900, 900))).toHaveLength(1);
  });

  it('reports the same fault of all variants once', async () => {
    expect(await faultsOf(`name: a\nfor: 1s\nsede: \${n}\nmatrix: { n: [1, 2, 3] }`)).toHaveLength(1);
  });

  it('of many variants with many steps is refused before they are created', async () => {
    const steps = `steps:\n${`  - { press: true, id: "\${n}" }\n`.repeat(5_000)}`;
    const start = performance.now();
    expect(
      await faultsOf(`name: a\nmatrix: { n: [${Array.from({ length: 1_000 }, (_, at) => at).join(', ')}] }\n${steps}`),
    ).toEqual([expect.stringContaining('scenario_limit 1:1')]);
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  it.each([
    ['of no values', 'matrix: { a: [] }', 'scenario_value_refused 3:14 matrix.a: it takes a list of values'],
    ['of one value that is no list', 'matrix: { a: 3 }', 'scenario_value_refused 3:14'],
  ])('%s is refused', async (_, text, said) => {
    expect(await faultsOf(`name: a\nfor: 1s\n${text}`)).toEqual([expect.stringContaining(said)]);
  });
});
