// Judges clips: their exact pictures, the disclosed metadata, uploads, custody.

import { recallAnswerOf } from '@doorsill/contract/hand-over-documents';
import type { Receipt } from '@doorsill/contract/home-messages';
import { innerClip } from '@doorsill/contract/sealing';
import { fileInput } from '@doorsill/device/camera/ffmpeg-capture-command';
import { runFfmpeg } from '@doorsill/device/camera/ffmpeg-run';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { sniffFile } from '@doorsill/device/camera/sniff';
import { fetchProof } from '@doorsill/device/owner/fetch-custody-proof';
import { isFailure } from '../../errors.ts';
import { SYNTHETIC_FPS } from '../../porch/scene.ts';
import type { FootagePart } from '../../replay/footage.ts';
import type { VirtualClock } from '../../world/virtual-clock.ts';
import type { ClipOutcome, Expectation } from '../language/scenario.ts';
import { numbersIn } from './clip-pictures.ts';
import { footageOf, type KnownRequest, type ScenarioWorld } from './scenario-world.ts';
import { type StoredClip, sentReceipt, storedClip, storedCount } from './stored-clips.ts';

const LISTED_BYTES_MAX = 256 * 1024 * 1024;
const LIST_MS_MAX = 60_000;

/** Numbers of the first and last picture within the span, on the source's own timeline; null if there is none. */
async function framesIn(
  part: FootagePart,
  { fromUs, toUs }: { fromUs: number; toUs: number },
  deps: { ffmpeg: Ffmpeg; clock: VirtualClock },
): Promise<{ first: number; last: number } | null> {
  const times = await frameTimes(part, deps);
  if (typeof times === 'number') {
    const [first, end] = [Math.ceil((fromUs * times) / 1_000_000), Math.ceil((toUs * times) / 1_000_000)];
    return end > first ? { first, last: end - 1 } : null;
  }
  const first = times.findIndex((us) => us >= fromUs);
  const last = times.findLastIndex((us) => us < toUs);
  return first >= 0 && last >= first ? { first, last } : null;
}

/** Each picture's time in microseconds, in display order; or the frame rate. */
async function frameTimes(
  { source }: FootagePart,
  { ffmpeg, clock }: { ffmpeg: Ffmpeg; clock: VirtualClock },
): Promise<number[] | number> {
  if (source.kind === 'porch') return SYNTHETIC_FPS;
  if (source.kind === 'images') return source.fps;
  const input = fileInput(source.path, await sniffFile(source.path, source.path));
  const listed = await runFfmpeg(ffmpeg, {
    doing: 'listing the pictures of the source',
    args: [...input.options, '-i', input.address, '-map', '0:V:0', '-c', 'copy', '-f', 'framecrc', 'pipe:1'],
    stdoutBytesMax: LISTED_BYTES_MAX,
    timeoutMs: LIST_MS_MAX,
    clock,
  });
  const text = new TextDecoder().decode(listed);
  const [, numerator = '1', denominator = '1'] = /^#tb 0: (\d+)\/(\d+)/m.exec(text) ?? [];
  const tickUs = (Number(numerator) * 1_000_000) / Number(denominator);
  return [...text.matchAll(/^0,\s*-?\d+,\s*(-?\d+),/gm)].map(([, pts]) => Number(pts) * tickUs).sort((a, b) => a - b);
}

export interface Verdict {
  what: string;
  isMet: boolean;
  expected: string;
  actual: string;
}

type Of<Kind extends Expectation['kind']> = Extract<Expectation, { kind: Kind }>;

/** Tolerance of a clip's start and end: a picture at 25 a second. */
const WINDOW_SLACK_US = 40_000;

/** Judges a clip at the vault. */
export async function judgeClip(world: ScenarioWorld, expected: Of<'clip'>, ffmpeg: Ffmpeg): Promise<Verdict[]> {
  const what = `clip of ${expected.of}`;
  const request = world.find(expected.of);
  const clip = request && (await storedClip(world, request));
  if (!clip || !request) return [{ what, isMet: false, expected: 'a clip at the vault', actual: 'none' }];
  const { statement, receipt } = clip;
  const verdicts: Verdict[] = [];
  const say = (name: string, wanted: unknown, got: unknown, isMet = wanted === got) =>
    verdicts.push({ what: `${what}: ${name}`, isMet, expected: String(wanted), actual: String(got) });
  const { frames, fromUs, toUs, method, sha256, audio } = expected;
  if (frames && 'count' in frames) say('frames', frames.count, statement.frames);
  else if (frames) {
    const wanted = `${frames.first}..${frames.last}, ${frames.last - frames.first + 1} in the clip`;
    say('frames', wanted, await framesOf(world, request, clip, ffmpeg));
  }
  const sayTime = (name: string, wantedUs: number, gotUs: number) => {
    const offsetUs = gotUs - world.scenario.startUs;
    say(name, `${wantedUs / 1_000_000} s`, `${offsetUs / 1_000_000} s`, isNear(world, gotUs, wantedUs));
  };
  if (fromUs !== undefined) sayTime('from', fromUs, statement.window.startUs);
  if (toUs !== undefined) sayTime('to', toUs, statement.window.endUs);
  if (method !== undefined) say('method', method, receipt.clip?.method);
  if (sha256 !== undefined) say('sha256', sha256, innerClip(statement).clipSha256);
  if (audio !== undefined) say('sound', audio, statement.audioPackets > 0);
  return verdicts.length > 0 ? verdicts : [{ what, isMet: true, expected: 'a clip', actual: 'a clip' }];
}

