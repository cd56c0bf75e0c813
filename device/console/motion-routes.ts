// The routes for setting up motion: the current motion mask, and trials of other settings on recorded footage. Both derive from the
// picture, so each opens a view (picture-access.ts) first.

import type { Clock } from '@doorsill/base/clock';
import { countSchema } from '@doorsill/base/http/http-server';
import type { Log } from '@doorsill/base/log';
import { toBase64url } from '@doorsill/contract/bytes';
import { failure, isFailure } from '@doorsill/contract/errors';
import {
  type MotionMaskLine,
  TRIAL_EVENTS_MAX,
  TRIAL_US_MAX,
  TrialAsk,
  type TrialLine,
} from '@doorsill/contract/motion-messages';
import { type SettingsInForce, sensitivitySchema } from '@doorsill/contract/owner-settings';
import { partsInside } from '@doorsill/contract/shared-claims';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Ffmpeg } from '../camera/find-ffmpeg.ts';
import { BLOCK_COLUMNS, BLOCK_ROWS } from '../motion/gray-picture-size.ts';
import type { GrayPictures } from '../motion/gray-pictures.ts';
import { MotionMask } from '../motion/motion-mask.ts';
import { MotionTrial, type TrialEvent } from '../motion/motion-trial.ts';
import type { Ring } from '../ring/ring-interface.ts';
import type { LocalRouter } from './local-router.ts';
import type { PictureAccess } from './picture-access.ts';
import { recordedGray } from './recorded-gray.ts';
import { bindToView } from './view-answer.ts';

export interface MotionRoutesDeps {
  access: PictureAccess;
  gray: GrayPictures;
  ring: Pick<Ring, 'read' | 'coverage'>;
  ffmpeg: Ffmpeg;
  clock: Clock;
  log: Log;
  settings(): SettingsInForce;
}

/** Greatest number of simultaneous readers of the mask. */
const WATCHERS_MAX = 8;
/** Least time between two lines of the mask. The detector still examines every picture. */
const MASK_US_LEAST = 250_000;
/** A reader this far behind misses lines of the mask. */
const BEHIND_BYTES_MAX = 64 * 1024;
/** Footage examined between two lines of progress. */
const PROGRESS_US = 20_000_000;
const LINES = 'application/x-ndjson';

export function motionRoutes(router: LocalRouter, deps: MotionRoutesDeps): void {
  maskRoute(router, deps);
  trialRoute(router, deps);
}

function maskRoute(router: LocalRouter, { access, gray }: MotionRoutesDeps): void {
  let watchers = 0;
  router.route(
    {
      method: 'GET',
      path: '/api/v1/motion/mask',
      roles: ['owner'],
      query: z.strictObject({ sensitivity: countSchema.pipe(sensitivitySchema) }),
      answer: { media: LINES },
      about:
        'Where the detector sees motion now, at a sensitivity: a line of JSON for each of up to four pictures a second, for as long as the connection is open.',
    },
    async ({ caller, query, reply }) => {
      if (watchers >= WATCHERS_MAX) throw failure('console_too_many_viewers', { most: WATCHERS_MAX });
      watchers += 1;
      const view = await access.open(caller, 'live').catch((thrown: unknown) => {
        watchers -= 1;
        throw thrown;
      });
      const send = openLines(reply);
      const signal = bindToView(reply, view);
      const mask = new MotionMask(query.sensitivity);
      let sentUs = Number.NEGATIVE_INFINITY;
      const unsubscribe = gray.watch((frame) => {
        const { isLearning, bits } = mask.see(frame);
        const isSoon = frame.atUs >= sentUs && frame.atUs - sentUs < MASK_US_LEAST;
        if (isSoon || reply.raw.writableLength > BEHIND_BYTES_MAX) return;
        sentUs = frame.atUs;
        const size = { columns: BLOCK_COLUMNS, rows: BLOCK_ROWS };
        send({ atUs: frame.atUs, isLearning, ...size, blocks: toBase64url(bits) } satisfies MotionMaskLine);
      });
      const done = () => {
        watchers -= 1;
        unsubscribe();
      };
      if (signal.aborted) done();
      else signal.addEventListener('abort', done, { once: true });
      return reply;
    },
  );
}

