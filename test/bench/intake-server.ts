// The two servers that `intake.ts` sends clips to, each as a process of its own: our bridge with all papers in order, or a bare tus server
// that writes the same bytes and syncs them. Each message from the parent makes one upload ready.
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';
import { Window } from '../../device/contract/shared-claims.ts';
import { BridgeFixture, coverageOf } from '../support/bridge-fixture.ts';
import { claimsOf } from '../support/parties.ts';
import { plainMp4 } from '../support/plain-mp4.ts';

/** Where the next clip goes, and with which headers. */
export interface Ready {
  url: string;
  headers: Record<string, string>;
}

/** Frames of the clip, 15 a second. */
export const FRAMES = 450;
/** As much as 30 s of 8 Mbit/s. */
export const CLIP = plainMp4({ frames: FRAMES, audioPackets: 12, frameBytes: 66_000 });

async function ourBridge(): Promise<() => Promise<Ready>> {
  const fixture = await BridgeFixture.open();
  const request = await fixture.ready();
  return async () => {
    const grantToken = fixture.cast.grant(request);
    const window = Window.parse(claimsOf(grantToken)['window']);
    const manifest = { frames: FRAMES, ...coverageOf(window, FRAMES) };
    const parcel = fixture.parcel(request, { clip: CLIP, grantToken, manifest });
    const opened = await fixture.openIntake(parcel);
    if (opened.status !== 200) throw new Error(`the intake was refused: ${JSON.stringify(opened.body)}`);
    const path = await fixture.create(parcel);
    return { url: fixture.bridge.url + path, headers: { authorization: `Bearer ${parcel.bearer}` } };
  };
}

async function bareServer(folder: string): Promise<() => Promise<Ready>> {
  const tus = new Server({
    path: '/files',
    datastore: new FileStore({ directory: folder }),
    relativeLocation: true,
    onUploadFinish: async (_request, { id }) => {
      const file = await open(join(folder, id), 'r+');
      await file.datasync();
      await file.close();
      return {};
    },
  });
  const server = createServer((request, response) => void tus.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return async () => {
    const headers = { 'tus-resumable': '1.0.0', 'upload-length': String(CLIP.length) };
    const created = await fetch(`${base}/files`, { method: 'POST', headers });
    return { url: new URL(created.headers.get('location') ?? '', base).href, headers: {} };
  };
}

const [kind, folder = ''] = process.argv.slice(2);
if (process.send) {
  const ready = kind === 'bridge' ? await ourBridge() : await bareServer(folder);
  process.on('message', () => void ready().then((where) => process.send?.(where)));
  // Nothing is worth keeping: the parent's folder goes, too.
  process.on('disconnect', () => process.exit());
  process.send('up');
}
