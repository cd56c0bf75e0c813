import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readScenarios } from '../../../../sim/scenario/language/read-scenarios.ts';
import { faultsOf, folderWith, read, readOne } from './support/scenario-files.ts';

const WHOLE = `
name: A parcel is taken
description: Who asks gets what was granted, and no more.
tags: [consent, smoke]
seed: 7
timeout: 2m
start: 2026-03-29 01:59:50 Europe/Berlin
for: 1h
doorbells:
  front:
    camera: { files: clips/porch.mp4, sound: bell.wav, from: 2s, to: 9s, loop: 3, at: 1s }
    settings: { motion: { sensitivity: 80 } }
    owners: [robin, kim]
    place: { longitude: 13.4, latitude: 52.5 }
  yard:
    camera: [{ files: "frames/*.png", fps: 5 }, synthetic?play=nobody]
settings: { preRollS: 2, disclosure: { name: Robin Maple, email: robin@maple.example } }
agencies:
  police: { standing: approved, partner: axon }
  sheriff: { jurisdiction: county, standing: suspended }
  ice: { jurisdiction: federal }
partners: { axon: active, flock: ended }
steps:
  - { at: 7s, press: true, id: visit }
  - { after: visit + 2s, request: { as: parcel, window: 0s..15m, category: burglary, disclosure: nothing }, fails: request_limits }
  - { after: event-window, request: { as: again, agency: sheriff, window: { last: 20m }, area: elsewhere } }
  - grant: { request: parcel, from: 5s, to: 9s, disclose: [email, name], audio: true, zones: [{ left: 0, top: 0, width: 9, height: 9 }] }
    owner: kim
  - grant: again
  - { deny: again }
  - { ignore: parcel }
  - { after: granted, revoke: parcel }
  - { withdraw: again }
  - { recall: parcel }
  - { privacy: on, doorbell: yard }
  - { forget: { from: 1s, to: 2s } }
  - { forget: true }
  - { settings: { motion: { sensitivity: 40 } } }
  - { add-owner: noor }
  - { press: gate, owner: noor }
  - { remove-owner: noor }
  - { reboot: true }
  - { power-cut: true }
  - { power-cut: { for: 30s, leaves: torn } }
  - { clock: { set: "2026-03-29T02:00:00Z" } }
  - { clock: { step: -1s } }
  - { clock: { drift-ppm: 40 } }
  - { clock: untrusted }
  - { disk: full }
  - { link: { which: area, is: lost } }
  - { broker: gone }
  - { vault: back }
  - { agency: { name: police, standing: revoked } }
  - { partner: { name: axon, is: ended } }
  - { lost-pet: { as: rex, photo: rex.jpg, window: { last: 2h } } }
  - { grant: rex }
  - { camera: unplugged }
  - { at: 58m, camera-fault: lost-frames=20%+10s }
  - { at: 59m, wait: 250ms }
expect:
  - { event: ring, at: 7s, within: 250ms, where: { button: front } }
  - { event: motion-start, between: 7s..8.5s, count: 2..3, doorbell: yard }
  - { event: ring, count: 0 }
  - { no-event: tamper }
  - { truth: truth.json, min-precision: 0.9, max-delay: 2s, max-missed: 0 }
  - { clip: parcel, frames: 156..305, from: 5s, method: smart-cut, audio: false }
  - { clip: again, frames: 12 }
  - { disclosed: parcel, keys: [email, name] }
  - { uploaded: nothing }
  - { uploaded: [parcel] }
  - { error: consent_window_outside, step: visit }
  - { outcome: parcel, is: stored }
  - { custody: parcel, is: proved }
  - { bridge-bytes-before-grant: 0 }
  - { notice: again, reaches: false }
  - { log: none-above-warn }
  - { ring-holds: 1s..2s }
  - { ring-holds: nothing, doorbell: yard }
  - { state: { camera.state: recording, privacy: false } }
  - { ledger: verifies }
  - { golden: golden/parcel.json }
`;
const FILES = {
  'clips/porch.mp4': 'x',
  'bell.wav': 'x',
  'frames/10.png': 'x',
  'frames/2.png': 'x',
  'frames/note.txt': 'x',
  'rex.jpg': 'x',
  'truth.json': '{}',
};

