// How fast the bridge takes a clip in, verified, synced and visible, over a bare tus server that writes and syncs the same bytes. Sent as a
// device sends: a chunk after the other on one connection.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { SystemDisk } from '../../device/base/disk.ts';
import { sha256, sha256Hex, sha256Stream } from '../../device/base/keys.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { generateSealKey } from '../../device/base/seal.ts';
import { openSealedFile, writeSealedFile } from '../../device/base/sealed-file.ts';
import { toBase64url } from '../../device/contract/bytes.ts';
import type { ClipFacts } from '../../device/contract/clip-facts.ts';
import { SALT_BYTES } from '../../device/contract/commitment.ts';
import { STATEMENT_TIME_STEP_US } from '../../device/contract/manifest.ts';
import { checkDecrypted } from '../../device/contract/media/check-decrypted.ts';
import { commitmentsOf, writeContents } from '../../device/contract/sealing.ts';
import { CHUNK_BYTES } from '../../device/upload/bridge-http.ts';
import { CLIP, FRAMES, type Ready } from './intake-server.ts';
import { compare, type Row, type Run } from './measure.ts';

export async function intakeRows({ folder, pairs }: Run): Promise<Row[]> {
  const [bridge, bare] = [await startServer(folder, 'bridge'), await startServer(folder, 'bare')];
  try {
    const { work, baseline, ratio } = await compare(
      pairs,
      () => uploadMs(bridge),
      () => uploadMs(bare),
    );
    const sealed = await SealedFileOnDisk.write(folder);
    const opening = await compare(
      pairs,
      () => sealed.openMs(),
      () => uploadMs(bridge),
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
      {
        group: 'intake',
        what: `Opening and checking an encrypted clip of ${(CLIP.length / 1e6).toFixed(0)} MB over taking it in`,
        ours: throughput(opening.work),
        baseline: `${throughput(opening.baseline)}, verified intake`,
        figure: opening.ratio,
        unit: 'x',
        target: { most: 1.2 },
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

const IDENTITY = { id: 'grant-1', key: generateSealKey(new SystemRandom()) };
const CONTENTS = { disclosed: {}, zones: [], salts: { zones: toBase64url(new Uint8Array(SALT_BYTES)) } };

/** The clip as its device encrypts it, in a file, and what whoever opens it does with that. */
class SealedFileOnDisk {
  private readonly disk = new SystemDisk();
  private readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async write(folder: string): Promise<SealedFileOnDisk> {
    const file = new SealedFileOnDisk(join(folder, 'sealed'));
    const parts = [writeContents(CONTENTS), CLIP];
    await writeSealedFile(file.disk, new SystemRandom(), { ...IDENTITY, path: file.path }, parts);
    return file;
  }

  /** Decrypts all of it and checks it against its statement; milliseconds that it took. */
  async openMs(): Promise<number> {
    const startMs = performance.now();
    const file = await openSealedFile(this.disk, { ...IDENTITY, path: this.path });
    try {
      await checkDecrypted(file, { ...FACTS, sealed: SEALED }, STATEMENT_TIME_STEP_US, { sha256, sha256Stream });
    } finally {
      await file.close();
    }
    return performance.now() - startMs;
  }
}

const LENGTH_US = FRAMES * 66_667;
const WINDOW = { startUs: 1_000_000, endUs: 1_000_000 + LENGTH_US };
const FACTS: ClipFacts = {
  ...{ window: WINDOW, coverage: WINDOW, gaps: [], frames: FRAMES, audioPackets: 12 },
  ...{ method: 're-encode', encodedFrames: FRAMES, redacted: false },
};
const SEALED = {
  ...{ clipSha256: sha256Hex(CLIP), clipBytes: CLIP.length, recipientKey: '', contentKey: '', grantSha256: '' },
  ...commitmentsOf(CONTENTS, sha256),
};
