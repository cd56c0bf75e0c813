// Compares recent motion with the pets that are searched for, one event at a time, and keeps stills of sightings in memory. Its
// findings go to the gate, which tells the home's owners and nobody else.
import type { Clock } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { fromBase64url } from '@doorsill/contract/bytes';
import { isFailure } from '@doorsill/contract/errors';
import type { DeviceEventBody, Sighted } from '@doorsill/contract/home-messages';
import { plainJpegSize } from '@doorsill/contract/plain-jpeg';
import { PHOTO_BYTES_MAX, PHOTO_SIDE_MAX } from '@doorsill/contract/search';
import { partsInside, type Window } from '@doorsill/contract/shared-claims';
import type { Ffmpeg } from '../camera/find-ffmpeg.ts';
import type { ConsentGate } from '../consent/gate.ts';
import type { ReceivedSearch } from '../consent/gate-interfaces.ts';
import type { Ring } from '../ring/ring-interface.ts';
import { ColourAndSize } from './colour-and-size.ts';
import { type FramesDeps, framesOf } from './frames.ts';
import { type Features, LIKENESS_MIN, type LikenessModel, type Picture, type Subject } from './likeness-interfaces.ts';
import { Yolox } from './yolox.ts';

/** Longest side of a decoded photo in pixels, enough for comparing. */
const SIDE_MAX = 160;
const STILL_QUALITY = 80;

async function loadSharp() {
  const { default: sharp } = await import('sharp');
  // Photos are rare: no cache and one thread are enough.
  sharp.cache(false);
  sharp.concurrency(1);
  return sharp;
}

/** Decodes a published photo; null for anything but the plain JPEG whose hash its poster signed. */
export async function decodePhoto(photo: string, photoSha256: string): Promise<Picture | null> {
  const bytes = photo.length > 2 * PHOTO_BYTES_MAX ? null : fromBase64url(photo);
  if (!bytes || bytes.length > PHOTO_BYTES_MAX || sha256Hex(bytes) !== photoSha256) return null;
  const size = plainJpegSize(bytes);
  if (!size || Math.max(size.width, size.height) > PHOTO_SIDE_MAX || Math.min(size.width, size.height) < 16)
    return null;
  const sharp = await loadSharp();
  try {
    const { data, info } = await sharp(bytes, { failOn: 'error', limitInputPixels: PHOTO_SIDE_MAX ** 2, pages: 1 })
      .resize(SIDE_MAX, SIDE_MAX, { fit: 'inside', withoutEnlargement: true })
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return info.channels === 3 ? { width: info.width, height: info.height, rgb: new Uint8Array(data) } : null;
  } catch {
    // Decoder errors are not reported: the bytes came from a stranger.
    return null;
  }
}

/** Encodes a picture as a JPEG without metadata. */
export async function encodeStill({ width, height, rgb }: Picture): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const image = sharp(rgb, { raw: { width, height, channels: 3 } });
  return new Uint8Array(await image.jpeg({ quality: STILL_QUALITY }).toBuffer());
}

/** Resolves once the ring will get no more footage of the window, or at a timeout. */
export type Settled = (window: Window, signal: AbortSignal) => Promise<void>;

export interface SearchPartyDeps extends FramesDeps {
  model: LikenessModel;
  log: Log;
  /** Whether Search Party is on; while it is off, no event is stored or compared. */
  isOn(): boolean;
  settled: Settled;
  sighted(search: string, seen: Sighted): Promise<void>;
}

/** A still of a sighting: a JPEG, for the owner's console alone. */
export interface Still {
  atUs: number;
  jpeg: Uint8Array;
}

/** A motion event: `window` is examined; `compared` holds the ids of searches that it was compared with. */
interface MotionEvent {
  window: Window;
  motionUs: number;
  compared: Set<string>;
}

/** Maximum age and number of remembered events: searches concern the last hours. */
const EVENT_US_MAX = 24 * 3_600_000_000;
const EVENTS_MAX = 100;
/** Footage before the motion from which the background is computed, and the examined part of an event. */
const BEFORE_US = 2_000_000;
const EXAMINED_US = 25_000_000;
/** Minimum number of frames similar to the pet: one may be chance. */
const LIKE_FRAMES_LEAST = 2;
const MARGIN_US = 500_000;

export class SearchParty {
  private readonly deps: SearchPartyDeps;
  private readonly stopping = new AbortController();
  private open: readonly ReceivedSearch[] = [];
  private readonly features = new Map<string, Features | null>();
  private readonly stills = new Map<string, Still & { likeness: number }>();
  private events: MotionEvent[] = [];
  private motionStarts: number[] = [];
  private working: Promise<void> | null = null;

  constructor(deps: SearchPartyDeps) {
    this.deps = deps;
  }

  /** Loads the model. Throws its errors. */
  async start(): Promise<void> {
    await this.deps.model.start();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.working;
    await this.deps.model.stop();
  }

  /** Resolves when all remembered events have been compared. */
  async idle(): Promise<void> {
    while (this.working) await this.working;
  }

  /** Sets the open searches. An empty list, as when Search Party is turned off, drops all events and stills. */
  searches(open: readonly ReceivedSearch[]): void {
    this.open = open;
    const ids = new Set(open.map(({ request }) => request.jti));
    for (const kept of [this.features, this.stills]) for (const id of kept.keys()) if (!ids.has(id)) kept.delete(id);
    if (!this.deps.isOn()) this.events = [];
    this.work();
  }