describe('a scenario', () => {
  it('with every word is read completely', async () => {
    const { folder, position, ...scenario } = await readOne(WHOLE, FILES);
    const text = JSON.stringify(scenario, null, 2)
      .replaceAll(folder, '.')
      .replaceAll(/\s+"file": "[^"]*scenario.yaml",/g, '');
    await expect(`${text}\n`).toMatchFileSnapshot('./support/whole-scenario.txt');
    expect(position).toEqual({ file: join(folder, 'scenario.yaml'), line: 2, column: 1 });
  });

  it('without options has one doorbell at a quiet door, an owner and a verified agency', async () => {
    expect(await readOne('name: little\nsteps: [{ press: true }]')).toMatchObject({
      seed: 1,
      timeoutMs: 60_000,
      time: 'virtual',
      startUs: Date.parse('2026-01-15T12:00:00Z') * 1000,
      variant: {},
      broker: 'embedded',
      doorbells: [{ name: 'front', owners: ['robin'], camera: [{ kind: 'synthetic' }], settings: {} }],
      agencies: [{ id: 'police', name: 'Springfield Police Department', standing: 'approved' }],
      steps: [{ verb: 'press', button: 'front', when: { next: true }, doorbell: 'front', owner: 'robin' }],
      expect: [],
    });
  });

  it('keeps only its own settings, each as the device parses it', async () => {
    const { doorbells } = await readOne('name: a\nfor: 1s\nsettings: { motion: { enabled: false }, preRollS: 2 }');
    expect(doorbells[0]?.settings).toEqual({ motion: { enabled: false, sensitivity: 65, zones: [] }, preRollS: 2 });
  });

  it('with mosquitto has real time, and cannot have virtual time', async () => {
    expect(await readOne('name: a\nfor: 1s\nbroker: mosquitto')).toMatchObject({ time: 'real' });
    expect(await faultsOf('name: a\nfor: 1s\nbroker: mosquitto\ntime: virtual')).toEqual([
      expect.stringContaining('scenario_needs_real_time 4:7'),
    ]);
  });
});

