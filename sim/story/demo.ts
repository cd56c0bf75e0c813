// Owns: the whole story unattended: a town of its own, a request, a scripted owner's grant, and the clip in the vault.
// Uses the same parts as `up`; the device has no setting that grants by itself. Not here: the command line (cli/).
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DeviceState,
  DISCLOSURE_KEYS,
  type DisclosureKey,
  type DisclosureProfile,
  failure,
  makeGrant,
  OwnerSession,
  type Signer,
  type Timer,
  type VerifiedNotice,
  type Window,
} from '../../device/index.ts';
import { answered, elapsedMs, showUpload, showWindow } from '../cli/owner-notice.ts';
import { postRequest, signRequest } from '../officer/officer.ts';
import { DEMO_HOME, Town } from '../supervisor/town.ts';
import { demoAsk } from './ask.ts';
import type { StoryDeps } from './up.ts';

export interface DemoOptions {
  camera: string;
  /** Seconds on the source's own timeline, in microseconds. */
  fromUs: number;
  toUs: number;
  /** Comma-separated disclosure keys. */
  disclose: string;
  audio: boolean;
  logLevel: string;
  /** Kept when named; else a new folder of which only the clip and its manifest stay. */
  folder?: string;
}

/** What `demo` ends with: paths of plain files, times in microseconds since 1970. */
export interface DemoResult {
  clip: string;
  manifest: string;
  window: Window;
  frames: number;
  sha256: string;
  disclosed: Record<string, string>;
  method: string;
  grantToStoredMs: number;
}

const FOOTAGE_MS_MAX = 10 * 60_000;
const STORED_MS_MAX = 10 * 60_000;
/** How far a window may reach beyond the end of a source, in time to be waited for. */
const PAST_END_MS_MAX = 10_000;
/** A camera that has not given a picture by then is not going to. */
const CAMERA_MS_MAX = 30_000;
const NOTICE_MS_MAX = 30_000;

/** Runs the story to its end. Throws a coded failure when no clip reached the vault; leaves no process in any case. */
export async function runDemo(options: DemoOptions, deps: StoryDeps, signal: AbortSignal): Promise<DemoResult> {
  const disclose = parseKeys(options.disclose);
  const ownFolder = options.folder === undefined;
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'doorsill-demo-')));
  const town = new Town(
    {
      folder: join(folder, ...(ownFolder ? ['town'] : [])),
      kind: 'doorsill-demo',
      camera: demoCamera(options),
      logLevel: options.logLevel,
    },
    { ...deps, say: (text) => deps.output.progress(text) },
  );
  const closers: (() => Promise<void>)[] = [() => town.stop()];
  let isDone = false;
  try {
    deps.output.progress(`Starting broker, registry, bridge and a doorbell with ${options.camera} ...`);
    const facts = await abortable(town.start(), signal);
    const session = new OwnerSession(facts.home, deps);
    closers.unshift(() => session.stop());
    const signer = { key: facts.ownerKey, clock: deps.clock, random: deps.random };
    const window = await recordedWindow(session, options, deps, signal);
    deps.output.progress(`Recorded. An agency asks; the owner grants ${showWindow(window)}.`);
    const ask = demoAsk(deps.clock, DEMO_HOME.place, window, profileFor(disclose));
    const { id, token } = signRequest(deps, facts.agencyKey, facts.bridge.id, ask);
    const notice = await noticeOf(session, id, () => postRequest(facts.bridge.url, token), signal);
    const result = await grantAndWait(session, signer, notice, { window, disclose, audio: options.audio }, deps);
    const stored = join(town.folder, 'bridge', 'clips', result.clipId);
    const target = ownFolder ? folder : stored;
    if (ownFolder) {
      await copyFile(join(stored, 'clip.mp4'), join(folder, 'clip.mp4'));
      await copyFile(join(stored, 'manifest.jws'), join(folder, 'manifest.jws'));
    }
    isDone = true;
    return { clip: join(target, 'clip.mp4'), manifest: join(target, 'manifest.jws'), ...result.facts };
  } finally {
    for (const close of closers) await close();
    if (ownFolder) await rm(isDone ? join(folder, 'town') : folder, { recursive: true, force: true });
  }
}

