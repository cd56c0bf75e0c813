// An upload's PATCH over a bare socket, whose bytes a test sends when it likes.
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { BridgeFixture, Parcel } from './bridge-fixture.ts';

/** The head of a PATCH that brings the rest of a clip from `offset` on; `more`: further headers. */
export function patchHead(parcel: Parcel, path: string, offset: number, more: string[] = []): string {
  const head = [
    `PATCH ${path} HTTP/1.1`,
    'Host: bridge',
    'Tus-Resumable: 1.0.0',
    `Authorization: Bearer ${parcel.bearer}`,
    'Content-Type: application/offset+octet-stream',
    `Upload-Offset: ${offset}`,
    `Content-Length: ${parcel.clip.length - offset}`,
  ];
  return `${[...head, ...more].join('\r\n')}\r\n\r\n`;
}

export interface BareUpload {
  socket: Socket;
  /** What comes back first. */
  answer: Promise<string>;
  closed: Promise<void>;
}

/** Connects to the bridge and announces the whole clip; the clip's bytes are the caller's to write. */
export function bareUpload(fixture: BridgeFixture, parcel: Parcel, path: string): BareUpload {
  const socket = connect(Number(new URL(fixture.bridge.url).port), '127.0.0.1');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const answer = new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(bytes.toString())));
  socket.on('error', () => undefined);
  socket.resume();
  socket.write(patchHead(parcel, path, 0));
  return { socket, answer, closed };
}

/** Waits until the bridge has staged so many bytes of the upload. */
export async function staged(fixture: BridgeFixture, path: string, bytes: number): Promise<void> {
  const file = join(fixture.bridgeFolder, 'staging', path.split('/').at(-1) ?? '');
  while (((await fixture.disk.sizeOf(file)) ?? 0) < bytes) await new Promise((resolve) => setImmediate(resolve));
}
