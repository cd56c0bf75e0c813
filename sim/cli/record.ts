// The verb `record`.

import { isNoSpace } from '@doorsill/base/disk';
import { silentLog } from '@doorsill/base/log';
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Zone } from '@doorsill/contract/shared-claims';
import { type Ffmpeg, findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { cameraHelp } from '@doorsill/device/camera/sources';
import { type Context, openContext, repeated } from '@doorsill/device/cli/context';
import { parseZone } from '@doorsill/device/cli/parse-zone';
import type { Press } from '@doorsill/device/hardware/button';
import { KeyboardButton } from '@doorsill/device/hardware/keyboard-button';
import { printBytes, printLength, printTimeOfDay } from '@doorsill/device/terminal/format-units';
import { asFailure, type Output } from '@doorsill/device/terminal/output';
import { ProgressLine } from '@doorsill/device/terminal/progress-line';
import { calledAs, shellWord } from '@doorsill/device/terminal/shell-words';
import { stopSignal } from '@doorsill/device/terminal/stop-signal';
import type { Command } from 'commander';
import { failure, isFailure } from '../errors.ts';
import { ALL_CAMERAS } from '../porch/porch-camera.ts';
import {
  type RecordEnd,
  type RecordPlan,
  recordCamera,
  recordedCamera,
  ringBytesFor,
} from '../record/record-camera.ts';
import { type KeptRecording, RecordFolder } from '../record/record-folder.ts';
import { wordsOf } from '../record/recorded-scenario.ts';

interface RecordOptions {
  camera: string;
  for: string;
  out: string;
  audio?: boolean;
  redact: string[];
}

const ZONES_MAX = 16;
const DURATION = /^(\d{1,7}(?:\.\d{1,3})?)(s|m|h)$/;
const UNIT_US = { s: 1_000_000, m: 60_000_000, h: 3_600_000_000 } as const;
const DAY_US = 24 * UNIT_US.h;

export function addRecord(program: Command): void {
  program
    .command('record')
    .description(
      'record a live camera and the doorbell’s events as a scenario that can be replayed: plain footage in a folder',
    )
    .requiredOption('--camera <source>', 'rtsp://HOST/PATH, v4l2:/dev/video0, rpicam:, file:PATH or synthetic')
    .requiredOption('--out <dir>', 'a new or empty folder, which only this user can read')
    .option('--for <time>', 'duration: 30s, 10m, 1h; Ctrl-C ends it early', '10m')
    .option('--audio', 'record sound, too; by default none is requested of the camera')
    .option(
      '--redact <l,t,w,h>',
      'black out an area before anything is written, in percent: left, top, width, height; may be repeated',
      repeated,
      [],
    )
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill record --camera synthetic --for 20s --out drawn
  $ doorsill record --camera rtsp://192.168.1.20/stream1 --for 10m --out porch
  $ doorsill record --camera '/dev/video0?size=1280x720' --for 30s --redact 0,0,40,100 --out porch
  $ doorsill test porch
${cameraHelp(ALL_CAMERAS)}

While it records: b rings the bell, which becomes a step of the scenario; Ctrl-C ends it and keeps the recording. Footage stays in memory until
the end, so an hour is the maximum. The folder then contains plain footage of everybody who passed, except for blacked out areas. The
recording is then replayed once; events that a replay does not show again (motion in a blacked out area) are reported and not expected by the
scenario.

Exit status: 0 recorded; 2 wrong usage; 4 the camera could not be reached or was lost (footage until then is kept); 5 this machine (with a full
disk, the part that fitted is kept).`,
    )
    .action(async (options: RecordOptions, command: Command) => {
      const context = openContext(command);
      try {
        await record(options, context);
      } finally {
        process.stdin.destroy();
      }
    });
}

/** The duration in microseconds. Throws `usage`. */
function parseLength(text: string): number {
  const [, number = '', unit = ''] = DURATION.exec(text) ?? [];
  const us = Number(number) * (UNIT_US[unit as keyof typeof UNIT_US] ?? Number.NaN);
  if (!(us >= UNIT_US.s))
    throw failure('usage', { detail: `--for takes 1s or more, such as 30s, 10m or 1h, not "${text}"` });
  if (us > DAY_US) throw failure('usage', { detail: `--for ${text} is more than a day` });
  return Math.round(us);
}

async function record(options: RecordOptions, context: Context): Promise<void> {
  const { camera, audio = false } = options;
  const zones = options.redact.map((text) => parseZone(text, '--redact'));
  if (zones.length > ZONES_MAX) throw failure('usage', { detail: `--redact is allowed ${ZONES_MAX} times at most` });
  const forUs = parseLength(options.for);
  const freeBytes = process.availableMemory();
  // Options are checked before anything is created.
  ringBytesFor(forUs, freeBytes);
  recordedCamera(camera, audio);
  const ffmpeg = await findFfmpeg();
  const signal = stopSignal();
  const folder = await RecordFolder.make(options.out, context.disk);
  const end = await recordInto(folder, { plan: { camera, audio, forUs }, zones, ffmpeg, freeBytes }, context, signal);
  const replayed = await replayOnce(folder, context, signal);
  conclude({ folder, out: options.out, end, terms: { audio, zones }, replayed }, context);
  if (replayed instanceof Error) throw replayed;
}

interface Job {
  plan: RecordPlan;
  zones: readonly Zone[];
  ffmpeg: Ffmpeg;
  freeBytes: number;
}

/** Records and writes; returns why it ended. Restores the folder when nothing could be recorded or written. */
async function recordInto(
  folder: RecordFolder,
  { plan, zones, ffmpeg, freeBytes }: Job,
  context: Context,
  signal: AbortSignal,
): Promise<RecordEnd> {
  const { clock, disk, output } = context;
  const log = context.logLevel === 'warn' ? silentLog() : context.log;
  const line = new ProgressLine(!output.json);
  let press: (pressed: Press) => void = () => undefined;
  let end: RecordEnd = { why: 'time' };
  const keyboard = new KeyboardButton({
    input: process.stdin,
    clock,
    button: 'front',
    pressed: (pressed) => press(pressed),
    interrupted: () => process.kill(process.pid, 'SIGINT'),
  });
  try {
    await recordCamera(
      plan,
      { clock, disk, log, ffmpeg, freeBytes },
      {
        begins: (atDoor) => {
          press = atDoor;
          keyboard.start();
          const keys = process.stdin.isTTY ? 'b rings the bell, Ctrl-C ends it' : 'Ctrl-C ends it';
          output.result({ event: 'recording' }, `Recording: ${keys}.`);
        },
        progress: (recordedUs) =>
          line.show(() => `${Math.floor(recordedUs / 1_000_000)} s of ${printLength(plan.forUs)}`),
        event: (event) => {
          line.clear();
          printEvent(event, output);
        },
        keep: async (recording) => {
          end = recording.end;
          keyboard.stop();
          line.clear();
          await folder.keep(recording, { audio: plan.audio, zones }, { ffmpeg, clock });
        },
      },
      signal,
    );
    return end;
  } catch (thrown) {
    await folder.drop();
    throw thrown;
  } finally {
    keyboard.stop();
    line.clear();
  }
}

function printEvent(event: DeviceEvent, output: Output): void {
  const { type, atUs } = event;
  const words = event.type === 'camera' ? `camera ${event.state}` : type;
  output.result(
    { event: type, atUs, ...(event.type === 'camera' ? { state: event.state } : {}) },
    `${printTimeOfDay(atUs)}  ${words}`,
  );
}

/** The result of the replay: complete, ended by Ctrl-C, or why the recording cannot be replayed. */
type Replayed = 'whole' | 'ended' | Error;

/** Replays the recording. Ctrl-C ends the replay; if a Ctrl-C ended the recording before, it ends the process. */
async function replayOnce(folder: RecordFolder, { disk, output }: Context, signal: AbortSignal): Promise<Replayed> {
  output.progress('It is kept. Replaying it once to compare; Ctrl-C skips this.');
  const { missedInReplay } = await import('../record/check-recording.ts');
  const ending = signal.aborted ? new AbortController().signal : signal;
  try {
    await folder.leaveOut(await missedInReplay(folder.path, folder.lines, disk, ending));
    return 'whole';
  } catch (thrown) {
    if (ending.aborted) return 'ended';
    // With a full disk a replay may fail, too.
    if (!isFailure(thrown) && !(folder.kept?.isWhole === false && isNoSpace(thrown))) throw thrown;
    return asFailure(thrown);
  }
}

interface Conclusion {
  folder: RecordFolder;
  /** The folder's name in --out. */
  out: string;
  end: RecordEnd;
  terms: { audio: boolean; zones: readonly Zone[] };
  replayed: Replayed;
}

/** Prints what the folder contains. Throws `record_disk_full`, `record_cut_short`. */
function conclude({ folder, out, end, terms, replayed }: Conclusion, { output }: Context): void {
  const { kept } = folder;
  if (!kept) throw failure('record_nothing', { detail: 'it ended at once' });
  const lengthUs = kept.window.endUs - kept.window.startUs;
  const length = printLength(lengthUs);
  output.result(
    {
      event: 'recorded',
      out: folder.path,
      lengthS: lengthUs / 1_000_000,
      bytes: kept.bytes,
      files: kept.files,
      ...{
        startUs: kept.window.startUs,
        end: kept.isWhole ? end.why : 'disk-full',
        audio: terms.audio,
        redacted: terms.zones.length,
      },
      expected: kept.expected.length,
      leftOut: kept.leftOut.length,
      replays: replayed === 'whole',
    },
    [
      `Recorded ${length} (${printBytes(kept.bytes)}), ${terms.audio ? 'with' : 'without'} sound, ${redactedWords(terms.zones)}.`,
      `It is in ${folder.path}: ${kept.files.join(', ')}.`,
      'It is plain footage of everybody who passed, which only this user can read. Keep it no longer than you need it.',
      ...(replayed === 'whole' ? replayedLines(kept) : []),
      ...(replayed === 'ended' ? ['The replay was ended, so it is not known whether it shows the same.'] : []),
      `To replay it: ${calledAs()} test ${shellWord(out)}`,
    ].join('\n'),
  );
  if (!kept.isWhole) throw failure('record_disk_full', { length, bytes: printBytes(kept.bytes), folder: folder.path });
  if ('detail' in end) throw failure('record_cut_short', { length, detail: end.detail });
}

function redactedWords(zones: readonly Zone[]): string {
  if (zones.length === 0) return 'nothing blacked out';
  return `${zones.length === 1 ? 'one area' : `${zones.length} areas`} blacked out in every picture`;
}

function replayedLines({ expected, leftOut }: KeptRecording): string[] {
  const again = expected.length === 1 ? '1 event comes' : `${expected.length} events come`;
  if (leftOut.length === 0) return [`A replay is the same: ${again} again.`];
  return [
    `In a replay ${again} again. The scenario does not expect these events, because a replay does not show them:`,
    ...leftOut.map((event) => `  ${wordsOf(event)}`),
  ];
}