/** The source's frames in the clip: by their drawn numbers, else by the window and their count. */
async function framesOf(
  world: ScenarioWorld,
  { home }: KnownRequest,
  clip: StoredClip,
  ffmpeg: Ffmpeg,
): Promise<string> {
  const [part, ...more] = footageOf(home.setup.camera);
  if (!part) return 'none';
  const deps = { ffmpeg, clock: world.clock };
  const { window, frames } = clip.statement;
  if (part.source.kind === 'porch' && more.length === 0) {
    const numbers = await numbersIn(clip.read(), deps);
    const [first] = numbers;
    if (first == null) return 'pictures without numbers';
    const odd = numbers.findIndex((number, at) => number !== first + at);
    if (odd >= 0) return `${first}, and ${odd} pictures later ${numbers[odd] ?? 'none'}`;
    return `${first}..${first + numbers.length - 1}, ${frames} in the clip`;
  }
  const intoUs = (wallUs: number) => wallUs - world.scenario.startUs - (part.atUs ?? 0) + part.fromUs;
  const span = { fromUs: intoUs(window.startUs), toUs: intoUs(window.endUs) };
  const found = await framesIn(part, span, deps);
  return found ? `${found.first}..${found.last}, ${frames} in the clip` : 'none';
}

function isNear(world: ScenarioWorld, wallUs: number, us: number): boolean {
  return Math.abs(wallUs - world.scenario.startUs - us) <= WINDOW_SLACK_US;
}

export async function judgeDisclosed(world: ScenarioWorld, expected: Of<'disclosed'>): Promise<Verdict> {
  const request = world.find(expected.of);
  const clip = request && (await storedClip(world, request));
  const keys = clip ? Object.keys(clip.disclosed).sort() : null;
  const wanted = [...expected.keys].sort();
  return {
    what: `disclosed with the clip of ${expected.of}`,
    isMet: keys !== null && keys.join() === wanted.join(),
    expected: wanted.join(', ') || 'nothing',
    actual: keys === null ? 'no clip' : keys.join(', ') || 'nothing',
  };
}

/** Whether exactly these clips were uploaded, by the doorbells' receipts and the vault's contents. */
export async function judgeUploaded(world: ScenarioWorld, expected: Of<'uploaded'>): Promise<Verdict> {
  const sent = world.requestNames.filter((name) => {
    const request = world.find(name);
    return request !== null && sentReceipt(request) !== null;
  });
  const wanted = [...expected.requests].sort();
  const stored = await storedCount(world);
  // A revoked clip is no longer at the vault; a second clip for one grant would be one too many.
  const isMet = sent.sort().join() === wanted.join() && stored <= wanted.length;
  return {
    what: 'uploaded',
    isMet,
    expected: wanted.join(', ') || 'nothing',
    actual: `${sent.join(', ') || 'nothing'}; ${stored} at the vault`,
  };
}

/** Outcomes of a request's clip by receipt, the latest first. */
const BY_RECEIPT: readonly (readonly [Receipt['outcome'], ClipOutcome])[] = [
  ['recalled', 'recalled'],
  ['deleted', 'revoked'],
  ['revoked', 'revoked'],
  ['failed', 'failed'],
  ['sent', 'sent'],
  ['sealed', 'granted'],
  ['granted', 'granted'],
  ['denied', 'denied'],
];

/** A request's outcome at its doorbell, by its receipts. `recalled` if it was revoked after the vault had the clip. */
export function outcomeOf({ id, home }: KnownRequest, isIgnored: boolean): ClipOutcome | 'refused' {
  if (id === '') return 'refused';
  const receipts = home.messages.flatMap((message) =>
    message.kind === 'receipt' && message.receipt.request === id ? [message.receipt] : [],
  );
  const found = BY_RECEIPT.find(([outcome]) => receipts.some((receipt) => receipt.outcome === outcome));
  if (found?.[1] === 'revoked' && receipts.some((receipt) => recallAnswerOf(receipt) !== null)) return 'recalled';
  return found?.[1] ?? (isIgnored ? 'ignored' : 'pending');
}

export async function judgeOutcome(
  world: ScenarioWorld,
  expected: Of<'outcome'>,
  ignored: ReadonlySet<string>,
): Promise<Verdict> {
  const request = world.find(expected.of);
  let actual: string = request ? outcomeOf(request, ignored.has(expected.of)) : 'never asked';
  const isStored = request !== null && (await storedClip(world, request)) !== null;
  if (actual === 'sent' && expected.is === 'stored' && isStored) actual = 'stored';
  else if (isStored && (actual === 'recalled' || actual === 'revoked')) actual += ', and still at the vault';
  return { what: `outcome of ${expected.of}`, isMet: actual === expected.is, expected: expected.is, actual };
}

/** The owner's verification of the clip's custody: receipt, log and bytes match. */
export async function judgeCustody(world: ScenarioWorld, expected: Of<'custody'>): Promise<Verdict> {
  const what = `custody of ${expected.of}`;
  const request = world.find(expected.of);
  const say = (actual: string, isMet = false) => ({ what, isMet, expected: 'proved', actual });
  if (!request?.grant) return say('nothing was granted');
  const { home, grant } = request;
  const { signer } = home.owner(home.setup.owners[0] ?? '');
  const [trust] = home.trusts();
  try {
    await fetchProof(signer, {
      device: home.id,
      grant: grant.jti,
      bridgeUrl: world.services.bridge.url,
      bridgeKey: trust?.bridgeKey ?? '',
    });
    return (await storedClip(world, request)) ? say('proved', true) : say('the clip is not at the vault');
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    return say(`${thrown.code}: ${thrown.message}`);
  }
}
