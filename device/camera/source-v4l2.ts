// A V4L2 camera: for each run its current node, its formats, its controls and its microphone.
import { readdir, readlink, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { systemCode } from '@doorsill/base/disk';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import type { CapturePlan } from './ffmpeg-capture-command.ts';
import { lastFaults, runFfmpeg } from './ffmpeg-run.ts';
import { askedRate } from './frame-pace.ts';
import { MicrophoneUse, microphoneTroubles } from './microphone-use.ts';
import { type RunEvidence, replan } from './replan-capture.ts';
import type { DriverContext, RunInput, SourceDriver, SourceKind, Tried } from './source-interfaces.ts';
import { cut, SHOWN_LENGTH_MAX, type SourceDefaults, unsupported } from './source-options.ts';
import { ArrivalTimeline, KnownTimeline } from './source-timeline.ts';
import { UngivenFormats } from './ungiven-formats.ts';
import { missingControl, setControls } from './v4l2-controls.ts';
import { type ChosenFormat, chooseFormat, isListed, parseFormats, printFormat } from './v4l2-formats.ts';
import { cameraFault, messagesOfRun } from './wired-faults.ts';
import { listingArgs, v4l2Input } from './wired-input-arguments.ts';
import { type V4l2Source, wiredOptions } from './wired-options.ts';

const LISTING_MS_MAX = 30_000;
const LISTING_LINES_MAX = 400;

/** If the first picture's stamp is further from its request, the stamp is not of the kernel's monotonic clock. */
const STAMP_US_MAX = 60_000_000;

export class V4l2Driver implements SourceDriver {
  readonly policy = { atEnd: 'lost', retriesMax: null, forgiveAfter: 1 } as const;
  readonly live = true;
  readonly unchanging = false;
  private readonly source: V4l2Source;
  private readonly context: DriverContext;
  private readonly nodes: NodeView;
  private readonly microphone: MicrophoneUse;
  private readonly ungiven: UngivenFormats;
  /** The udev name that the camera keeps wherever it is plugged in, once it is known. */
  private lasting: string | null = null;
  /** Whether the pictures are stamped by the kernel's monotonic clock; the first run shows it. */
  private isStamped = true;
  /** Whether the camera's own H.264 cannot be kept. */
  private mustEncode = false;
  private plan: CapturePlan | null = null;
  private startedMonotonicUs = 0;

  constructor(source: V4l2Source, context: DriverContext, nodes: NodeView = machineNodes) {
    this.source = source;
    this.context = context;
    this.nodes = nodes;
    this.microphone = new MicrophoneUse(source.microphone);
    this.ungiven = new UngivenFormats(source);
  }

  async open(signal: AbortSignal, deliveredUntilUs: number): Promise<RunInput> {
    const { source, context, microphone, ungiven } = this;
    const { clock } = context;
    const path = await this.find();
    ungiven.judge(deliveredUntilUs);
    const format = await offeredBy({ source, ungiven }, path, context, signal);
    ungiven.begin(format);
    const refused = await setControls(source, path, context);
    signal.throwIfAborted();
    const sound = microphone.forRun();
    const plan: CapturePlan = {
      video: format.name === 'h264' && !this.mustEncode ? 'copy' : 'encode',
      audio: sound === null ? 'none' : 'encode',
      videoStream: '0:v:0',
      audioStream: '1:a:0',
    };
    this.plan = plan;
    // Both clocks are read at the same moment, which becomes time 0 of both pictures and sound.
    const wallUs = clock.wallUs();
    this.startedMonotonicUs = Math.round(clock.monotonicMs() * 1000);
    const { isStamped } = this;
    // Copying a camera's own H.264 costs next to nothing at any rate.
    const asked = askedRate(source, plan.video === 'encode' ? context.pace : undefined);
    const picture = v4l2Input(path, format, asked.rate, isStamped ? -this.startedMonotonicUs : null);
    return {
      inputs: sound === null ? [picture] : [picture, sound(isStamped ? -wallUs : null)],
      plan,
      timeline: () => (isStamped ? new KnownTimeline(wallUs, true) : new ArrivalTimeline(null)),
      skipBeforeUs: 0,
      feed: null,
      troubles: [ungiven.trouble(format), refused, microphone.trouble, asked.trouble].filter(
        (trouble) => trouble !== null,
      ),
      isOutdated: asked.isOutdated,
      // While the rate is lowered, the fastest preset is used.
      ...(plan.video === 'encode' && asked.trouble === null ? { picture: { ...format, rate: asked.rate } } : {}),
      zeroIsFirstPicture: isStamped,
      endsWhenClockIsSet: isStamped && sound !== null,
    };
  }

  learn(evidence: RunEvidence): boolean {
    if (this.microphone.learn(evidence) || this.ungiven.learn(evidence)) return true;
    if (evidence.init && this.isStamped && !this.wasStampedNow(evidence)) {
      this.isStamped = false;
      return true;
    }
    // A run without pictures is reported, not replanned; only facts about the stream call for another plan.
    if (this.plan?.video !== 'copy' || replan(this.plan, { ...evidence, barren: false })?.video !== 'encode')
      return false;
    this.mustEncode = true;
    return true;
  }

  explain(detail: string): Failure {
    return this.microphone.ended ?? this.ungiven.ended(detail) ?? cameraFault(this.source.shown, detail);
  }

  endedBy(line: string): string | null {
    return this.microphone.endedBy(line) ?? this.ungiven.endedBy(line);
  }

  private wasStampedNow({ facts }: RunEvidence): boolean {
    return facts.startUs !== null && Math.abs(facts.startUs - this.startedMonotonicUs) < STAMP_US_MAX;
  }

  private async find(): Promise<string> {
    const found = await findNode(this.nodes, this.source.device, this.lasting);
    if ('gone' in found) {
      this.ungiven.forget();
      throw failure('camera_gone', { source: this.source.shown, detail: found.gone });
    }
    this.lasting = found.lasting ?? this.lasting;
    return found.path;
  }
}

/**
 * Lists a camera's formats and chooses one. Throws `camera_gone`, `camera_busy`, `camera_denied`, `camera_not_capture`,
 * `camera_format_unsupported`, `camera_size_ungiven`, `camera_unreachable`.
 */
async function offeredBy(
  { source, ungiven }: { source: V4l2Source; ungiven: UngivenFormats },
  path: string,
  { ffmpeg, clock }: DriverContext,
  signal?: AbortSignal,
): Promise<ChosenFormat> {
  const lines: string[] = [];
  try {
    await runFfmpeg(ffmpeg, {
      doing: 'asking the camera for its formats',
      args: listingArgs(path),
      onLine: (line) => void (lines.length < LISTING_LINES_MAX && lines.push(line)),
      clock,
      timeoutMs: LISTING_MS_MAX,
      stdoutBytesMax: 0,
      ...(signal ? { signal } : {}),
    });
  } catch (thrown) {
    // Older releases exit with an error after listing.
    if (!isFailure(thrown)) throw thrown;
  }
  const offered = parseFormats(lines);
  if (offered.length === 0 && !lines.some(isListed)) throw cameraFault(source.shown, faultsAmong(lines));
  const { excluded, ...wanted } = ungiven.wanted;
  const format = chooseFormat(offered, wanted, excluded);
  if (typeof format === 'string') {
    throw ungiven.exhausted() ?? failure('camera_format_unsupported', { source: source.shown, detail: format });
  }
  return format;
}

function faultsAmong(lines: readonly string[]): string {
  const faults = lines.filter((line) => /\[(error|fatal)\]/.test(line));
  return faults.length === 0 ? 'it offers nothing' : lastFaults(faults.join('\n'), faults.length);
}

/** Camera nodes, which may be named without `v4l2:`. */
const NODE = /^\/dev\/(video\d|v4l\/)/;

/** Paths that may be opened as a camera: under /dev, without `..`. */
const DEVICE = /^\/dev\/(?!.*\.\.)[\w.:+@\\/-]{1,250}$/;

function parse(text: string, defaults: SourceDefaults): V4l2Source | null {
  if (!text.startsWith('v4l2:') && !NODE.test(text)) return null;
  const [device = '', query = ''] = cut(text.replace(/^v4l2:/, ''));
  if (!DEVICE.test(device)) throw unsupported(text);
  const shown = `v4l2:${device}`.slice(0, SHOWN_LENGTH_MAX);
  return { kind: 'v4l2', device, shown, ...wiredOptions(shown, query, defaults) };
}

const PICTURE_MS_MAX = 30_000;

/** Opens it and takes one picture, which is discarded. Controls are looked up, never set. */
async function tryOnce(source: V4l2Source, context: DriverContext): Promise<Tried> {
  const found = await findNode(machineNodes, source.device, null);
  if ('gone' in found) throw failure('camera_gone', { source: source.shown, detail: found.gone });
  const ungiven = new UngivenFormats(source);
  const format = await oneThatGives({ source, ungiven }, found.path, context);
  const ungivenOnes = ungiven.trouble(format);
  const control = await missingControl(source, found.path, context);
  const troubles = [
    ...[ungivenOnes, control].filter((trouble) => trouble !== null),
    ...(await microphoneTroubles(source.microphone, context)),
  ];
  return { gives: `${printFormat(format)} from ${found.path}`, troubles };
}

/** The first format that delivers a picture. Throws like `offeredBy`. */
async function oneThatGives(
  camera: { source: V4l2Source; ungiven: UngivenFormats },
  path: string,
  context: DriverContext,
): Promise<ChosenFormat> {
  const { source, ungiven } = camera;
  for (;;) {
    const format = await offeredBy(camera, path, context);
    ungiven.begin(format);
    const picture = v4l2Input(path, format, source.rate, null);
    const args = [...picture.options, '-i', picture.address, '-map', '0:v:0', '-frames:v', '1', '-f', 'null', '-'];
    const words = await messagesOfRun(context, 'taking one picture', PICTURE_MS_MAX, args, (line) =>
      ungiven.endedBy(line),
    );
    if (ungiven.learn({ barren: true })) continue;
    if (words !== null) throw cameraFault(source.shown, words);
    return format;
  }
}

export const v4l2Kind: SourceKind<V4l2Source> = {
  help: `  v4l2:/dev/video0     a USB or built-in camera    size=1280x720, rate=15, format=h264|mjpeg|raw, mic=alsa:DEVICE,
                                                   mic-rate=48000, audio=on|off|required, control.NAME=N`,
  parse,
  open: (source, context) => new V4l2Driver(source, context),
  tryOnce,
};

/** udev's names by maker, model and serial number, which cameras keep wherever they are plugged in. */
const BY_ID = '/dev/v4l/by-id';

/** Access to /dev, by absolute paths. */
export interface NodeView {
  exists(path: string): Promise<boolean>;
  /** The lasting names, and the nodes they link to now. */
  byId(): Promise<ReadonlyMap<string, string>>;
}

/** The camera's node and lasting name, or why there is none, as part of a sentence. */
export type NodeFound = { readonly path: string; readonly lasting: string | null } | { readonly gone: string };

/**
 * Finds the camera that the options name `named`. `lasting`: its lasting name when it was last found. A camera with another lasting
 * name at the same node is refused: it might look into a living room.
 */
export async function findNode(view: NodeView, named: string, lasting: string | null): Promise<NodeFound> {
  const names = await view.byId();
  if (lasting !== null && named !== lasting) {
    const path = names.get(lasting);
    if (path !== undefined) return { path, lasting };
    const isTaken = await view.exists(named);
    const another = `, and ${named} is another camera now; restart to use it`;
    return { gone: `${lasting} is not plugged in${isTaken ? another : ''}` };
  }
  if (!(await view.exists(named))) return { gone: `there is no ${named}` };
  return { path: named, lasting: lastingNameOf(names, named) };
}

function lastingNameOf(names: ReadonlyMap<string, string>, path: string): string | null {
  if (names.has(path)) return path;
  for (const [name, target] of names) if (target === path) return name;
  return null;
}

export const machineNodes: NodeView = {
  exists: (path) =>
    stat(path).then(
      () => true,
      // A name that may not be inspected exists: opening it reports why.
      (thrown: unknown) => systemCode(thrown) === 'EACCES',
    ),
  byId: async () => {
    const names = await readdir(BY_ID).catch(() => []);
    const links = names.map(async (name) => {
      const path = join(BY_ID, name);
      const target = await readlink(path).catch(() => null);
      return target === null ? null : ([path, resolve(dirname(path), target)] as const);
    });
    return new Map((await Promise.all(links)).filter((link) => link !== null));
  },
};
