// The whole flow unattended: a testbed of its own, a request, a scripted owner's grant, and the clip in the vault. Other stories reuse its
// steps.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Timer } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import type { DeviceState } from '@doorsill/contract/home-messages';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import {
  type DisclosedValues,
  DisclosureKey,
  type DisclosureProfile,
  type Window,
} from '@doorsill/contract/shared-claims';
import { readEnrolment } from '@doorsill/device/area-link/enrolment';
import { fetchProof, keepProof, PROOF_NAME, RECEIPT_NAME } from '@doorsill/device/owner/fetch-custody-proof';
import { OwnerSession } from '@doorsill/device/owner/owner-session';
import { makeGrant, type Signer } from '@doorsill/device/owner/sign-owner-messages';
import { answered, askForState, elapsedMs, showUpload, showWindow } from '@doorsill/device/terminal/owner-requests';
import { type Failure, failure, isErrorCode } from '../errors.ts';
import { type Ask, postRequest, signFootageRequest } from '../officer/agency-client.ts';
import { evidenceId } from '../officer/evidence-client.ts';
import { DEMO_HOME, Testbed, type TestbedFacts, type TestbedOptions } from '../testbed/testbed.ts';
import { testbedPaths } from '../testbed/testbed-folder.ts';
import { CLIP_NAME, readVaultClip, STATEMENT_NAME, vaultItem, writeVaultClip } from '../testbed/vault-clip.ts';
import { demoAsk } from './demo-request.ts';
import type { StoryDeps } from './story-deps.ts';
import { whenHandedOver } from './when-handed-over.ts';

export interface DemoOptions {
  camera: string;
  /** Position on the source's own timeline. */
  fromUs: number;
  toUs: number;
  /** Comma-separated disclosure keys. */
  disclose: string;
  audio: boolean;
  logLevel: string;
  /** A named folder is kept; of the default, a new one, only the clip and its documents remain. */
  folder?: string;
}

/** The result of `demo`: paths of plain files, times in microseconds since 1970. */
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
/** Longest wait for a window that reaches beyond the end of the source. */
const PAST_END_MS_MAX = 10_000;
/** Longest wait for a lost camera before the demo fails. */
const CAMERA_MS_MAX = 30_000;
const NOTICE_MS_MAX = 30_000;
/** Shortest interval between two requests to the device for its coverage. */
const ASK_EVERY_MS = 500;
const HANDED_OVER_MS_MAX = 60_000;

/** Runs the story to its end. Throws a coded failure when no clip reached the vault; leaves no process behind in any case. */
export async function runDemo(options: DemoOptions, deps: StoryDeps, signal: AbortSignal): Promise<DemoResult> {
  // Invalid options are found before anything is started.
  profileFor(parseKeys(options.disclose));
  const ownFolder = options.folder === undefined;
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'doorsill-demo-')));
  const testbed = ownFolder ? join(folder, 'testbed') : folder;
  let isDone = false;
  try {
    const result = await inTestbed({ ...options, folder: testbed }, deps, signal, async (scene) => {
      const granted = await grantOnce(scene, options.disclose, options.audio);
      const item = await handedOver(scene, granted);
      const target = ownFolder ? folder : join(testbed, 'papers', item);
      await layOut(scene, granted, item, target);
      return { clip: join(target, CLIP_NAME), manifest: join(target, STATEMENT_NAME), ...granted.facts };
    });
    isDone = true;
    return result;
  } finally {
    if (ownFolder) await rm(isDone ? testbed : folder, { recursive: true, force: true });
  }
}

/**
 * Writes the vault's item to `target`, its clip decrypted, and adds the bridge's receipt and proof; the vault's folder stays untouched.
 * Returns the bridge's key as the doorbell pinned it, and the disclosed facts. Throws as `fetchProof` and `readVaultClip`.
 */
export async function layOut(
  { facts, signer, testbed, deps }: DemoRun,
  granted: Pick<Granted, 'grant'>,
  item: string,
  target: string,
): Promise<{ bridgeKey: string; disclosed: DisclosedValues }> {
  const clip = await readVaultClip(deps.disk, vaultItem(testbed.folder, item));
  await writeVaultClip(deps.disk, clip, target);
  const bridgeKey = await pinnedBridgeKey(deps, testbed.folder);
  const of = { device: facts.home.device, grant: granted.grant, bridgeUrl: facts.bridge.url, bridgeKey };
  await keepProof(deps.disk, target, await fetchProof(signer, of));
  deps.output.progress(`Beside the clip: ${RECEIPT_NAME} and ${PROOF_NAME}; the bridge's key is ${bridgeKey}.`);
  return { bridgeKey, disclosed: clip.disclosed };
}

/** A running testbed whose doorbell has recorded the wanted window, and its owner's session. */
export interface DemoRun {
  testbed: Testbed;
  facts: TestbedFacts;
  session: OwnerSession;
  signer: Signer;
  window: Window;
  deps: StoryDeps;
  signal: AbortSignal;
  /** Called right before an owner's grant is sent. */
  onGrant?: () => void;
}