const faulty: [string, string, string][] = [
  [
    'a sound for the drawn porch',
    'camera: { files: synthetic, sound: porch.mp4 }',
    'scenario_value_refused 3:18 the drawn porch has its own sound',
  ],
  ['no camera that plays', 'camera: { files: none, loop: 3 }', 'scenario_value_refused 3:18 `none` takes no options'],
  [
    'no camera beside one',
    'camera: [none, porch.mp4]',
    'scenario_value_refused 3:9 `none` must be the only part of a camera',
  ],
  [
    'a clip backwards',
    'steps: [{ request: { as: r } }]\nexpect:\n  - { clip: r, from: 3s, to: 3s }',
    'scenario_value_refused 5:30 a clip ends after it begins',
  ],
  [
    'a time beside between',
    'expect:\n  - { event: ring, at: 3s, between: 1s..2s }',
    'scenario_value_refused 4:37 an event is expected either',
  ],
  [
    'a tolerance of nothing',
    'expect:\n  - { event: ring, within: 3s }',
    'scenario_value_refused 4:28 within is the tolerance of at',
  ],
  ['a misspelled word', 'sead: 1', 'scenario_word_unknown 3:1 there is no word "sead" here (did you mean "seed"?)'],
  [
    'a misspelled verb',
    'steps:\n  - at: 1s\n    pres: true',
    'scenario_word_unknown 5:5 there is no word "pres" here (did you mean "press"?)',
  ],
  [
    'a word that is far from any',
    'steps:\n  - { explode: true }',
    'scenario_word_unknown 4:7 there is no word "explode" here; there are at, after, id, doorbell',
  ],
  [
    'a misspelled word of a verb',
    'steps:\n  - request: { as: r, agancy: police }',
    'scenario_word_unknown 4:23 there is no word "agancy" here (did you mean "agency"?)',
  ],
  [
    'a misspelled setting',
    'settings: { motion: { sensitivty: 3 } }',
    'scenario_word_unknown 3:23 there is no word "sensitivty" here (did you mean "sensitivity"?)',
  ],
  [
    'a misspelled expectation',
    'expect:\n  - { evnt: ring, at: 7s }',
    'scenario_word_unknown 4:7 there is no word "evnt" here (did you mean "event"?)',
  ],
  [
    'a word of another expectation',
    'expect:\n  - { event: ring, frames: 3 }',
    'scenario_word_unknown 4:20 there is no word "frames" here; there are event, at, within',
  ],
  [
    'a misspelled event',
    'expect:\n  - { event: rign }',
    'scenario_word_unknown 4:14 expect[0].event: "rign" is not one of ring, motion-start',
  ],
  [
    'a misspelled code',
    'steps:\n  - { press: true, fails: button_unknwon }',
    'scenario_word_unknown 4:27 there is no error code "button_unknwon" (did you mean "button_unknown"?)',
  ],
  [
    'an expected code that is none',
    'expect:\n  - { error: no_such }',
    'scenario_word_unknown 4:14 there is no error code "no_such"',
  ],
  ['a number for a text', 'tags: 3', 'scenario_value_refused 3:7 tags: it takes a list'],
  [
    'a misspelled source',
    'camera: { file: porch.mp4 }',
    'scenario_word_unknown 3:11 there is no word "file" here (did you mean "files"?)',
  ],
  [
    'a duration without unit',
    'timeout: "7"',
    'scenario_value_refused 3:10 timeout: a duration needs its unit; write 7s',
  ],
  [
    'a duration in other words',
    'timeout: 7 seconds',
    'scenario_value_refused 3:10 timeout: a duration is written as 250ms, 7.2s, 2m, 12h, 3d, or as a number of seconds; write 7s',
  ],
  ['a negative duration', 'timeout: -7s', 'scenario_value_refused 3:10 timeout: this duration cannot be negative'],
  [
    'a step at a negative time',
    'steps:\n  - { at: -1s, press: true }',
    'scenario_value_refused 4:11 steps[0].at: this duration cannot be negative',
  ],
  [
    'a span backwards',
    'expect:\n  - { event: ring, between: 8s..7s }',
    'scenario_value_refused 4:29 expect[0].between: a span ends after it begins',
  ],
  [
    'a count backwards',
    'expect:\n  - { event: ring, count: 3..2 }',
    'scenario_value_refused 4:27 expect[0].count: a count is',
  ],
  [
    'a start that no clock shows',
    'start: 2026-03-29 02:30:00 Europe/Berlin',
    'scenario_value_refused 3:8 start: The start "2026-03-29 02:30:00 Europe/Berlin" is not a definite time',
  ],
  [
    'two verbs',
    'steps:\n  - { press: true, reboot: true }',
    'scenario_value_refused 4:28 steps[0].reboot: press and reboot are steps of their own',
  ],
  ['no verb', 'steps:\n  - { at: 3s }', 'scenario_value_refused 4:5 steps[0]: a step does one of press'],
  [
    'at and after',
    'steps:\n  - { at: 3s, after: ring, press: true }',
    'scenario_value_refused 4:22 steps[0].after: a step has either at or after',
  ],
  ['a doubled id', 'steps:\n  - { press: true, id: a }\n  - { press: true, id: a }', 'scenario_name_twice 5:24'],
  ['an id that is an event', 'steps:\n  - { press: true, id: ring }', 'scenario_name_twice 4:24'],
  ['an id no word', 'steps:\n  - { press: true, id: A B }', 'scenario_value_refused 4:24'],
  [
    'an unknown anchor',
    'steps:\n  - { press: true, id: visit }\n  - { after: visti, press: true }',
    'scenario_name_unknown 5:14 there is no earlier step or event "visti" (did you mean "visit"?)',
  ],
  [
    'an anchor that comes later',
    'steps:\n  - { after: visit, press: true }\n  - { press: true, id: visit }',
    'scenario_name_unknown 4:14 the step "visit" comes later',
  ],
  ['an anchor that is itself', 'steps:\n  - { after: visit, press: true, id: visit }', 'scenario_name_unknown 4:14'],
  ['a prototype as an anchor', 'steps:\n  - { after: constructor, press: true }', 'scenario_name_unknown 4:14'],
  [
    'an unknown request',
    'steps:\n  - { request: { as: parcel } }\n  - { grant: parsel }',
    'scenario_name_unknown 5:14 there is no request "parsel" (did you mean "parcel"?)',
  ],
  [
    'a request that is a step of another kind',
    'steps:\n  - { press: true, id: visit }\n  - { grant: visit }',
    'scenario_name_unknown 5:14',
  ],
  [
    'an expectation of an unknown request',
    'expect:\n  - { clip: parcel }',
    'scenario_name_unknown 4:13 there is no request "parcel"; there is none',
  ],
  ['an unknown doorbell', 'steps:\n  - { press: true, doorbell: yard }', 'scenario_name_unknown 4:30'],
  ['an unknown owner', 'steps:\n  - { press: true, owner: kim }', 'scenario_name_unknown 4:27'],
  [
    'an owner removed before',
    'steps:\n  - { remove-owner: robyn }',
    'scenario_name_unknown 4:21 there is no owner "robyn" (did you mean "robin"?)',
  ],
  ['an owner added twice', 'steps:\n  - { add-owner: robin }', 'scenario_name_twice 4:18'],
  [
    'an unknown agency',
    'steps:\n  - { request: { as: r, agency: polise } }',
    'scenario_name_unknown 4:33 there is no agency "polise" (did you mean "police"?)',
  ],
  ['an unknown partner', 'agencies: { police: { partner: axon } }', 'scenario_name_unknown 3:32'],
  [
    'an approved federal agency',
    'agencies: { ice: { jurisdiction: federal, standing: approved } }',
    'scenario_value_refused 3:53 no registry admits a federal agency',
  ],
  [
    'a jurisdiction that is none',
    'agencies: { x: { jurisdiction: tribal } }',
    'scenario_word_unknown 3:32 agencies.x.jurisdiction: "tribal" is not one of municipal, county, state, federal',
  ],
  [
    'steps out of order',
    'steps:\n  - { at: 7s, press: true }\n  - { at: 3s, press: true }',
    'scenario_value_refused 5:11 3s is before a step above, at 7s',
  ],
  [
    'a step after the end',
    'for: 5s\nsteps:\n  - { at: 7s, press: true }',
    'scenario_value_refused 5:11 the scenario ends before, after 5s',
  ],
  [
    'a camera fault without a time',
    'steps:\n  - { camera-fault: frozen+5s }',
    'scenario_value_refused 4:21 a camera-fault needs at: its time from the start',
  ],
  [
    'a camera fault that has a time of its own',
    'steps:\n  - { at: 1s, camera-fault: frozen@5s }',
    'scenario_value_refused 4:29 frozen@5s: give its start with at',
  ],
  [
    'a camera fault that is none',
    'steps:\n  - { at: 1s, camera-fault: frozn }',
    'scenario_value_refused 4:29 There is no camera fault called "frozn" (did you mean frozen?)',
  ],
  [
    'a camera fault that footage cannot have',
    'steps:\n  - { at: 1s, camera-fault: lost-packets }',
    'scenario_value_refused 4:29 lost-packets is a fault of connections or clocks',
  ],
  [
    'camera faults that contradict each other',
    'steps:\n  - { at: 1s, camera-fault: black }\n  - { at: 2s, camera-fault: night }',
    'scenario_value_refused 5:29 The fault night contradicts black',
  ],
  [
    'half a window',
    'steps:\n  - { request: { as: r } }\n  - { grant: { request: r, from: 3s } }',
    'scenario_value_refused 5:14',
  ],
  [
    'a real camera',
    'camera: rtsp://user:secret@10.0.0.2/live',
    'scenario_outside 3:9 rtsp: is not a file, and a scenario cannot open a real camera',
  ],
  ['a device file', 'camera: v4l2:/dev/video0', 'scenario_outside 3:9'],
  ['an option the porch has not', 'camera: synthetic?sise=1x1\nfor: 1s', 'scenario_value_refused 3:9'],
  [
    'footage after what never ends',
    'camera: [synthetic, porch.mp4]',
    'scenario_value_refused 3:10 this part never ends',
  ],
  [
    'a source that ends before it begins',
    'camera: { files: porch.mp4, from: 3s, to: 2s }',
    'scenario_value_refused 3:43',
  ],
  [
    'settings that cannot be together',
    'settings: { ring: { retentionS: 10 }, preRollS: 30 }\nfor: 1s',
    'scenario_value_refused 3:11 The configuration of the scenario is not valid: ring.retentionS 10 is shorter',
  ],
  ['a detector outside', 'settings: { searchParty: { model: /etc/passwd } }', 'scenario_word_unknown 3:28'],
  ['nothing that ever ends', 'camera: synthetic', 'scenario_value_refused 1:1 the camera never ends'],
  [
    'an unknown word of a state',
    'expect:\n  - { state: { camra.state: x } }\nfor: 1s',
    'scenario_name_unknown 4:16 there is no value "camra" (did you mean "camera"?)',
  ],
  [
    'an unknown word of an event',
    'expect:\n  - { event: ring, where: { buton: x } }\nfor: 1s',
    'scenario_name_unknown 4:29 there is no value "buton" (did you mean "button"?)',
  ],
  [
    'a name beyond a name',
    'doorbells: { "A B": {} }',
    'scenario_value_refused 3:14 doorbells.A B: a name is at most 63',
  ],
];

