// Owns: the live picture over a connection: endless fragmented MP4 over HTTP, and the same fragments over a WebSocket. Not here: who
// may look (picture-access.ts), making fragments (camera/).
import type { Socket } from 'node:net';
import { keepForTransfer, resetConnection } from '@doorsill/base/http/connection-limit';
import { failure } from '@doorsill/contract/errors';
import { parseFragment } from '@doorsill/contract/media/fragment';
import { codecsParameter } from '@doorsill/contract/media/init-segment';
import { moveFragment } from '@doorsill/contract/media/move-fragment';
import type { FastifyReply } from 'fastify';
import type { WebSocket } from 'ws';
import type { LiveFragment, LiveFragments, LiveInit } from '../camera/live-fragments.ts';
import type { View } from './view-answer.ts';

/** Views of all callers together. */
const VIEWS_MAX = 64;
/** A connection that is this far behind gets no more until a keyframe finds it caught up: half a second of 4 Mbit/s. */
const BEHIND_BYTES_MAX = 256 * 1024;

export class LiveViews {
  private readonly live: Pick<LiveFragments, 'subscribe'>;
  private open = 0;

  constructor(live: Pick<LiveFragments, 'subscribe'>) {
    this.live = live;
  }

  /**
   * Answers with fragmented MP4 that begins at time 0 and goes on until the view ends, or the camera's stream does. Throws
   * `console_not_recording` while there is no picture, `console_too_many_viewers`.
   */
  overHttp(reply: FastifyReply, view: View): FastifyReply {
    this.take();
    const { raw } = reply;
    const { socket } = raw;
    const end = () => resetConnection(socket);
    let sender: FragmentSender | null = null;
    const start = (init: LiveInit) => {
      // One file has one beginning: the viewer asks again for the next stream.
      if (sender) return void raw.end();
      const headers = Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]);
      raw.writeHead(200, { ...Object.fromEntries(headers), 'content-type': 'video/mp4', 'cache-control': 'no-store' });
      sender = new FragmentSender(init, {
        send: (bytes) => void raw.write(bytes),
        behind: () => raw.writableLength > BEHIND_BYTES_MAX,
      });
      raw.write(init.bytes);
    };
    const forget = this.live.subscribe({
      init: start,
      fragment: (fragment) => sender?.push(fragment),
      ended: () => void raw.end(),
    });
    const done = this.whenDone(view, forget, end);
    if (sender === null) {
      done();
      throw failure('console_not_recording');
    }
    reply.hijack();
    keepForTransfer(raw.socket);
    raw.once('close', done);
    // The client may have gone while it was noted that it looks.
    if (raw.destroyed) done();
    return reply;
  }

  /**
   * Sends the live picture over a WebSocket: for each stream a text message `{"type":"init","codecs":...}`, then its init segment, then
   * fragments: binary messages of 8 bytes with the wall time in microseconds (big-endian; -1: not known) and the fragment. A text
   * message `{"type":"ended"}` says that there is no picture now. `line`: the connection below. Throws `console_too_many_viewers`.
   */
  overSocket(socket: WebSocket, line: Socket, view: View): void {
    this.take();
    let sender: FragmentSender | null = null;
    const forget = this.live.subscribe({
      init: (init) => {
        socket.send(JSON.stringify({ type: 'init', codecs: codecsParameter(init.info) }));
        socket.send(stamped(null, init.bytes));
        sender = new FragmentSender(init, {
          send: (bytes, startUs) => socket.send(stamped(startUs, bytes)),
          behind: () => socket.bufferedAmount > BEHIND_BYTES_MAX,
        });
      },
      fragment: (fragment) => sender?.push(fragment),
      ended: () => {
        sender = null;
        socket.send(JSON.stringify({ type: 'ended' }));
      },
    });
    const done = this.whenDone(view, forget, () => {
      resetConnection(line);
      socket.terminate();
    });
    socket.once('close', done);
    socket.once('error', () => socket.terminate());
  }

  private take(): void {
    if (this.open >= VIEWS_MAX) throw failure('console_too_many_viewers', { most: VIEWS_MAX });
    this.open += 1;
  }

  /** What ends a view, once: it is not told anything more, and its connection is cut when it is not allowed any more. */
  private whenDone(view: View, forget: () => void, cut: () => void): () => void {
    let isDone = false;
    const onAbort = () => {
      done();
      cut();
    };
    const done = () => {
      if (isDone) return;
      isDone = true;
      this.open -= 1;
      view.signal.removeEventListener('abort', onAbort);
      forget();
      view.close();
    };
    view.signal.addEventListener('abort', onAbort, { once: true });
    return done;
  }
}

/** One stream on its way to one viewer: from time 0, leaving out what a slow connection has no room for, up to a keyframe. */
class FragmentSender {
  private readonly init: LiveInit;
  private readonly line: { send(bytes: Uint8Array, startUs: number | null): void; behind(): boolean };
  private byUs: number | null = null;
  private waitsForKey = true;

  constructor(init: LiveInit, line: FragmentSender['line']) {
    this.init = init;
    this.line = line;
  }

  push(fragment: LiveFragment): void {
    if (this.line.behind()) this.waitsForKey = true;
    if (this.waitsForKey && (!fragment.key || this.line.behind())) return;
    this.waitsForKey = false;
    const { info } = this.init;
    this.byUs ??= -startOf(info, fragment.bytes);
    this.line.send(moveFragment(info, fragment.bytes, this.byUs), fragment.startUs);
  }
}

/** Where a fragment begins on its stream's own timeline, in microseconds. */
function startOf(info: LiveInit['info'], bytes: Uint8Array): number {
  const [first] = parseFragment(info, bytes).video;
  return Math.round(((first?.dts ?? 0) * 1_000_000) / info.video.timescale);
}

function stamped(startUs: number | null, bytes: Uint8Array): Uint8Array {
  const message = new Uint8Array(8 + bytes.length);
  new DataView(message.buffer).setBigInt64(0, BigInt(startUs ?? -1));
  message.set(bytes, 8);
  return message;
}
