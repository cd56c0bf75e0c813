// Feeds a video element piece by piece through Media Source Extensions: appends one piece after the other, removes old ones, and releases
// everything at the end.

declare global {
  interface Window {
    ManagedMediaSource?: typeof MediaSource;
    MediaSource?: typeof MediaSource;
  }
}

/** iPhones only have ManagedMediaSource (https://www.w3.org/TR/media-source-2/#managedmediasource-interface). */
const Source = window.MediaSource ?? window.ManagedMediaSource;

export interface FeedListener {
  /** Called after each piece. */
  appended(): void;
  /** The browser cannot play a piece. */
  failed?(): void;
}

type Work = (buffer: SourceBuffer) => void;

/** Most pieces waiting to be appended: a stream that is never played must not fill the memory. */
const WAITING_MAX = 2_000;

export class MediaFeed {
  private readonly video: HTMLVideoElement;
  private readonly source: MediaSource;
  private readonly address: string;
  private readonly listener: FeedListener;
  private buffer: SourceBuffer | null = null;
  private waiting: Work[] = [];
  private isClosed = false;
  private trimmedS = 0;

  constructor(video: HTMLVideoElement, source: MediaSource, mediaType: string, listener: FeedListener) {
    this.video = video;
    this.source = source;
    this.listener = listener;
    this.address = URL.createObjectURL(source);
    source.addEventListener('sourceopen', () => this.opened(mediaType), { once: true });
    video.disableRemotePlayback = true;
    video.src = this.address;
  }

  append(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.waiting.length >= WAITING_MAX) return;
    this.enqueue((buffer) => buffer.appendBuffer(bytes));
  }

  /** The following pieces begin at time 0; they are shown at `atS`, in this format. */
  beginAt(atS: number, mediaType: string): void {
    this.enqueue((buffer) => {
      buffer.changeType(mediaType);
      buffer.timestampOffset = atS;
    });
  }

  /** Marks the end of the stream. */
  end(): void {
    this.enqueue(() => {
      if (this.source.readyState === 'open') this.source.endOfStream();
    });
  }

  /** Removes buffered media before a moment, at least five seconds at a time. */
  trim(beforeS: number): void {
    if (beforeS < this.trimmedS + 5) return;
    this.trimmedS = beforeS;
    this.enqueue((buffer) => buffer.remove(0, beforeS));
  }

  /** Releases the buffer and clears the element. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.waiting = [];
    URL.revokeObjectURL(this.address);
    if (this.video.src !== this.address) return;
    this.video.removeAttribute('src');
    this.video.load();
  }

  private opened(mediaType: string): void {
    if (this.isClosed) return;
    this.buffer = this.source.addSourceBuffer(mediaType);
    this.buffer.addEventListener('updateend', () => {
      if (this.isClosed) return;
      this.next();
      this.listener.appended();
    });
    this.buffer.addEventListener('error', () => this.listener.failed?.());
    this.next();
  }

  private enqueue(work: Work): void {
    this.waiting.push(work);
    this.next();
  }

  private next(): void {
    const { buffer } = this;
    while (buffer && !this.isClosed && !buffer.updating) {
      const work = this.waiting.shift();
      if (!work) return;
      try {
        work(buffer);
      } catch {
        // The element has failed, or its buffer is full.
        this.listener.failed?.();
        return;
      }
    }
  }
}

/** Feeds a video element; null if the browser cannot play these codecs. */
export function openFeed(video: HTMLVideoElement, codecs: string, listener: FeedListener): MediaFeed | null {
  const mediaType = mediaTypeOf(codecs);
  return Source?.isTypeSupported(mediaType) ? new MediaFeed(video, new Source(), mediaType, listener) : null;
}

export function mediaTypeOf(codecs: string): string {
  return `video/mp4; codecs="${codecs}"`;
}
