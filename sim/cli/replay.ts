// The command `doorsill replay`: plays footage through a doorbell, prints its events, and compares them with the expected ones.

import { basename, dirname } from 'node:path';
import { silentLog } from '@doorsill/base/log';
import { findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { type Context, openContext, repeated } from '@doorsill/device/cli/context';
import { ownVersion } from '@doorsill/device/cli/own-version';
import { printLength } from '@doorsill/device/terminal/format-units';
import { ProgressLine } from '@doorsill/device/terminal/progress-line';
import { commandLine } from '@doorsill/device/terminal/shell-words';
import { stopSignal } from '@doorsill/device/terminal/stop-signal';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { type EventView, eventLine, eventRecord, happenedUs, secondsAt } from '../replay/event-lines.ts';
import { grayFootage } from '../replay/gray-footage.ts';
import { ReplayFolder } from '../replay/replay-folder.ts';
import { reportOf } from '../replay/replay-report.ts';
import { replayedEvents } from '../replay/replay-truth.ts';
import type { ReplayPlan, ReplayResult, ReplaySinks } from '../replay/run-replay.ts';
import { matchEvents } from '../truth/match-events.ts';
import { readTruth } from '../truth/read-truth.ts';
import { playedTruth, type Truth, type TruthSpan } from '../truth/truth-file.ts';
import { tuneCandidates, tuneMotion, tuneText } from '../truth/tune-motion.ts';
import { judge, scoreText, type Thresholds } from '../truth/verdict.ts';
import {
  type Cameras,
  camerasOf,
  footageOptions,
  planOf,
  type ReplayOptions,
  settingsOf,
  thresholdsOf,
} from './replay-options.ts';

export function addReplay(program: Command): void {
  program
    .command('replay [sources...]')
    .description('play footage through a doorbell in this process; print its events, and check them against the truth')
    .option('--camera <name=source>', 'add a camera, synchronized with the others; may be repeated', repeated, [])
    .option('--expect <truth.json>', 'ground truth of the footage; exit status 1 unless the events match it')
    .option(
      '--out <dir>',
      'keep events, pictures, clips, log and report there: plain footage, which only this user can read',
    )
    .option('--from <s>', 'start, in seconds from the first picture')
    .option('--to <s>', 'end, in seconds from the first picture')
    .option('--loop [n]', 'repeat it, forever or n times')
    .option('--speed <n>', 'fast: at full speed; own: in real time; or a multiple of real time', 'fast')
    .option('--start <time>', 'time of the start, such as "2026-03-29T01:59:50 Europe/Berlin" (default: from the file)')
    .option(
      '--clock-step <s=s>',
      'step the clock at a time, such as 10=-1 for a leap second; may be repeated',
      repeated,
      [],
    )
    .option('--fps <n>', 'images per second of a sequence of images (default: 15)')
    .option('--sound <file>', 'sound from a separate file')
    .option('--no-audio', 'without sound')
    .option(
      '--settings <file>',
      'settings of the doorbell from a device.json: motion, ring, preRollS ...; connections, notifications and programs are ignored',
    )
    .option('--sensitivity <n>', 'motion sensitivity, 1 to 100')
    .option('--seed <n>', 'seed of everything random: the same seed and footage give the same run', '1')
    .option('--min-precision <share>', 'minimum share of events that are true (default: 1)')
    .option('--min-recall <share>', 'minimum share of labelled spans that are detected (default: 1)')
    .option('--max-delay <s>', 'maximum time until a span is detected (default: 2)')
    .option('--max-false <n>', 'maximum number of false events, in place of --min-precision')
    .option('--max-missed <n>', 'maximum number of missed spans, in place of --min-recall')
    .option('--tune', 'with --expect: try sensitivities on the footage and print the best')
    .addHelpText(
      'after',
      `
Sources: a video file, a folder of videos or of images, a pattern in quotes, or synthetic?seconds=N. Several are played one after the other.

Examples:
  $ doorsill replay 'synthetic?seconds=20'
  $ doorsill replay porch.mp4
  $ doorsill replay porch.mp4 --expect porch.events.json
  $ doorsill replay 'night/*.mp4' --out night-report --json
  $ doorsill replay --camera front=front.mp4 --camera back=back.mp4 --speed own
  $ doorsill replay frames/ --fps 10 --sound frames.m4a --start '2026-03-29T01:59:50 Europe/Berlin'
  $ doorsill replay porch.mp4 --expect porch.events.json --tune

The format of porch.events.json: sim/truth/README.md. Exit status: 0 passed; 1 other events than expected; 2 wrong usage; 5 this machine;
6 unusable footage.`,
    )
    .action(async (sources: string[], options: ReplayOptions, command: Command) => {
      const context = openContext(command);
      const signal = stopSignal();
      const cameras = await camerasOf(sources, options);
      if (options.tune) await tune(cameras, options, context, signal);
      else await replay(cameras, options, context, signal);
      // `stopSignal` may listen on stdin, which would keep the process alive.
      process.stdin.destroy();
    });
}

async function replay(cameras: Cameras, options: ReplayOptions, context: Context, signal: AbortSignal): Promise<void> {
  const plan = await planOf(cameras, options, context.disk);
  const thresholds = thresholdsOf(options);
  const names = cameras.map(({ name }) => name);
  // Read before the replay, so that a mistake in it is reported at once.
  const truth = options.expect === undefined ? null : await readTruth(options.expect, context.disk, { cameras: names });
  const folder = options.out === undefined ? null : await ReplayFolder.make(options.out, context.disk);
  const view: EventView = { startUs: 0, zone: plan.zone, isNamed: cameras.length > 1 };
  const line = new ProgressLine(!context.output.json);
  const reportEndless = once(() =>
    context.output.progress('The length of this footage is unknown; Ctrl-C ends the replay.'),
  );
  const startedMs = context.clock.monotonicMs();
  const startedAt = new Date(context.clock.wallUs() / 1_000).toISOString();
  // The report has a picture of each labelled span, detected or not; but only if the footage is played once, from its first picture: only
  // then the labels' times are those of the replay.
  const isPlayedOnce = options.from === undefined && options.loop === undefined;
  const stillsAtUs = folder && truth && isPlayedOnce ? truth.spans.map(momentOf) : [];
  // Loaded here, because --help needs no doorbell.
  const { runReplay } = await import('../replay/run-replay.ts');
  const result = await runReplay(
    { ...plan, stillsAtUs },
    { disk: context.disk, log: folder?.openLog() ?? (context.logLevel === 'warn' ? silentLog() : context.log) },
    {
      begins: (startUs) => {
        view.startUs = startUs;
      },
      event: (noticed) => {
        line.clear();
        const record = eventRecord(noticed, view);
        folder?.event(record);
        context.output.result(record, eventLine(noticed, view));
      },
      progress: (passedUs, lengthUs) => {
        if (lengthUs === null) reportEndless();
        line.show(() => progressText(passedUs, lengthUs, context.clock.monotonicMs() - startedMs));
      },
      ...(folder ? keeping(folder, view) : {}),
    },
    signal,
  )
    .finally(() => line.clear())
    .catch((thrown: unknown) => {
      if (folder && view.startUs > 0)
        context.output.progress(`What was noticed until then is in ${folder.path}, without a report.`);
      throw thrown;
    });
  await conclude({ result, plan, options, thresholds, folder, names, startedAt }, context);
}

/** A function that works only at its first call. */
function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
}

