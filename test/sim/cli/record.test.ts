// @module-tag long
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('record-verb');
afterAll(folder.dispose);
const out = (name: string) => join(folder.path, name);
const CAMERA = 'synthetic?size=320x192';

describe('`record`', () => {
  it('writes a scenario that `test` runs, and says what the folder holds', async () => {
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

  it('says it in words: how much, what is black, what a replay does not show, and how to replay it', async () => {
    const args = ['record', '--camera', CAMERA, '--for', '5s', '--out', out('it’s black'), '--redact', '0,0,100,100'];
    const running = new Running(args);
    let text = '';
    running.child.stdout?.on('data', (part: Buffer) => {
      text += part.toString();
    });
    expect(await running.ended()).toBe(0);
    expect(text).toMatch(/^Recorded \d[\d.]* s \([\d.]+ kB\), without sound, one area black in every picture\.$/m);
    expect(text).toContain(`It is in ${out('it’s black')}: footage.mp4, scenario.yaml, events.jsonl.`);
    expect(text).toContain('It is plain footage of whoever passed');
    expect(text).toMatch(/^ {2}motion-start at \d/m);
    expect(text).toContain(`npx doorsill test '${out('it’s black')}'`);
    expect(readFileSync(out('it’s black/scenario.yaml'), 'utf8')).toContain('one area blacked out');
  });

  it('ends at Ctrl-C, and keeps what there was', async () => {
    const running = new Running(['record', '--camera', CAMERA, '--for', '10m', '--out', out('early'), '--json']);
    await running.line('a press', ({ event }) => event === 'ring');
    running.child.kill('SIGINT');
    expect(await running.ended()).toBe(0);
    expect(running.lines.at(-1)).toMatchObject({ event: 'recorded', end: 'interrupted', replays: true });
    expect(readdirSync(out('early'))).toEqual(['events.jsonl', 'footage.mp4', 'scenario.yaml']);
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
    const refused = await runCommand(['record', '--camera', CAMERA, '--out', out('none'), ...options, '--json']);
    expect([JSON.parse(refused.stderr).error.code, refused.status]).toEqual([code, status]);
    expect(existsSync(out('none'))).toBe(false);
  });

  it('refuses a folder that holds something, and one of a doorbell that keeps its footage', async () => {
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
