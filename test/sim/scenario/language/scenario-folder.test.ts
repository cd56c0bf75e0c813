import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readScenarios } from '../../../../sim/scenario/language/read-scenarios.ts';
import { faultsOf, folderWith, readOne } from './support/scenario-files.ts';

describe('a source', () => {
  it('is a file, a folder or a pattern, sorted by name', async () => {
    const files = {
      'f/2.png': 'x',
      'f/10.png': 'x',
      'f/a.txt': 'x',
      'f/.hidden.png': 'x',
      'v/a.mp4': 'x',
      'v/b.mp4': 'x',
    };
    const named = async (camera: string) => {
      const { doorbells } = await readOne(`name: a\ncamera: ${camera}\nfor: 1s`, files);
      return doorbells[0]?.camera.flatMap((part) =>
        'files' in part ? part.files.map((file) => file.slice(file.lastIndexOf('/') + 1)) : [],
      );
    };
    expect(await named('f')).toEqual(['2.png', '10.png']);
    expect(await named('"f/*.txt"')).toEqual(['a.txt']);
    expect(await named('"v/*"')).toEqual(['a.mp4', 'b.mp4']);
    expect(await named('[v/b.mp4, file:v/a.mp4]')).toEqual(['b.mp4', 'a.mp4']);
    expect(await named('{ files: [v/b.mp4, v/a.mp4], from: 1s }')).toEqual(['b.mp4', 'a.mp4']);
  });

  it.each([
    ['that is not there', 'porsch.mp4', 'scenario_file_missing 2:9 porsch.mp4 is not there'],
    ['that is empty', 'empty', 'scenario_file_missing 2:9 empty holds no footage'],
    ['that finds nothing', '"*.avi"', 'scenario_file_missing 2:9 *.avi holds no footage'],
    ['outside', '../porch.mp4', 'scenario_outside 2:9'],
    ['outside and back', '../../../../../../../../etc/hostname', 'scenario_outside 2:9'],
    ['outside in a pattern', '"../*"', 'scenario_outside 2:9'],
    ['of the root', '/etc/hostname', 'scenario_outside 2:9'],
    ['of the root in other words', 'file:/etc/hostname', 'scenario_outside 2:9'],
    ['with a NUL', '"a\\0b.mp4"', 'scenario_file_missing 2:9 a path has no NUL'],
    ['that is the web', 'https://example.org/porch.mp4', 'scenario_outside 2:9'],
    ['that is a protocol of ffmpeg', 'concat:a.mp4|b.mp4', 'scenario_outside 2:9'],
  ])('%s is refused', async (_, camera, said) => {
    expect(await faultsOf(`name: a\ncamera: ${camera}\nfor: 1s`, { 'empty/x.txt': 'x' })).toEqual([
      expect.stringContaining(said),
    ]);
  });

  it('behind links is accepted only if they end inside', async () => {
    const outside = folderWith({ 'far.mp4': 'x' });
    const folder = folderWith({ 'near.mp4': 'x', 'seq/a.mp4': 'x' });
    symlinkSync(join(outside, 'far.mp4'), join(folder, 'far.mp4'));
    symlinkSync(outside, join(folder, 'out'));
    symlinkSync('near.mp4', join(folder, 'link.mp4'));
    symlinkSync('loop.mp4', join(folder, 'loop.mp4'));
    symlinkSync(join(outside, 'far.mp4'), join(folder, 'seq/b.mp4'));
    const read = async (camera: string) => {
      mkdirSync(join(folder, 's'), { recursive: true });
      writeFileSync(join(folder, 's/a.yaml'), `name: a\ncamera: ${camera}\nfor: 1s`);
      return (await readScenarios(join(folder, 's/a.yaml'), { folder })).faults.map(({ code }) => code);
    };
    expect(await read('../link.mp4')).toEqual([]);
    expect(await read('../far.mp4')).toEqual(['scenario_outside']);
    expect(await read('../out/far.mp4')).toEqual(['scenario_outside']);
    expect(await read('"../out/*"')).toEqual(['scenario_outside']);
    expect(await read('../seq')).toEqual(['scenario_outside']);
    expect(await read('../loop.mp4')).toEqual(['scenario_file_missing']);
  });

  it('that is a pipe is refused without blocking', { tags: ['pipes'] }, async () => {
    const folder = folderWith({
      'a.yaml': 'name: a\ncamera: pipe.mp4\nfor: 1s',
      'b.yaml': 'name: b\ninclude: pipe.yaml\nfor: 1s',
    });
    for (const name of ['pipe.mp4', 'pipe.yaml']) execFileSync('mkfifo', [join(folder, name)]);
    const { faults } = await readScenarios(folder);
    expect(faults.map(({ code, file }) => [code, file.slice(folder.length + 1)])).toEqual([
      ['scenario_file_missing', 'a.yaml'],
      ['scenario_file_missing', 'b.yaml'],
      ['scenario_file_missing', 'pipe.yaml'],
    ]);
  });
});

describe('a golden file', () => {
  it('need not exist', async () => {
    const scenario = await readOne('name: a\nfor: 1s\nexpect: [{ golden: new/deep/a.json }]');
    expect(scenario.expect).toMatchObject([{ kind: 'golden', file: join(scenario.folder, 'new/deep/a.json') }]);
  });

  it('outside, or behind a link that leads out, is refused', async () => {
    const outside = folderWith({ 'a.json': '{}' });
    const folder = folderWith({
      'a.yaml':
        'name: a\nfor: 1s\nexpect:\n  - { golden: ../a.json }\n  - { golden: out/new.json }\n  - { golden: link.json }\n  - { golden: /tmp/a.json }',
    });
    symlinkSync(outside, join(folder, 'out'));
    symlinkSync(join(outside, 'a.json'), join(folder, 'link.json'));
    expect((await readScenarios(folder)).faults.map(({ code, line }) => [code, line])).toEqual([
      ['scenario_outside', 4],
      ['scenario_outside', 5],
      ['scenario_outside', 6],
      ['scenario_outside', 7],
    ]);
  });

  it('behind a dangling link is refused', async () => {
    const outside = folderWith({});
    const folder = folderWith({ 'a.yaml': 'name: a\nfor: 1s\nexpect: [{ golden: link.json }]' });
    symlinkSync(join(outside, 'new.json'), join(folder, 'link.json'));
    expect((await readScenarios(folder)).faults).toMatchObject([{ code: 'scenario_outside' }]);
  });
});