/** What a folder keeps of a replay. */
function keeping(folder: ReplayFolder, view: EventView): Pick<ReplaySinks, 'keep' | 'keepStill'> {
  return {
    keep: (doorbell, noticed) => folder.keep(doorbell, noticed, secondsAt(happenedUs(noticed, view))),
    keepStill: (doorbell, atUs) =>
      folder.still(doorbell, { atUs, atS: secondsAt(atUs - view.startUs), type: 'labelled' }),
  };
}

/** A time at which a labelled span can be seen: its middle, or two seconds after its start. */
const momentOf = ({ startUs, endUs }: TruthSpan) => Math.min(Math.round((startUs + endUs) / 2), startUs + 2_000_000);

/** The truth of the played footage: a part of it, or all of it several times. The length is checked if all was played once. */
async function truthFor(
  { result, options, names }: Conclusion,
  file: string,
  { disk }: Context,
  lengthUs: number,
): Promise<Truth> {
  const { fromUs = 0, toUs, loop = 1 } = footageOptions(options);
  const isBroken = result.cameras.some(({ fault }) => fault !== null);
  if (fromUs === 0 && toUs === undefined && loop === 1)
    return readTruth(file, disk, { cameras: names, ...(isBroken ? {} : { durationUs: lengthUs }) });
  const truth = await readTruth(file, disk, { cameras: names });
  const times = loop === 'forever' ? Math.max(1, Math.ceil(lengthUs / truth.durationUs)) : loop;
  return playedTruth(truth, { fromUs, toUs: toUs ?? truth.durationUs, times });
}

interface Conclusion {
  result: ReplayResult;
  plan: ReplayPlan & { zone: string };
  options: ReplayOptions;
  thresholds: Thresholds;
  folder: ReplayFolder | null;
  names: readonly string[];
  /** Wall time of the start, ISO 8601. */
  startedAt: string;
}

