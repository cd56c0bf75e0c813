// What is started without network reaches nothing, not even a server on its own machine; a system without a way to do so says so.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { startFfmpeg } from '../../../device/camera/ffmpeg-run.ts';
import { starts, withoutNetwork } from '../../../device/camera/ffmpeg-without-network.ts';
import { chosenFfmpeg as ffmpeg } from '../../support/each-ffmpeg.ts';

const clock = new SystemClock();
let server: Server;
let calls = 0;
beforeAll(async () => {
  server = createServer((_request, response) => {
    calls += 1;
    response.end();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => void server.close());

/** Node in ffmpeg's place, which calls the server: ffmpeg itself is never told to open an address. */
async function call(before: readonly string[] | undefined): Promise<number | null> {
  const { port } = server.address() as AddressInfo;
  const program = { ...ffmpeg, path: process.execPath, ...(before && { before }) };
  const code = `fetch('http://127.0.0.1:${port}').then(() => process.exit(0), () => process.exit(9))`;
  const running = startFfmpeg(program, ['-e', code]);
  for (const pipe of [running.child.stdout, running.child.stdio[2]]) if (pipe && 'resume' in pipe) pipe.resume();
  return (await running.ended).status;
}

const isolated = await withoutNetwork(ffmpeg, clock);

it.runIf(isolated)('a program without network cannot reach a server of the same machine', async () => {
  expect(await call(undefined)).toBe(0);
  expect(calls).toBe(1);
  expect(await call(isolated?.before)).toBe(9);
  expect(calls).toBe(1);
});

it('a system that cannot is told apart, and so is an ffmpeg that does not start', async () => {
  expect(await withoutNetwork({ ...ffmpeg, path: '/nowhere/ffmpeg' }, clock)).toBeNull();
  expect(await starts({ ...ffmpeg, before: ['/bin/false'] }, clock)).toBe(false);
  expect(await starts(ffmpeg, clock)).toBe(true);
});
