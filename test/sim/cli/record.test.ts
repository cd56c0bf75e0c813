// @module-tag long
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { callCommand } from '../../support/call-command.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('record-verb');
afterAll(folder.dispose);
const out = (name: string) => join(folder.path, name);
const CAMERA = 'synthetic?size=320x192';

describe('`record`', () => {
  it('writes a scenario that `test` runs, and prints what the folder contains', async () => {
    const made = await runCommand(['record', '--camera', CAMERA, '--for', '6s', '--out', out('porch'), '--json']);
    expect(made.last).toMatchObject({
      ...{ event: 'recorded', out: out('porch'), end: 'time', audio: false, redacted: 0, leftOut: 0, replays: true },
      files: ['footage.mp4', 'scenario.yaml', 'events.jsonl'],
      bytes: statSync(out('porch/footage.mp4')).size,
    });
    expect(made.status).toBe(0);
    expect(made.lines.map(({ event }) => event)).toEqual(expect.arrayContaining(['recording', 'ring', 'motion-start']));
    const run = await runCommand(['test', out('porch'), '--out', out('results')]);
    expect(run.status, run.stderr).toBe(0);
  });

  it.each<[string, string[], string, number]>([
    ['no time', ['--for', '0'], 'usage', 2],
    ['no time in seconds', ['--for', '0s'], 'usage', 2],
    ['a negative time', ['--for=-5m'], 'usage', 2],
    ['a time without a unit', ['--for', '10'], 'usage', 2],
    ['more than a day', ['--for', '25h'], 'usage', 2],
    ['more than memory holds', ['--for', '2h'], 'record_too_long', 2],
    ['an area outside', ['--redact', '50,0,60,10'], 'usage', 2],
    ['an area without a size', ['--redact', '50,0,0,10'], 'usage', 2],
    ['footage that is read fast', ['--camera', 'synthetic?seconds=5&pace=fast'], 'usage', 2],
    ['a file that is not there', ['--camera', 'porch.mp4'], 'camera_not_found', 6],
    ['a camera that is not there', ['--camera', 'rtsp://127.0.0.1:1/porch'], 'camera_unreachable', 4],
  ])('refuses %s, and leaves no folder', async (_, options, code, status) => {
    const refused = await callCommand(['record', '--camera', CAMERA, '--out', out('none'), ...options, '--json']);
    expect([JSON.parse(refused.stderr).error.code, refused.status]).toEqual([code, status]);
    expect(existsSync(out('none'))).toBe(false);
  });

  it('refuses a folder that is not empty, and one of a doorbell that keeps its footage', async () => {
    mkdirSync(out('home'));
    writeFileSync(out('home/device.json'), '{}');
    const record = (to: string) => runCommand(['record', '--camera', CAMERA, '--for', '1s', '--out', to, '--json']);
    const taken = await record(out('home'));
    expect(JSON.parse(taken.stderr).error.code).toBe('replay_folder_taken');
    const inside = await record(out('home/recorded'));
    expect(JSON.parse(inside.stderr).error.code).toBe('replay_folder_paired');
    expect(readdirSync(out('home'))).toEqual(['device.json']);
  });
});