/** A file is read once, as fast as it goes; drawn footage as long as needed; a live camera as it comes. */
function demoCamera(options: DemoOptions): string {
  const { camera } = options;
  if (/^rtsp:\/\//.test(camera) || camera.includes('pace=')) return camera;
  const join = camera.includes('?') ? '&' : '?';
  const seconds = Math.ceil(options.toUs / 1_000_000) + 2;
  if (camera.startsWith('synthetic')) return `${camera}${join}pace=fast&seconds=${seconds}`;
  return `${camera}?once&pace=fast`;
}

/** Waits until the ring holds the window's end, or the source has ended; returns the window in wall time. */
async function recordedWindow(
  session: OwnerSession,
  options: DemoOptions,
  deps: StoryDeps,
  signal: AbortSignal,
): Promise<Window> {
  let shown = '';
  const timers: Timer[] = [];
  const later = (delayMs: number, call: () => void) => timers.push(deps.clock.after(delayMs, call));
  let isAwaited = false;
  const wait = session.waitFor<Window>(
    'the footage',
    FOOTAGE_MS_MAX,
    (found, failed) => ({
      state: (state) => {
        const { camera } = state;
        const line = `  camera ${camera.state}${camera.detail ? `: ${camera.detail}` : ''}`;
        if (line !== shown) deps.output.progress(line);
        shown = line;
        const window = windowOf(state, options);
        const newestUs = state.ring.coverage.at(-1)?.endUs ?? 0;
        if (camera.state === 'failed')
          failed(failure('camera_failed', { source: camera.source, times: 1, detail: whyOf(camera) }));
        else if (window && newestUs >= window.endUs) {
          const oldestUs = state.ring.coverage[0]?.startUs ?? newestUs;
          if (oldestUs >= window.endUs) failed(sourceHas('begins', oldestUs - window.startUs + options.fromUs));
          else found(window);
        } else if (isAwaited) return;
        else if (window && camera.state === 'ended') {
          isAwaited = true;
          const sourceEndUs = newestUs - window.startUs + options.fromUs;
          // An agency asks about the past only: a window that reaches beyond the source's end may have to pass first.
          const leftMs = Math.max(0, (window.endUs - deps.clock.wallUs()) / 1000);
          if (newestUs <= window.startUs || leftMs > PAST_END_MS_MAX) failed(sourceHas('ends', sourceEndUs));
          else later(leftMs, () => found(window));
        } else if (!window && camera.state === 'lost') {
          isAwaited = true;
          later(CAMERA_MS_MAX, () =>
            failed(failure('camera_unreachable', { source: camera.source, detail: whyOf(camera) })),
          );
        }
      },
    }),
    () => session.start(),
    signal,
  );
  return wait.finally(() => {
    for (const timer of timers) timer.cancel();
  });
}

/** Why a camera gives nothing, without naming it again. */
function whyOf({ source, detail }: DeviceState['camera']): string {
  const named = ['camera', 'file'].map((kind) => `The ${kind} ${source} `).find((start) => detail?.startsWith(start));
  return named ? `it ${detail?.slice(named.length)}` : (detail ?? 'it does not say why');
}

function sourceHas(what: 'begins' | 'ends', atUs: number) {
  const atS = Math.max(0, Math.round(atUs / 1000) / 1000);
  return failure('usage', {
    detail: `the source's footage ${what} at ${atS} s; choose --from and --to ${what === 'ends' ? 'before' : 'after'} that`,
  });
}

function windowOf(state: DeviceState, options: DemoOptions): Window | null {
  const { sourceStartUs } = state.camera;
  if (sourceStartUs === undefined) return null;
  return { startUs: sourceStartUs + options.fromUs, endUs: sourceStartUs + options.toUs };
}

function noticeOf(
  session: OwnerSession,
  id: string,
  ask: () => Promise<unknown>,
  signal: AbortSignal,
): Promise<VerifiedNotice> {
  return session.waitFor<VerifiedNotice>(
    'the request at the doorbell',
    NOTICE_MS_MAX,
    (found) => ({ notice: (notice) => notice.request.jti === id && found(notice) }),
    ask,
    signal,
  );
}

async function grantAndWait(
  session: OwnerSession,
  signer: Signer,
  notice: VerifiedNotice,
  choice: { window: Window; disclose: DisclosureKey[]; audio: boolean },
  deps: StoryDeps,
): Promise<{ clipId: string; facts: Omit<DemoResult, 'clip' | 'manifest'> }> {
  const grant = makeGrant(signer, notice, choice);
  const startMs = deps.clock.monotonicMs();
  const { receipt } = await answered(
    session,
    {
      jti: grant.jti,
      request: notice.request.jti,
      send: () => session.answer(notice.request.jti, 'grant', grant.token),
    },
    STORED_MS_MAX,
    (heard) => heard.outcome === 'sent',
    (heard) => deps.output.progress(`  ${heard.outcome}`),
    (progress) => deps.output.progress(showUpload(progress)),
  );
  const grantToStoredMs = elapsedMs(deps.clock, startMs);
  const { clip } = receipt;
  if (!clip) throw failure('internal', { detail: 'the receipt names no clip' });
  const disclosed = Object.fromEntries(clip.disclosed.map((key) => [key, notice.wouldDisclose[key] ?? '']));
  const { id, window, frames, sha256, method } = clip;
  return { clipId: id, facts: { window, frames, sha256, disclosed, method, grantToStoredMs } };
}

function parseKeys(text: string): DisclosureKey[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'none');
  const unknown = names.find((name) => !DISCLOSURE_KEYS.some((key) => key === name));
  if (unknown !== undefined)
    throw failure('usage', { detail: `--disclose knows ${DISCLOSURE_KEYS.join(', ')}, not "${unknown}"` });
  return DISCLOSURE_KEYS.filter((key) => names.includes(key));
}

/** The smallest profile that asks for all these keys. Throws `usage` when no profile does. */
function profileFor(keys: readonly DisclosureKey[]): DisclosureProfile {
  if (keys.length === 0) return 'nothing';
  if (keys.every((key) => key === 'address' || key === 'email')) return 'address-and-email';
  if (keys.every((key) => key !== 'address')) return 'name-email-phone';
  throw failure('usage', { detail: 'no agency may ask for the address together with name or phone' });
}

/** Ends the wait when the signal is aborted; the work itself is undone by the caller. */
function abortable<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}
