// @module-tag long
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Running, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('record-verb-slow');
afterAll(folder.dispose);
const out = (name: string) => join(folder.path, name);
const CAMERA = 'synthetic?size=320x192';

describe('`record`', () => {
  it('reports the length, blacked out areas, events that a replay does not show, and how to replay it', async () => {
    const args = ['record', '--camera', CAMERA, '--for', '5s', '--out', out('it’s black'), '--redact', '0,0,100,100'];
    const running = new Running(args);
    let text = '';
    running.child.stdout?.on('data', (part: Buffer) => {
      text += part.toString();
    });
    expect(await running.ended()).toBe(0);
    expect(text).toMatch(
      /^Recorded \d[\d.]* s \([\d.]+ kB\), without sound, one area blacked out in every picture\.$/m,
    );
    expect(text).toContain(`It is in ${out('it’s black')}: footage.mp4, scenario.yaml, events.jsonl.`);
    expect(text).toContain('It is plain footage of everybody who passed');
    expect(text).toMatch(/^ {2}motion-start at \d/m);
    expect(text).toContain(` test '${out('it’s black')}'`);
    expect(readFileSync(out('it’s black/scenario.yaml'), 'utf8')).toContain('one area blacked out');
  });

  it('ends at Ctrl-C, and keeps the recording', async () => {
    const running = new Running(['record', '--camera', CAMERA, '--for', '10m', '--out', out('early'), '--json']);
    await running.line('a press', ({ event }) => event === 'ring');
    running.child.kill('SIGINT');
    expect(await running.ended()).toBe(0);
    expect(running.lines.at(-1)).toMatchObject({ event: 'recorded', end: 'interrupted', replays: true });
    expect(readdirSync(out('early'))).toEqual(['events.jsonl', 'footage.mp4', 'scenario.yaml']);
  });
});
