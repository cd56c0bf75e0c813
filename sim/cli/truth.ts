// The verbs `replay truth convert` and `replay truth check`.

import { resolve } from 'node:path';
import { utf8 } from '@doorsill/contract/bytes';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { parseZone } from '@doorsill/device/cli/parse-zone';
import { parseSeconds, printLength } from '@doorsill/device/terminal/format-units';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import type { MotOptions } from '../truth/mot-csv.ts';
import { ANNOTATION_FORMATS, readAnnotations } from '../truth/read-annotations.ts';
import { readTruth } from '../truth/read-truth.ts';
import { NAME_LENGTH_MAX, type Truth, truthToFile } from '../truth/truth-file.ts';

export function addTruth(replay: Command): void {
  const group = replay
    .command('truth')
    .description('make and check ground truth, with which `replay` compares events')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill replay truth convert annotations.xml --from cvat --frame-rate 25 --out porch.truth.json
  $ doorsill replay truth convert gt.txt --from mot --frame-rate 30 --length 59.7 --labels 1
  $ doorsill replay truth check porch.truth.json`,
    );
  addConvert(group);
  addCheck(group);
}

interface ConvertOptions {
  from: string;
  frameRate: string;
  length?: string;
  zone?: string;
  picture?: string;
  gap?: string;
  shortest?: string;
  labels?: string;
  label?: string;
  camera?: string;
  firstFrame?: string;
  confidence?: string;
  out?: string;
}

function addConvert(group: Command): void {
  group
    .command('convert <annotations>')
    .description(
      'convert MOT or PETS annotations (CSV), or CVAT for video 1.1 (XML), to ground truth: motion while any object is there',
    )
    .requiredOption('--from <format>', `format of the annotations: ${ANNOTATION_FORMATS.join(' or ')}`)
    .requiredOption('--frame-rate <fps>', 'frame rate of the footage, such as 25 or 30000/1001')
    .option('--length <seconds>', 'length of the footage (default: from the annotations, or up to their last picture)')
    .option('--zone <l,t,w,h>', 'count only objects that overlap this part of the picture, in percent')
    .option('--picture <WxH>', 'size of the picture in pixels; a zone needs it with mot')
    .option('--gap <seconds>', 'join spans less than this apart (default: 1)')
    .option('--shortest <seconds>', 'omit shorter spans (default: none)')
    .option('--labels <a,b>', 'count only these labels (cvat) or classes (mot, column 8)')
    .option('--label <text>', "use this label instead of the annotations' labels")
    .option('--camera <name>', 'camera of the replay (default: all)')
    .option('--first-frame <n>', 'number of the first picture, with mot (default: 1)')
    .option('--confidence <least>', 'omit rows below it, with mot (default: omit rows of exactly 0)')
    .option('--out <file>', 'file for the ground truth (default: standard output)')
    .addHelpText(
      'after',
      `
Annotations contain where an object is, not whether it moves: exclude parked cars with --labels or --zone.

Example:
  $ doorsill replay truth convert annotations.xml --from cvat --frame-rate 25 --zone 0,50,100,50 --out porch.truth.json`,
    )
    .action(async (annotations: string, options: ConvertOptions, command: Command) => {
      const context = openContext(command);
      const format = ANNOTATION_FORMATS.find((name) => name === options.from);
      if (!format)
        throw failure('usage', { detail: `--from takes ${ANNOTATION_FORMATS.join(' or ')}, not "${options.from}"` });
      const truth = await readAnnotations(resolve(annotations), format, context.disk, conversionOf(options));
      await writeTruth(context, truth, options.out);
    });
}

async function writeTruth(context: Context, truth: Truth, out: string | undefined): Promise<void> {
  const written = truthToFile(truth);
  if (out === undefined) return context.output.result(written, JSON.stringify(written, null, 2));
  await context.disk.replaceFile(resolve(out), utf8(`${JSON.stringify(written, null, 2)}\n`));
  context.output.result({ file: out, ...summary(truth) }, `${out}: ${described(truth)}`);
}

function conversionOf(options: ConvertOptions): MotOptions {
  const seconds = (text: string | undefined, what: string) =>
    text === undefined ? undefined : parseSeconds(text, what);
  const { zone, picture, label, camera, firstFrame, confidence } = options;
  return {
    frameRate: frameRateOf(options.frameRate),
    durationUs: seconds(options.length, '--length'),
    gapUs: seconds(options.gap, '--gap'),
    shortestUs: seconds(options.shortest, '--shortest'),
    zone: zone === undefined ? undefined : parseZone(zone, '--zone'),
    picture: picture === undefined ? undefined : pictureOf(picture),
    labels: options.labels?.split(',').map((word) => word.trim()),
    label: label === undefined ? undefined : nameOf(label, '--label'),
    camera: camera === undefined ? undefined : nameOf(camera, '--camera'),
    firstFrame: firstFrame === undefined ? undefined : numberOf(firstFrame, /^\d{1,9}$/, '--first-frame'),
    confidenceLeast:
      confidence === undefined ? undefined : numberOf(confidence, /^-?\d{1,9}(\.\d{1,9})?$/, '--confidence'),
  };
}

function frameRateOf(text: string): number {
  const [, above = '', below = '1'] = /^(\d{1,9}(?:\.\d{1,9})?)(?:\/(\d{1,9}))?$/.exec(text) ?? [];
  const rate = Number(above) / Number(below);
  if (Number.isFinite(rate) && rate > 0) return rate;
  throw failure('usage', { detail: `--frame-rate takes a frame rate such as 25 or 30000/1001, not "${text}"` });
}

function pictureOf(text: string): { width: number; height: number } {
  const [, width, height] = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(text) ?? [];
  if (width && height) return { width: Number(width), height: Number(height) };
  throw failure('usage', { detail: `--picture takes a size such as 1920x1080, not "${text}"` });
}

function numberOf(text: string, pattern: RegExp, option: string): number {
  if (pattern.test(text)) return Number(text);
  throw failure('usage', { detail: `${option} takes a number, not "${text}"` });
}

function nameOf(text: string, option: string): string {
  if (text.length >= 1 && text.length <= NAME_LENGTH_MAX) return text;
  throw failure('usage', { detail: `${option} takes 1 to ${NAME_LENGTH_MAX} characters` });
}

interface CheckOptions {
  length?: string;
  frameRate?: string;
}

function addCheck(group: Command): void {
  group
    .command('check <truth>')
    .description('check a ground truth, optionally against the length of its footage')
    .option('--length <seconds>', 'length of the footage')
    .option('--frame-rate <fps>', 'frame rate of the footage; its length may then differ by up to two pictures')
    .addHelpText('after', '\nExample:\n  $ doorsill replay truth check porch.truth.json --length 22.8 --frame-rate 15')
    .action(async (path: string, { length, frameRate }: CheckOptions, command: Command) => {
      const context = openContext(command);
      const truth = await readTruth(resolve(path), context.disk, {
        ...(length === undefined ? {} : { durationUs: parseSeconds(length, '--length') }),
        ...(frameRate === undefined ? {} : { frameUs: 1_000_000 / frameRateOf(frameRate) }),
      });
      context.output.result({ ok: true, ...summary(truth) }, `${path} is valid: ${described(truth)}`);
    });
}

function summary({ spans, durationUs, judge }: Truth): object {
  return {
    spans: spans.length,
    optional: spans.filter(({ optional }) => optional).length,
    judge,
    durationS: durationUs / 1e6,
  };
}

function described({ spans, durationUs, judge }: Truth): string {
  const counts = judge.map((event) => `${event}: ${spans.filter((span) => span.event === event).length}`);
  return `${printLength(durationUs)} of footage, spans of ${counts.join(', ')}`;
}