  /** Remembers a motion event. An event with a press is a visitor's and is not examined. */
  happened(event: DeviceEventBody, atUs: number): void {
    if (!this.deps.isOn()) return;
    if (event.type === 'motion-start') this.motionStarts = [...this.motionStarts, atUs].slice(-EVENTS_MAX);
    if (event.type !== 'event-window' || event.cause !== 'motion') return;
    const { startUs, endUs } = event.window;
    const motionUs = this.motionStarts.find((at) => at >= startUs && at < endUs);
    if (motionUs === undefined) return;
    const window = { startUs: motionUs - BEFORE_US, endUs: Math.min(endUs, motionUs + EXAMINED_US) };
    const recent = this.events.filter((one) => one.motionUs > atUs - EVENT_US_MAX);
    this.events = [...recent, { window, motionUs, compared: new Set<string>() }].slice(-EVENTS_MAX);
    this.work();
  }

  /** Drops events and stills of a window, or all of them, because that footage was deleted. */
  forget(window: Window | undefined): void {
    const isGone = (span: Window) => !window || partsInside([span], window).length > 0;
    this.events = this.events.filter((event) => !isGone(event.window));
    for (const [id, { atUs }] of this.stills) if (isGone({ startUs: atUs, endUs: atUs + 1 })) this.stills.delete(id);
  }

  /** The still that is most like a search's pet; null when there is none. */
  still(search: string): Still | null {
    return this.stills.get(search) ?? null;
  }

  private work(): void {
    if (this.working || this.stopping.signal.aborted || !this.nextEvent()) return;
    this.working = this.compareAll()
      .catch((thrown: unknown) => {
        if (this.stopping.signal.aborted) return;
        throw thrown;
      })
      .finally(() => {
        this.working = null;
        this.work();
      });
  }

  private nextEvent(): MotionEvent | undefined {
    return this.events.find((event) => this.due(event).length > 0);
  }

  /** Searches that an event was not compared with yet and could match. */
  private due({ window, compared }: MotionEvent): ReceivedSearch[] {
    return this.open.filter(
      ({ request }) => !compared.has(request.jti) && partsInside([window], request.window).length > 0,
    );
  }

  private async compareAll(): Promise<void> {
    for (let event = this.nextEvent(); event; event = this.nextEvent()) {
      const due = this.due(event);
      for (const { request } of due) event.compared.add(request.jti);
      try {
        await this.compare(event, due);
      } catch (thrown) {
        if (!isFailure(thrown) || this.stopping.signal.aborted) throw thrown;
        this.deps.log.warn('motion could not be compared with the searches for pets; it is not tried again for them', {
          code: thrown.code,
        });
      }
    }
  }

  private async compare(event: MotionEvent, due: readonly ReceivedSearch[]): Promise<void> {
    const { model, settled } = this.deps;
    const { signal } = this.stopping;
    const features = new Map<ReceivedSearch, Features>();
    for (const search of due) {
      const found = await this.featuresOf(search);
      if (found) features.set(search, found);
    }
    if (features.size === 0) return;
    await settled(event.window, signal);
    const frames = await framesOf(this.deps, event.window, signal);
    const shown = await model.show({ frames, motionUs: event.motionUs });
    if (shown.label === 'person') return;
    for (const [search, wanted] of features) {
      const { kind } = search.request;
      const like = shown.subjects
        .map((subject) => ({ subject, likeness: model.likeness(wanted, kind, subject) }))
        .filter(({ likeness }) => likeness >= LIKENESS_MIN);
      if (new Set(like.map(({ subject }) => subject.frame)).size >= LIKE_FRAMES_LEAST)
        await this.found(search, event, like);
    }
  }

  private async found(
    { request }: ReceivedSearch,
    event: MotionEvent,
    like: readonly { subject: Subject; likeness: number }[],
  ): Promise<void> {
    const best = like.reduce((one, other) => (other.likeness > one.likeness ? other : one));
    const times = like.map(({ subject }) => subject.frame.atUs);
    const around = { startUs: Math.min(...times) - MARGIN_US, endUs: Math.max(...times) + MARGIN_US };
    const [window] = partsInside([around], event.window);
    const { frame } = best.subject;
    const jpeg = await encodeStill(frame);
    // The footage may have been deleted meanwhile, or the search may have ended.
    const isStillOpen = this.open.some((one) => one.request.jti === request.jti) && this.events.includes(event);
    if (!window || !isStillOpen || !this.deps.isOn()) return;
    const { likeness } = best;
    if ((this.stills.get(request.jti)?.likeness ?? 0) < likeness)
      this.stills.set(request.jti, { atUs: frame.atUs, jpeg, likeness });
    await this.deps.sighted(request.jti, { window, stillUs: frame.atUs, likeness: Math.min(1, likeness) });
  }

  private async featuresOf({ request, photo }: ReceivedSearch): Promise<Features | null> {
    const { jti, kind, photoSha256 } = request;
    const known = this.features.get(jti);
    if (known !== undefined) return known;
    const picture = await decodePhoto(photo, photoSha256);
    const features = picture && (await this.deps.model.featuresOf(picture, kind));
    this.features.set(jti, features);
    if (!features)
      this.deps.log.info('the photo of a search cannot be used, so nothing is compared with it', { search: jti });
    return features;
  }
}

/** Makes Search Party, not started. `model`: a detector's file; without one the built-in model is used. */
export function makeSearchParty(
  { model }: { model?: string | undefined },
  { clock, log, ffmpeg }: { clock: Clock; log: Log; ffmpeg: Ffmpeg },
  { ring, gate }: { ring: Ring; gate: ConsentGate },
  settled: Settled,
): SearchParty {
  return new SearchParty({
    clock,
    log,
    ffmpeg,
    settled,
    model: model === undefined ? new ColourAndSize() : new Yolox(model, log),
    segments: (window) => ring.read(window),
    isOn: () => gate.searchPartyOn,
    sighted: (search, seen) => gate.sighted(search, seen),
  });
}
