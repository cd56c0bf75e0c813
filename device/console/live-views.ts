// The live picture as endless fragmented MP4 over HTTP, and as the same fragments over a WebSocket.
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

/** Greatest number of views, of all callers together. */
const VIEWS_MAX = 64;
/** A connection this far behind gets no fragments until the next keyframe after it has caught up: half a second of 4 Mbit/s. */
const BEHIND_BYTES_MAX = 256 * 1024;

export class LiveViews {
  private readonly live: Pick<LiveFragments, 'subscribe'>;
  private open = 0;

  constructor(live: Pick<LiveFragments, 'subscribe'>) {
    this.live = live;
  }

  /**
   * Answers with fragmented MP4 that begins at time 0 and lasts until the view or the camera's stream ends. Throws
   * `console_not_recording` while there is no picture, `console_too_many_viewers`.
   */
  overHttp(reply: FastifyReply, view: View): FastifyReply {
    this.take();
    const { raw } = reply;
    const { socket } = raw;
    const end = () => resetConnection(socket);
    let sender: FragmentSender | null = null;
    const start = (init: LiveInit) => {
      // A file has one init segment: the viewer has to ask again for the next stream.
      if (sender) return void raw.end();
      const headers = Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]);
      raw.writeHead(200, { ...Object.fromEntries(headers), 'content-type': 'video/mp4', 'cache-control': 'no-store' });
      sender = new FragmentSender(init, {
        send: (bytes) => void raw.write(bytes),
        behind: () => raw.writableLength > BEHIND_BYTES_MAX,
      });
      raw.write(init.bytes);
    };
    const unsubscribe = this.live.subscribe({
      init: start,
      fragment: (fragment) => sender?.push(fragment),
      ended: () => void raw.end(),
    });
    const done = this.whenDone(view, unsubscribe, end);
    if (sender === null) {
      done();
      throw failure('console_not_recording');
    }
    reply.hijack();
    keepForTransfer(raw.socket);
    raw.once('close', done);
    // The client may have disconnected while its look was being recorded.
    if (raw.destroyed) done();
    return reply;
  }

  /**
   * Sends the live picture over a WebSocket. Each stream: a text message `{"type":"init","codecs":...}`, then its init segment and
   * fragments as binary messages: 8 bytes with the wall time in microseconds (big-endian; -1: unknown), then the data. The text message
   * `{"type":"ended"}` means that there is no picture now. `line`: the underlying connection. Throws `console_too_many_viewers`.
   */
  overSocket(socket: WebSocket, line: Socket, view: View): void {
    this.take();
    let sender: FragmentSender | null = null;
    const unsubscribe = this.live.subscribe({
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
    const done = this.whenDone(view, unsubscribe, () => {
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

  /** Returns the function that ends a view, once. When the view's signal is aborted, it ends and its connection is cut. */
  private whenDone(view: View, unsubscribe: () => void, cut: () => void): () => void {
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
      unsubscribe();
      view.close();
    };
    view.signal.addEventListener('abort', onAbort, { once: true });
    return done;
  }
}

/** Sends one stream to one viewer, from time 0. For a slow connection it drops fragments up to a keyframe. */
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

/** A fragment's start on its stream's timeline, in microseconds. */
function startOf(info: LiveInit['info'], bytes: Uint8Array): number {
  const [first] = parseFragment(info, bytes).video;
  return Math.round(((first?.dts ?? 0) * 1_000_000) / info.video.timescale);
}

/** Data preceded by its wall time. */
function stamped(startUs: number | null, bytes: Uint8Array): Uint8Array {
  const message = new Uint8Array(8 + bytes.length);
  new DataView(message.buffer).setBigInt64(0, BigInt(startUs ?? -1));
  message.set(bytes, 8);
  return message;
}
