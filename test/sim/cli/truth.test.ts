// @module-tag long
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from '../../layout/source-tree.ts';
import { callCommand } from '../../support/call-command.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('truth-verb');
afterAll(folder.dispose);
const fixture = (name: string) => join(root, 'test/sim/truth/fixtures', name);
const converted = (args: readonly string[]) => callCommand(['replay', 'truth', 'convert', ...args, '--json']);

describe('`replay truth convert`', () => {
  it('converts CVAT’s annotations to ground truth, which `replay truth check` accepts only for that footage', async () => {
    const out = join(folder.path, 'porch.truth.json');
    const made = await converted([fixture('cvat-video.xml'), '--from', 'cvat', '--frame-rate', '10', '--out', out]);
    expect(made).toMatchObject({ status: 0, last: { file: out, spans: 2, durationS: 10 } });
    expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({
      format: 'doorsill-truth-1',
      durationS: 10,
      spans: [{ fromS: 2, toS: 5 }, {}],
    });
    const right = await callCommand([
      'replay',
      'truth',
      'check',
      out,
      '--length',
      '10.1',
      '--frame-rate',
      '10',
      '--json',
    ]);
    expect(right).toMatchObject({ status: 0, last: { ok: true, spans: 2, judge: ['motion'] } });
    const other = await runCommand(['replay', 'truth', 'check', out, '--length', '139', '--json']);
    expect(other.status).toBe(6);
    expect(other.stderr).toContain('truth_other_footage');
  });

  it('converts MOT’s rows to ground truth with every option', async () => {
    const options = [
      '--from',
      'mot',
      '--frame-rate',
      '10/1',
      '--length',
      '9.5',
      '--zone',
      '0,0,25,100',
      '--picture',
      '640x360',
    ];
    const more = ['--gap', '0', '--shortest', '0.2', '--label', 'visitor', '--camera', 'front', '--confidence', '0.5'];
    const made = await converted([fixture('pets-like.csv'), ...options, ...more, '--first-frame', '1']);
    expect(made.status).toBe(0);
    expect(made.last).toEqual({
      ...{ format: 'doorsill-truth-1', durationS: 9.5, toleranceS: 0.5 },
      spans: [{ event: 'motion', fromS: 1, toS: 1.5, label: 'visitor', camera: 'front' }],
    });
  });

  it.each<[string, string[], string, number]>([
    ['a format that it does not know', ['--from', 'coco', '--frame-rate', '10'], 'usage', 2],
    ['a frame rate of none', ['--from', 'mot', '--frame-rate', '10/0'], 'usage', 2],
    ['a zone outside', ['--from', 'mot', '--frame-rate', '10', '--zone', '50,0,60,10'], 'usage', 2],
    ['a size in words', ['--from', 'mot', '--frame-rate', '10', '--picture', 'hd'], 'usage', 2],
    ['no frame rate', ['--from', 'mot'], 'usage', 2],
    ['the other format', ['--from', 'cvat', '--frame-rate', '10'], 'annotations_invalid', 6],
    [
      'less footage than there are rows',
      ['--from', 'mot', '--frame-rate', '10', '--length', '2'],
      'annotations_invalid',
      6,
    ],
  ])('refuses %s', async (_, options, code, status) => {
    const refused = await converted([fixture('pets-like.csv'), ...options]);
    expect([refused.status, JSON.parse(refused.stderr).error.code]).toEqual([status, code]);
    expect(refused.lines).toEqual([]);
  });

  it('refuses a missing file, and writes none', async () => {
    const out = join(folder.path, 'none.json');
    const refused = await converted(['/no/such.xml', '--from', 'cvat', '--frame-rate', '10', '--out', out]);
    expect(refused).toMatchObject({ status: 6, stderr: expect.stringContaining('no such file') });
    expect(statSync(out, { throwIfNoEntry: false })).toBeUndefined();
  });
});
