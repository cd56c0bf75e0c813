// A media file as a camera: probed once, read at its own pace or fast, once or in a loop.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { systemCode } from '@doorsill/base/disk';
import { failure } from '@doorsill/contract/errors';
import { type CapturePlan, pacedFileInput } from './ffmpeg-capture-command.ts';
import { type FileFacts, type FileSource, probeFile } from './probe-file.ts';
import { type RunEvidence, replan } from './replan-capture.ts';
import type { DriverContext, RunInput, SourceDriver, SourceKind, Tried } from './source-interfaces.ts';
import {
  AUDIO,
  invalidOption,
  PACE,
  type Pace,
  plain,
  readOptions,
  SHOWN_LENGTH_MAX,
  type SourceDefaults,
} from './source-options.ts';
import { KnownTimeline } from './source-timeline.ts';

/** Consecutive failed runs before a file is given up. */
const RETRIES_MAX = 4;

class FileDriver implements SourceDriver {
  readonly policy;
  readonly live = false;
  readonly unchanging = true;
  private readonly source: FileSource;
  private readonly context: DriverContext;
  private facts: FileFacts | null = null;
  private plan: CapturePlan | null = null;
  private anchorUs: number | null = null;

  constructor(source: FileSource, context: DriverContext) {
    this.source = source;
    this.context = context;
    // A file that is read once may crash ffmpeg at the same place each time; a looping one stands in for a camera.
    this.policy = source.loop
      ? ({ atEnd: 'again', retriesMax: RETRIES_MAX, forgiveAfter: 1 } as const)
      : ({ atEnd: 'ended', retriesMax: RETRIES_MAX, forgiveAfter: null } as const);
  }

  async open(signal: AbortSignal, deliveredUntilUs: number): Promise<RunInput> {
    const { ffmpeg, clock } = this.context;
    this.anchorUs ??= clock.wallUs();
    this.facts ??= await probeFile(ffmpeg, this.source, { clock, signal });
    this.plan ??= this.facts.plan;
    const { path, pace } = this.source;
    // When read fast, a file ends at the wall time at which the capture began: no footage is dated into the future, and a repeated
    // run gives frames the same wall times.
    const { durationUs, container } = this.facts;
    const startUs = durationUs === null ? null : this.anchorUs - durationUs;
    return {
      inputs: [pacedFileInput(path, container, pace, ffmpeg)],
      plan: this.plan,
      timeline: () => new KnownTimeline(startUs ?? clock.wallUs(), startUs === null),
      skipBeforeUs: startUs === null ? 0 : deliveredUntilUs,
      feed: null,
      isReadFast: pace === 'fast',
    };
  }

  learn(evidence: RunEvidence): boolean {
    const better = this.plan && replan(this.plan, evidence);
    this.plan = better ?? this.plan;
    return better !== null;
  }

  explain(): null {
    return null;
  }
}

interface FileOptions {
  pace: Pace;
  loop: true;
  once: true;
  audio: boolean;
}

const OPTIONS = { pace: PACE, loop: plain('loop'), once: plain('once'), audio: AUDIO };

/** Parses a path with or without `file:`; text that exists as a path is a file, whatever it looks like. */
function parse(text: string, defaults: SourceDefaults): FileSource | null {
  const isNamed = text.startsWith('file:');
  if (!isNamed && /^[a-z][a-z0-9+.-]+:/i.test(text) && !exists(text)) return null;
  const named = isNamed ? text.slice('file:'.length) : text;
  // A file's name may hold a question mark, so text that exists as a path has no options.
  const [path, query] = exists(named) ? [named, ''] : cutAtLast(named);
  if (path === '') return null;
  const shown = `file:${path}`.slice(0, SHOWN_LENGTH_MAX);
  if (!exists(path)) throw failure('camera_not_found', { source: shown });
  const said = readOptions<FileOptions>(query, text, OPTIONS);
  const pace = said.pace ?? defaults.pace ?? 'own';
  // When read fast, footage ends at the time at which the capture began, so there is no time left for a second pass.
  if (said.loop && pace === 'fast') throw invalidOption(text, 'loop and pace=fast exclude each other');
  const loop = pace !== 'fast' && !said.once && (said.loop ?? defaults.loop ?? false);
  return { kind: 'file', path: resolve(path), loop, pace, audio: said.audio ?? defaults.audio ?? true, shown };
}

function cutAtLast(named: string): [string, string] {
  const mark = named.lastIndexOf('?');
  return mark === -1 ? [named, ''] : [named.slice(0, mark), named.slice(mark + 1)];
}

/** Whether the path exists, or cannot be checked: opening it then reports why. */
function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (thrown) {
    return systemCode(thrown) !== 'ENAMETOOLONG';
  }
}

async function tryOnce(source: FileSource, { ffmpeg, clock }: DriverContext, signal: AbortSignal): Promise<Tried> {
  const { encodedBecause } = await probeFile(ffmpeg, source, { clock, signal });
  const gives = encodedBecause === null ? 'a video, copied' : `a video, encoded: ${encodedBecause}`;
  return { gives, troubles: [] };
}

/** The kind of camera that plays a video file. */
export const fileKind: SourceKind<FileSource> = {
  help: '  file:PATH            a video file                loop (again and again) or once, pace=own|fast, audio=on|off',
  parse,
  open: (source, context) => new FileDriver(source, context),
  tryOnce,
};
