// @module-tag long
// @module-tag gstreamer
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { parseInit } from '../../../device/contract/media/fragment.ts';
import { FragmentSplitter } from '../../../device/contract/media/fragment-splitter.ts';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';
import { hasRtspServer, type RtspServer, STREAMS, startRtspServer } from '../../support/rtsp-server.ts';

const folder = temporaryFolder('record-rtsp');
let server: RtspServer | null = null;
afterEach(async () => {
  await server?.stop();
  server = null;
});
afterAll(() => folder.dispose());

const out = (name: string) => join(folder.path, name);
const camera = () => `rtsp://robin:secret@127.0.0.1:${server?.port}/porch`;

function soundOf(path: string): boolean {
  const init = new FragmentSplitter().push(readFileSync(path)).find(({ kind }) => kind === 'init');
  return init !== undefined && parseInit(init.bytes).audio !== null;
}

describe.skipIf(!hasRtspServer())('`record` of a camera on the network', () => {
  it('copies its pictures, requests no sound, and writes its address and password nowhere', async () => {
    server = await startRtspServer(STREAMS.h264AndAac);
    const made = await runCommand(['record', '--camera', camera(), '--for', '6s', '--out', out('porch'), '--json']);
    expect(made).toMatchObject({ status: 0, last: { event: 'recorded', end: 'time', replays: true, audio: false } });
    expect(soundOf(out('porch/footage.mp4'))).toBe(false);
    const written = ['scenario.yaml', 'events.jsonl']
      .map((name) => readFileSync(out(`porch/${name}`), 'utf8'))
      .join('');
    expect(`${written}${JSON.stringify(made)}`).not.toMatch(/secret|rtsp:/);
  });

  it('records its sound on request', async () => {
    server = await startRtspServer(STREAMS.h264AndAac);
    const args = ['record', '--camera', camera(), '--for', '4s', '--audio', '--out', out('loud'), '--json'];
    expect(await runCommand(args)).toMatchObject({ status: 0, last: { replays: true, audio: true } });
    expect(soundOf(out('loud/footage.mp4'))).toBe(true);
  });

  it('keeps the recording of a lost camera, reports the loss, and fails', async () => {
    server = await startRtspServer(STREAMS.h264);
    const running = new Running(['record', '--camera', camera(), '--for', '10m', '--out', out('lost'), '--json']);
    await running.line('recording', ({ event }) => event === 'recording');
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    await server.stop();
    expect(await running.ended()).toBe(4);
    expect(JSON.parse(running.stderr.trim())).toMatchObject({ error: { code: 'record_cut_short' } });
    const told = running.lines.find(({ event }) => event === 'recorded');
    expect(told).toMatchObject({ end: 'camera-lost', replays: true, out: out('lost') });
    expect(told?.['lengthS']).toBeGreaterThan(2);
  });
});