/** Runs `play` in a testbed of its own, in `options.folder`; ends the testbed in any case. */
export async function inTestbed<Result>(
  options: Omit<DemoOptions, 'folder' | 'disclose' | 'audio'> & Pick<TestbedOptions, 'folder' | 'network'>,
  deps: StoryDeps,
  signal: AbortSignal,
  play: (scene: DemoRun) => Promise<Result>,
): Promise<Result> {
  const { folder, logLevel, network } = options;
  const testbed = new Testbed(
    {
      folder,
      kind: 'doorsill-demo',
      camera: demoCamera(options),
      logLevel,
      ...(network === undefined ? {} : { network }),
    },
    { ...deps, say: (text) => deps.output.progress(text) },
  );
  const closers: (() => Promise<void>)[] = [() => testbed.stop()];
  try {
    deps.output.progress(`Starting broker, registry, vault, bridge and a doorbell with ${options.camera} ...`);
    const facts = await abortable(testbed.start(), signal);
    const session = new OwnerSession(facts.home, deps);
    closers.unshift(() => session.stop());
    const signer = { key: facts.ownerKey, clock: deps.clock, random: deps.random };
    const window = await recordedWindow(session, signer, options, deps, signal);
    return await play({ testbed, facts, session, signer, window, deps, signal });
  } finally {
    for (const close of closers) await close();
  }
}

/** The outcome of a grant. */
export interface Granted {
  grant: string;
  grantSha256: string;
  request: string;
  clipId: string;
  /** Of the file that was sent: the encrypted one, if it was encrypted. */
  sentSha256: string;
  facts: Omit<DemoResult, 'clip' | 'manifest'>;
}

/** The agency asks, with `changes`, and the owner grants the scene's window; resolves once the clip is stored. */
export async function grantOnce(
  scene: DemoRun,
  keys: string,
  audio: boolean,
  changes: Partial<Ask> = {},
): Promise<Granted> {
  const { facts, session, signer, window, deps, signal } = scene;
  const disclose = parseKeys(keys);
  deps.output.progress(`Recorded. An agency asks; the owner grants ${showWindow(window)}.`);
  const ask = demoAsk(deps.clock, DEMO_HOME.place, window, profileFor(disclose));
  const { id, token } = signFootageRequest(deps, facts.agencyKey, facts.bridge.id, {
    ...ask,
    ...changes,
  });
  const notice = await noticeOf(session, id, () => postRequest(facts.bridge.url, token), signal);
  scene.onGrant?.();
  return grantAndWait(session, signer, notice, { window, disclose, audio }, deps);
}

/** Resolves with the item's id once the vault has the clip. Throws `timed_out`. */
export async function handedOver(scene: DemoRun, { clipId: clip }: Granted): Promise<string> {
  const { facts, testbed, deps, signal } = scene;
  const item = evidenceId(facts.bridge.id, clip);
  if (await whenHandedOver(deps, testbed.folder, { item, clip }, HANDED_OVER_MS_MAX, signal)) return item;
  throw failure('timed_out', { what: 'the hand-over to the vault', seconds: HANDED_OVER_MS_MAX / 1000 });
}

/** The bridge's key as the doorbell pinned it when it enrolled. */
async function pinnedBridgeKey({ disk }: StoryDeps, folder: string): Promise<string> {
  const enrolment = await readEnrolment(disk, join(testbedPaths(folder).doorbell, 'enrolment.json'));
  if (!enrolment) throw failure('not_running', { folder });
  return enrolment.bridgeKey;
}

/**
 * The camera for the demo: a file is read once, drawn footage lasts as long as needed, both at full speed; a live camera stays as it is.
 */
function demoCamera(options: Pick<DemoOptions, 'camera' | 'toUs'>): string {
  const { camera } = options;
  if (/^(rtsp:\/\/|v4l2:|rpicam\b|\/dev\/)/.test(camera) || camera.includes('pace=')) return camera;
  const join = camera.includes('?') ? '&' : '?';
  const seconds = Math.ceil(options.toUs / 1_000_000) + 2;
  if (camera.startsWith('synthetic')) return `${camera}${join}pace=fast&seconds=${seconds}`;
  return `${camera}${join}once&pace=fast`;
}

