// How fast the bridge takes a clip in, verified, synced and visible, over a bare tus server that writes and syncs the same bytes. Sent as a
// device sends: a chunk after the other on one connection.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { CHUNK_BYTES } from '../../device/upload/bridge-http.ts';
import { CLIP, type Ready } from './intake-server.ts';
import { compare, type Row, type Run } from './measure.ts';

export async function intakeRows({ folder, pairs }: Run): Promise<Row[]> {
  const [bridge, bare] = [await startServer(folder, 'bridge'), await startServer(folder, 'bare')];
  try {
    const { work, baseline, ratio } = await compare(
      pairs,
      () => uploadMs(bridge),
      () => uploadMs(bare),
    );
    return [
      {
        group: 'intake',
        what: `Verified intake of ${(CLIP.length / 1e6).toFixed(0)} MB, in chunks of ${CHUNK_BYTES / 1024} KiB`,
        ours: throughput(work),
        baseline: `${throughput(baseline)}, bare @tus/server`,
        figure: 1 / ratio,
        unit: 'x',
        target: { least: 0.8 },
      },
    ];
  } finally {
    for (const server of [bridge, bare]) {
      server.disconnect();
      await once(server, 'exit');
    }
  }
}

function throughput(ms: number): string {
  return `${(CLIP.length / 1e3 / ms).toFixed(0)} MB/s`;
}

async function startServer(folder: string, kind: string): Promise<ChildProcess> {
  const place = join(folder, kind);
  await mkdir(place);
  const program = join(import.meta.dirname, 'intake-server.ts');
  const server = fork(program, [kind, place], { env: { ...process.env, TMPDIR: place } });
  await once(server, 'message');
  return server;
}

/** Sends the whole clip; milliseconds from the first chunk to the last answer, after which the clip is durable. */
async function uploadMs(server: ChildProcess): Promise<number> {
  server.send('next');
  const [ready]: Ready[] = await once(server, 'message');
  if (!ready) throw new Error('the server is gone');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const startMs = performance.now();
  for (let offset = 0; offset < CLIP.length; offset += CHUNK_BYTES) {
    const status = await patch(ready, agent, offset, CLIP.subarray(offset, offset + CHUNK_BYTES));
    if (status !== 204) throw new Error(`the chunk at ${offset} was answered with ${status}`);
  }
  const took = performance.now() - startMs;
  agent.destroy();
  return took;
}

async function patch({ url, headers }: Ready, agent: Agent, offset: number, bytes: Uint8Array): Promise<number> {
  const asked = request(url, {
    method: 'PATCH',
    agent,
    headers: {
      ...headers,
      'tus-resumable': '1.0.0',
      'upload-offset': offset,
      'content-type': 'application/offset+octet-stream',
      'content-length': bytes.length,
    },
  });
  asked.end(bytes);
  const [answer] = await once(asked, 'response');
  for await (const _ of answer);
  return answer.statusCode;
}