/** Prints the result, writes the report, sets the exit status. Throws `replay_footage_broken`. */
async function conclude(conclusion: Conclusion, context: Context): Promise<void> {
  const { result, plan, options, thresholds, folder, startedAt } = conclusion;
  const lengthUs = Math.max(...result.cameras.map((camera) => camera.lengthUs));
  const broken = result.cameras.find(({ fault }) => fault !== null);
  const truth = options.expect === undefined ? null : await truthFor(conclusion, options.expect, context, lengthUs);
  const match = truth && matchEvents(truth, replayedEvents(result, result.startUs));
  const verdict = match && judge(match.score, thresholds);
  if (folder) {
    const report = reportOf({
      ...conclusion,
      match,
      verdict,
      stills: folder.stills,
      command: commandLine(),
      tool: `doorsill ${ownVersion()}`,
      startedAt,
      title: titleOf(plan.cameras),
    });
    const { writeReports } = await import('../report/write-reports.ts');
    await writeReports(context.disk, folder.path, report, ['json', 'html', 'junit']);
  }
  const speed = lengthUs / 1_000 / Math.max(1, result.tookMs);
  const passed = !broken && (verdict?.passed ?? true);
  const summary = {
    event: 'replayed',
    lengthS: secondsAt(lengthUs),
    tookMs: Math.round(result.tookMs),
    events: result.events.length,
    seed: plan.seed,
    ...(match ? { score: match.score, passed, faults: verdict?.faults.map(({ text }) => text) ?? [] } : {}),
    ...(folder ? { out: folder.path } : {}),
  };
  const lines = [
    `${printLength(lengthUs)} of footage in ${(result.tookMs / 1_000).toFixed(1)} s (${printSpeed(speed)} as shot).`,
    ...(match ? scoreText(match.score) : []),
    ...(verdict?.faults.map(({ text }) => `  not as expected: ${text}`) ?? []),
    ...(match ? differences(match) : []),
    ...(folder ? [`Kept in ${folder.path}: plain footage, report.html first.`] : []),
    ...(verdict ? [passed ? '1 passed, 0 failed' : '0 passed, 1 failed'] : []),
  ];
  context.output.result(summary, lines.join('\n'));
  if (broken) throw failure('replay_footage_broken', { camera: broken.name, detail: broken.fault ?? '' });
  if (!passed) process.exitCode = 1;
}

/** The title of the report: the cameras and their footage. */
function titleOf(cameras: Cameras): string {
  const names = cameras.map(({ name, footage }) => {
    const [first] = footage;
    const source = first?.source;
    const shown = !source
      ? ''
      : source.kind === 'video'
        ? basename(source.path)
        : source.kind === 'images'
          ? basename(dirname(source.paths[0] ?? ''))
          : source.source.shown;
    const more = footage.length > 1 ? ` and ${footage.length - 1} more` : '';
    return cameras.length > 1 ? `${name}: ${shown}${more}` : `${shown}${more}`;
  });
  return names.join(', ');
}

/** The missed spans and the false events. */
function differences({ spans, events }: ReturnType<typeof matchEvents>): string[] {
  const at = (us: number) => `${secondsAt(us).toFixed(1)} s`;
  return [
    ...spans
      .filter(({ verdict }) => verdict === 'missed')
      .map(
        ({ span }) =>
          `  missed: ${span.event}${span.label ? ` (${span.label})` : ''} at ${at(span.startUs)} to ${at(span.endUs)}`,
      ),
    ...events
      .filter(({ verdict }) => verdict === 'false')
      .map(
        ({ event }) =>
          `  false: ${event.event} at ${at(event.startUs)}${event.endUs === null ? '' : ` to ${at(event.endUs)}`}`,
      ),
  ];
}

/** Sensitivities to try: from only large objects to every leaf. */
const TUNED = [35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95];

async function tune(cameras: Cameras, options: ReplayOptions, context: Context, signal: AbortSignal): Promise<void> {
  const [camera] = cameras;
  if (options.expect === undefined || !camera || cameras.length > 1)
    throw failure('usage', { detail: '--tune takes one camera and --expect' });
  const truth = await readTruth(options.expect, context.disk, {});
  const { motion } = await settingsOf(options, context.disk);
  const zones = motion?.zones ?? [];
  const zoneSets = [{ name: 'everywhere', zones: [] }, ...(zones.length > 0 ? [{ name: 'as set', zones }] : [])];
  const ffmpeg = await findFfmpeg();
  const pictures = grayFootage(camera.footage, { ffmpeg, log: silentLog() }, signal);
  const result = await tuneMotion(pictures, truth, tuneCandidates(TUNED, zoneSets));
  context.output.result({ event: 'tuned', ...result }, tuneText(result).join('\n'));
}

/** The speed as a multiple of real time, which may be below 1. */
const printSpeed = (speed: number) => `${speed.toFixed(speed < 10 ? 1 : 0)} times as fast`;

const BAR_WIDTH = 24;

/** Progress, speed and remaining time. `tookMs`: elapsed time. */
function progressText(passedUs: number, lengthUs: number | null, tookMs: number): string {
  const speed = passedUs / 1_000 / Math.max(1, tookMs);
  const share = lengthUs === null ? 0 : Math.min(1, passedUs / Math.max(1, lengthUs));
  const done = Math.round(share * BAR_WIDTH);
  const left =
    lengthUs === null || speed === 0
      ? ''
      : `, ${printLength(Math.round((lengthUs - passedUs) / speed / 1_000_000) * 1_000_000)} left`;
  const bar = lengthUs === null ? '' : `[${'#'.repeat(done)}${'.'.repeat(BAR_WIDTH - done)}] `;
  return `${bar}${secondsAt(passedUs).toFixed(1)} s, ${printSpeed(speed)}${left}`;
}