/** Waits until the ring holds the window's end, or the source has ended; returns the window in wall time. */
async function recordedWindow(
  session: OwnerSession,
  signer: Signer,
  options: Pick<DemoOptions, 'fromUs' | 'toUs'>,
  deps: StoryDeps,
  signal: AbortSignal,
): Promise<Window> {
  let shown = '';
  const timers: Timer[] = [];
  const later = (delayMs: number, call: () => void) => timers.push(deps.clock.after(delayMs, call));
  let isAwaited = false;
  // Without being asked, the device reports its coverage only now and then.
  let asking: Timer | null = null;
  const askAt = (window: Window | null) => {
    const leftMs = window === null ? 0 : (window.endUs - deps.clock.wallUs()) / 1000;
    asking?.cancel();
    asking = deps.clock.after(Math.max(ASK_EVERY_MS, leftMs), () => askForState(session, signer));
    timers.push(asking);
  };
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
        if (camera.state === 'failed') failed(faultOf(camera));
        else if (window && newestUs >= window.endUs) {
          const oldestUs = state.ring.coverage[0]?.startUs ?? newestUs;
          if (oldestUs >= window.endUs) failed(sourceHas('begins', oldestUs - window.startUs + options.fromUs));
          else found(window);
        } else if (isAwaited) return;
        else if (window && camera.state === 'ended') {
          isAwaited = true;
          const sourceEndUs = newestUs - window.startUs + options.fromUs;
          // An agency may only ask for the past: a window that ends beyond the source's end must have passed first.
          const leftMs = Math.max(0, (window.endUs - deps.clock.wallUs()) / 1000);
          if (newestUs <= window.startUs || leftMs > PAST_END_MS_MAX) failed(sourceHas('ends', sourceEndUs));
          else later(leftMs, () => found(window));
        } else if (!window && camera.state === 'lost') {
          isAwaited = true;
          later(CAMERA_MS_MAX, () =>
            failed(failure('camera_unreachable', { source: camera.source, detail: whyOf(camera) })),
          );
        } else if (camera.state === 'recording') askAt(window);
      },
    }),
    () => session.start(),
    signal,
  );
  return wait.finally(() => {
    for (const timer of timers) timer.cancel();
  });
}

/** The camera's fault as the doorbell reports it: same code, without repeating the message. */
function faultOf(camera: DeviceState['camera']): Failure {
  const { source, code = '', detail = '' } = camera;
  if (!isErrorCode(code) || code === 'camera_failed')
    return failure('camera_failed', { source, times: 1, detail: whyOf(camera) });
  const start = failure(code, { source, detail: '' }).message;
  return failure(code, { source, detail: detail.startsWith(start) ? detail.slice(start.length) : detail });
}

/** Text that the message of `camera_unreachable` already contains. */
const SILENT = 'does not answer: ';

/** Why a camera gives no pictures, without repeating its name. */
function whyOf({ source, detail }: DeviceState['camera']): string {
  const named = ['camera', 'file'].map((kind) => `The ${kind} ${source} `).find((start) => detail?.startsWith(start));
  if (!named) return detail ?? 'it does not say why';
  const said = detail?.slice(named.length) ?? '';
  return said.startsWith(SILENT) ? said.slice(SILENT.length) : `it ${said}`;
}

function sourceHas(what: 'begins' | 'ends', atUs: number) {
  const atS = Math.max(0, Math.round(atUs / 1000) / 1000);
  return failure('usage', {
    detail: `the source's footage ${what} at ${atS} s; choose --from and --to ${what === 'ends' ? 'before' : 'after'} that`,
  });
}

function windowOf(state: DeviceState, options: Pick<DemoOptions, 'fromUs' | 'toUs'>): Window | null {
  const { sourceStartUs } = state.camera;
  if (sourceStartUs === undefined) return null;
  return { startUs: sourceStartUs + options.fromUs, endUs: sourceStartUs + options.toUs };
}

/** Calls `ask`, which sends the request `id`, and resolves with its notice at the doorbell. Throws `timed_out`. */
export function noticeOf(
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
): Promise<Granted> {
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
  const { id, window, frames, method } = clip;
  const sha256 = clip.sealed?.clipSha256 ?? clip.sha256;
  return {
    grant: grant.jti,
    grantSha256: sha256Hex(grant.token),
    request: notice.request.jti,
    clipId: id,
    sentSha256: clip.sha256,
    facts: { window, frames, sha256, disclosed, method, grantToStoredMs },
  };
}

function parseKeys(text: string): DisclosureKey[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'none');
  const unknown = names.find((name) => !DisclosureKey.options.some((key) => key === name));
  if (unknown !== undefined)
    throw failure('usage', { detail: `--disclose knows ${DisclosureKey.options.join(', ')}, not "${unknown}"` });
  return DisclosureKey.options.filter((key) => names.includes(key));
}

/** The smallest disclosure profile that covers all these keys. Throws `usage` when no profile does. */
function profileFor(keys: readonly DisclosureKey[]): DisclosureProfile {
  if (keys.length === 0) return 'nothing';
  if (keys.every((key) => key === 'address' || key === 'email')) return 'address-and-email';
  if (keys.every((key) => key !== 'address')) return 'name-email-phone';
  throw failure('usage', { detail: 'no agency may ask for the address together with name or phone' });
}

/** Rejects when the signal is aborted; the caller must undo the work. */
function abortable<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}