function trialRoute(router: LocalRouter, deps: MotionRoutesDeps): void {
  let isRunning = false;
  router.route(
    {
      method: 'POST',
      path: '/api/v1/motion/trials',
      roles: ['owner'],
      body: TrialAsk,
      answer: { media: LINES },
      about:
        'Looks for motion in recorded footage of up to twelve hours, with other settings and with those in force: lines of JSON as it goes. One at a time; closing the connection ends it.',
    },
    async ({ caller, body, reply }) => {
      const { startUs, endUs } = body.window;
      if (endUs - startUs > TRIAL_US_MAX) throw failure('console_span_too_long', { seconds: TRIAL_US_MAX / 1_000_000 });
      if (partsInside(deps.ring.coverage(), body.window).length === 0) throw failure('console_no_footage');
      if (isRunning) throw failure('motion_trial_running');
      isRunning = true;
      try {
        const view = await deps.access.open(caller, 'history');
        const send = openLines(reply);
        const signal = bindToView(reply, view);
        await trial(deps, body, send, signal).catch((thrown: unknown) => sendFailure(deps.log, thrown, send, signal));
        reply.raw.end();
      } finally {
        isRunning = false;
      }
      return reply;
    },
  );
}

/** Runs a trial to its end and sends its lines. */
async function trial(
  { ring, ffmpeg, clock, settings }: MotionRoutesDeps,
  { window, zones, sensitivities }: TrialAsk,
  send: (line: TrialLine) => void,
  signal: AbortSignal,
): Promise<void> {
  const { motion } = settings();
  const tried = [...new Set(sensitivities)];
  const names = [...tried, 'in-force' as const];
  const detectors = new MotionTrial([...tried.map((sensitivity) => ({ sensitivity, zones })), motion]);
  const counts = names.map(() => 0);
  const ofUs = partsInside(ring.coverage(), window).reduce((sum, span) => sum + span.endUs - span.startUs, 0);
  let lookedUs = 0;
  let lastUs = window.startUs;
  const report = (events: readonly TrialEvent[]) => {
    for (const { by, startUs, endUs } of events) {
      const count = (counts[by] ?? 0) + 1;
      counts[by] = count;
      const name = names[by];
      if (count <= TRIAL_EVENTS_MAX && name !== undefined) send({ line: 'event', by: name, startUs, endUs });
    }
  };
  const progress = () => send({ line: 'progress', lookedUs: Math.min(Math.round(lookedUs), ofUs), ofUs });
  let sentUs = 0;
  progress();
  await recordedGray(
    { segments: ring.read(window), ffmpeg, clock },
    (pixels, atUs) => {
      // Limits the time since the last picture, so that gaps do not count as examined.
      lookedUs += Math.min(Math.max(atUs - lastUs, 0), PICTURE_US_MAX);
      lastUs = atUs;
      report(detectors.frame(pixels, Math.round(atUs)));
      if (lookedUs - sentUs < PROGRESS_US) return;
      sentUs = lookedUs;
      progress();
    },
    signal,
  );
  report(detectors.end(Math.round(lastUs)));
  const done = names.map((by, at) => ({ by, events: counts[at] ?? 0 }));
  send({ line: 'done', counts: done, lookedUs: Math.min(Math.round(lookedUs), ofUs) });
}

/** Greatest time between two pictures that counts as examined. */
const PICTURE_US_MAX = 200_000;

/** Sends a failure as the last line, because the answer has begun already. Does nothing if the connection was cut. */
function sendFailure(log: Log, thrown: unknown, send: (line: TrialLine) => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  if (!isFailure(thrown)) throw thrown;
  log.warn('a trial of motion settings failed; the settings in force are unchanged', { code: thrown.code });
  send({ line: 'failed', code: thrown.code, detail: `${thrown.message} ${thrown.advice}`.slice(0, 600) });
}

/** Begins an answer of JSON lines; returns the function that sends one. */
function openLines(reply: FastifyReply): (line: object) => void {
  const { raw } = reply;
  const headers = Object.entries(reply.getHeaders()).map(([name, value]): [string, string] => [name, String(value)]);
  reply.hijack();
  raw.writeHead(200, { ...Object.fromEntries(headers), 'content-type': LINES, 'cache-control': 'no-store' });
  raw.flushHeaders();
  return (line) => void raw.write(`${JSON.stringify(line)}\n`);
}