describe('a scenario is refused, with its place,', () => {
  it.each(faulty)('for %s', async (_, text, said) => {
    // An endless camera would be a second fault.
    const second = /\bfor:|^camera: synthetic$/.test(text) ? 'seed: 1' : 'for: 1h';
    const found = await faultsOf(`name: a\n${second}\n${text}`, { 'porch.mp4': 'x' });
    expect(found).toEqual([expect.stringContaining(said)]);
  });

  it('without a name', async () => {
    expect(await faultsOf('seed: 1')).toEqual([
      expect.stringContaining('scenario_value_refused 1:1 scenario: "name" is missing'),
    ]);
  });

  it('with up to fifty faults', async () => {
    const steps = (count: number) => `name: a\nsteps:\n${'  - { pres: true }\n'.repeat(count)}`;
    expect(await faultsOf(steps(3))).toHaveLength(3);
    expect(await faultsOf(steps(9_000))).toHaveLength(50);
  });
});

describe('a long scenario', () => {
  const steps = (count: number) =>
    `name: long\nsteps:\n${Array.from({ length: count }, (_, at) => `  - { at: ${at}ms, press: true, id: s-${at} }\n`).join('')}`;

  it('of ten thousand steps is read quickly', async () => {
    const start = performance.now();
    expect((await readOne(steps(10_000))).steps).toHaveLength(10_000);
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  it('of one step more is refused at that step', async () => {
    expect(await faultsOf(steps(10_001))).toEqual([
      expect.stringContaining('scenario_limit 10003:5 steps has more than 10000 entries'),
    ]);
  });
});

describe('a folder of scenarios', () => {
  it('is read in the order of paths, without what begins with _ or ., and modules that are none', async () => {
    const folder = folderWith({
      'b.yaml': 'name: b\nfor: 1s',
      'a/c.yml': 'name: c\nfor: 1s',
      '_part.yaml': 'seed: 3',
      '_parts/x.yaml': 'seed: 3',
      '.hidden.yaml': 'seed: 3',
      'node_modules/x.yaml': 'seed: 3',
      'vite.config.ts': 'throw new Error("this must not run")',
      'z.scenario.ts': 'export default { name: "z", for: "1s" }',
      'truth.json': '{}',
    });
    const { scenarios, faults } = await readScenarios(folder);
    expect(faults).toEqual([]);
    expect(scenarios.map(({ name }) => name)).toEqual(['c', 'b', 'z']);
  });

  it('returns valid scenarios along with the faults of the others', async () => {
    const folder = folderWith({ 'a.yaml': 'name: a\nfor: 1s', 'b.yaml': 'nam: b' });
    const { scenarios, faults } = await readScenarios(folder);
    expect(scenarios.map(({ name }) => name)).toEqual(['a']);
    expect(faults).toMatchObject([
      { code: 'scenario_word_unknown', file: join(folder, 'b.yaml'), line: 1, column: 1, suggestion: 'name' },
    ]);
  });

  it('loads no code while any YAML has a fault, or is not read yet', async () => {
    const folder = folderWith({ 'z.yaml': 'nam: z', 'b.yaml': 'name: b\nfor: 1s' });
    const mark = join(folder, 'was-loaded');
    writeFileSync(
      join(folder, 'a.scenario.ts'),
      `import { writeFileSync } from 'node:fs';
       writeFileSync(${JSON.stringify(mark)}, '');
       export default { name: 'a', for: '1s', description: '\${unit}' };`,
    );
    const set = new Map([['unit', 'x']]);
    const { scenarios, faults } = await readScenarios(folder, { set });
    expect([existsSync(mark), scenarios.map(({ name }) => name)]).toEqual([false, ['b']]);
    // Unused settings cannot be detected yet.
    expect(faults.map(({ code, file }) => [code, file])).toEqual([['scenario_word_unknown', join(folder, 'z.yaml')]]);
    writeFileSync(join(folder, 'z.yaml'), 'name: z\nfor: 1s');
    const mended = await readScenarios(folder, { set });
    expect(mended.faults).toEqual([]);
    expect([existsSync(mark), mended.scenarios.map(({ name }) => name)]).toEqual([true, ['a', 'b', 'z']]);
  });

  it('that is empty or missing is refused', async () => {
    await expect(readScenarios(folderWith({ 'a.txt': '' }))).rejects.toMatchObject({ code: 'scenario_none' });
    await expect(readScenarios('/nowhere/at-all')).rejects.toMatchObject({ code: 'scenario_none' });
    await expect(readScenarios(join(folderWith({ 'a.txt': '' }), 'a.txt'))).rejects.toMatchObject({
      code: 'scenario_none',
    });
  });

  it('follows no link out of it', async () => {
    const outside = folderWith({ 'far.yaml': 'name: far\nfor: 1s', 'sub/x.yaml': 'name: x\nfor: 1s' });
    const folder = folderWith({ 'a.yaml': 'name: a\nfor: 1s' });
    symlinkSync(join(outside, 'far.yaml'), join(folder, 'far.yaml'));
    symlinkSync(join(outside, 'sub'), join(folder, 'sub'));
    const { scenarios, faults } = await readScenarios(folder);
    expect(scenarios.map(({ name }) => name)).toEqual(['a']);
    expect(faults).toMatchObject([{ code: 'scenario_outside', line: 1, column: 1 }]);
  });

  it('of more than ten thousand scenarios is refused at the first beyond the limit', async () => {
    const folder = folderWith({});
    mkdirSync(join(folder, 'many'));
    for (let at = 0; at <= 10; at += 1) {
      const matrix = `matrix: { n: [${Array.from({ length: 1_000 }, (_, n) => n).join(', ')}] }`;
      writeFileSync(join(folder, 'many', `${String(at).padStart(2, '0')}.yaml`), `name: m\nfor: 1s\n${matrix}`);
    }
    const { scenarios, faults } = await readScenarios(folder);
    expect(scenarios).toHaveLength(10_000);
    expect(faults).toMatchObject([{ code: 'scenario_limit', file: join(folder, 'many', '10.yaml') }]);
  });

  it('may be a parent of the scenario’s folder', async () => {
    const folder = folderWith({ 'media/porch.mp4': 'x', 'stories/a.yaml': 'name: a\ncamera: ../media/porch.mp4' });
    const path = join(folder, 'stories/a.yaml');
    expect((await readScenarios(path)).faults).toMatchObject([{ code: 'scenario_outside' }]);
    expect((await readScenarios(path, { folder })).scenarios[0]?.doorbells[0]?.camera).toMatchObject([
      { kind: 'files', files: [join(folder, 'media/porch.mp4')] },
    ]);
  });
});

it('reads the same scenario the same way twice', async () => {
  const folder = folderWith({ 'scenario.yaml': WHOLE, ...FILES });
  expect(await readScenarios(folder)).toEqual(await readScenarios(folder));
  expect((await read(WHOLE, FILES)).faults).toEqual([]);
});
