import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../device/base/clock.ts';
import { readModule as loadModule } from '../../../../sim/scenario/language/module-file.ts';
import { readScenarios } from '../../../../sim/scenario/language/read-scenarios.ts';
import { folderWith } from './support/scenario-files.ts';

async function readModule(text: string, others: Record<string, string> = {}) {
  const folder = folderWith({ 'a.scenario.ts': text, ...others });
  const { scenarios, faults } = await readScenarios(join(folder, 'a.scenario.ts'));
  return {
    scenarios,
    faults,
    told: faults.map(({ code, line, column, message }) => `${code} ${line}:${column} ${message}`),
  };
}

describe('a scenario in TypeScript', () => {
  it('exports one or several scenarios, typed, and may import other modules', async () => {
    const { scenarios, told } = await readModule(
      `import { defineScenario, type ScenarioInput } from 'doorsill/scenario';
       import { steps } from './_steps.ts';
       const one: ScenarioInput = { name: 'one', seed: 7, steps, expect: [{ event: 'ring', at: 1, count: undefined }] };
       enum Kind { A = 'a' }
       export default defineScenario([one, { name: Kind.A, for: '1s' }]);`,
      { '_steps.ts': 'export const steps = [{ press: true as const, at: "1s" }];' },
    );
    expect(told).toEqual([]);
    expect(scenarios).toMatchObject([
      {
        name: 'one',
        seed: 7,
        steps: [{ verb: 'press', when: { atUs: 1_000_000 } }],
        expect: [{ during: { fromUs: 500_000 } }],
      },
      { name: 'a', forUs: 1_000_000 },
    ]);
  });

  it('that never finishes loading is aborted', async () => {
    const folder = folderWith({ 'a.scenario.ts': 'await new Promise(() => {});\nexport default { name: "a" };' });
    const clock = new ManualClock(0);
    const told = loadModule(join(folder, 'a.scenario.ts'), clock).catch((thrown: Error) => thrown.message);
    await clock.advance(29_999);
    expect(await Promise.race([told, Promise.resolve('not yet')])).toBe('not yet');
    await clock.advance(1);
    expect(await told).toContain('it was not loaded within 30 s');
  });

  it('is read anew each time', async () => {
    const folder = folderWith({ 'a.scenario.ts': 'export default { name: "a", for: "1s" }' });
    const names = async () => (await readScenarios(folder)).scenarios.map(({ name }) => name);
    expect(await names()).toEqual(['a']);
    writeFileSync(join(folder, 'a.scenario.ts'), 'export default { name: "b", for: "1s" }');
    expect(await names()).toEqual(['b']);
  });

  it('has the same format as YAML, and its faults are reported at its file', async () => {
    expect((await readModule('export default { name: "a", sede: 1 }')).told).toEqual([
      expect.stringContaining('a.scenario.ts:1:1: there is no word "sede" here (did you mean "seed"?)'),
    ]);
  });

  it.each([
    ['that throws', 'const x = 1;\n  throw new Error("not today");', 'scenario_module_failed 2:', 'not today'],
    ['that is no TypeScript', 'export default {\n  name: }', 'scenario_module_failed 2:', ''],
    ['that imports what is not there', 'import "./nowhere.ts";', 'scenario_module_failed', 'nowhere'],
    ['without a default export', 'export const x = 1;', 'scenario_module_failed 1:1', 'it has no default export'],
    [
      'that exports a function',
      'export default () => 1;',
      'scenario_module_failed 1:1',
      'default is a function, not plain data',
    ],
    ['that exports a text', 'export default "a";', 'scenario_value_refused 1:1', 'a map of words'],
    [
      'that holds itself',
      'const a: any = { name: "a" }; a.tags = [a]; export default a;',
      'scenario_module_failed 1:1',
      'default.tags[0] holds itself',
    ],
    [
      'that holds a Date',
      'export default { name: "a", start: new Date(0) };',
      'scenario_module_failed 1:1',
      'default.start is not a plain object',
    ],
    [
      'that holds a bigint',
      'export default { name: "a", seed: 1n };',
      'scenario_module_failed 1:1',
      'default.seed is a bigint',
    ],
    [
      'that holds no number',
      'export default { name: "a", seed: NaN };',
      'scenario_module_failed 1:1',
      'default.seed is a number',
    ],
    [
      'that goes too deep',
      'let a: any = []; for (let i = 0; i < 9999; i++) a = [a]; export default { name: "a", tags: a };',
      'scenario_limit 1:1',
      'deep',
    ],
    [
      'that holds too much',
      'export default { name: "a", tags: Array(500_000).fill("x") };',
      'scenario_limit 1:1',
      'it holds more than 400000 values',
    ],
    [
      'that holds a huge text',
      'export default { name: "a", description: "x".repeat(10_001) };',
      'scenario_limit 1:1',
      'default.description has more than 10000 letters',
    ],
    [
      'that holds a prototype key',
      'export default { name: "a", ["__proto__"]: { seed: 1 } };',
      'scenario_module_failed 1:1',
      'default has a key __proto__',
    ],
  ])('%s is refused', async (_, text, place, said) => {
    const { told } = await readModule(text);
    expect(told).toEqual([expect.stringContaining(place)]);
    expect(told[0]).toContain(said);
  });
});
