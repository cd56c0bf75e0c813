// What a doorbell process holds in memory through an hour of events: an hour of footage with motion every minute, read fast, with presses,
// requests and denials in between.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { findFfmpeg } from '../../device/camera/find-ffmpeg.ts';
import { loadOrCreateOwnerKey } from '../../device/owner/owner-key.ts';
import { makeCommand, makeDenial } from '../../device/owner/sign-owner-messages.ts';
import { askForState } from '../../device/terminal/owner-requests.ts';
import { RunningTestbed } from '../support/running-testbed.ts';
import { makeLively } from './footage.ts';
import { median, type Row, type Run } from './measure.ts';

const MINUTES = 60;
const MINUTE_US = 60_000_000;
/** An agency asks this often, and is denied. */
const ASKED_EVERY_MINUTES = 5;

export async function memoryRows({ folder }: Run): Promise<Row[]> {
  const ffmpeg = await findFfmpeg();
  const minute = await makeLively(ffmpeg.path, folder);
  const hour = join(folder, 'hour.mp4');
  const looped = ['-stream_loop', String(MINUTES - 1), '-i', minute, '-c', 'copy', hour];
  await promisify(execFile)(ffmpeg.path, ['-hide_banner', '-loglevel', 'error', ...looped]);
  const testbed = new RunningTestbed(`file:${hour}?once&pace=fast`);
  try {
    await testbed.start();
    const samples = await hourOf(testbed);
    const [second, last] = [1, 3].map((quarter) =>
      median(samples.filter(({ minutes }) => Math.floor(minutes / 15) === quarter).map(({ rssMb }) => rssMb)),
    );
    const idle = await idleMb(testbed);
    return [
      {
        group: 'memory',
        what: 'RSS of the idle doorbell process after an hour of events',
        ours: `${Math.max(...samples.map(({ rssMb }) => rssMb)).toFixed(0)} MB at most meanwhile`,
        baseline: '',
        figure: idle,
        unit: 'MB',
        target: { most: 160 },
      },
      {
        group: 'memory',
        what: 'RSS in the last quarter of the hour, over the second',
        ours: `${last?.toFixed(0)} MB`,
        baseline: `${second?.toFixed(0)} MB`,
        figure: (last ?? Number.NaN) / (second ?? Number.NaN),
        unit: 'x',
        target: { most: 1.05 },
      },
    ];
  } finally {
    await testbed.stop();
    testbed.dispose();
  }
}

interface Sample {
  /** On the footage's own time. */
  minutes: number;
  rssMb: number;
}

/** Runs the hour: a press each minute of footage, a request and its denial every few. */
async function hourOf(testbed: RunningTestbed): Promise<Sample[]> {
  const seams = { clock: new SystemClock(), random: new SystemRandom() };
  const key = await loadOrCreateOwnerKey(new SystemDisk(), seams.random, join(testbed.data, 'owner', 'owner.key'));
  const signer = { ...seams, key };
  const { session } = testbed;
  const samples: Sample[] = [];
  let device = '';
  let minutes = 0;
  let isEnded = false;
  const unlisten = session.listen({
    state: (state) => {
      device = state.device;
      const { sourceStartUs } = state.camera;
      const newestUs = state.ring.coverage.at(-1)?.endUs;
      if (sourceStartUs !== undefined && newestUs !== undefined) minutes = (newestUs - sourceStartUs) / MINUTE_US;
      isEnded = state.camera.state === 'ended';
    },
  });
  try {
    for (let pressed = 0, asked = 0; !isEnded; ) {
      await seams.clock.sleep(100);
      // Without being asked the device says how far its footage goes only every ten seconds.
      if (samples.length % 5 === 0) askForState(session, signer);
      samples.push({ minutes: Math.min(minutes, MINUTES - 0.01), rssMb: rssMb(testbed) });
      if (minutes >= pressed + 1) {
        pressed += 1;
        await session.command(makeCommand(signer, device, { action: 'press', button: 'front' }).token);
      }
      if (minutes >= asked + ASKED_EVERY_MINUTES) {
        asked += ASKED_EVERY_MINUTES;
        const notice = await testbed.ask();
        await session.answer(notice.request.jti, 'deny', makeDenial(signer, notice).token);
      }
    }
  } finally {
    unlisten();
  }
  const denied = testbed.receipts.filter(({ outcome }) => outcome === 'denied').length;
  if (minutes < MINUTES - 1 || denied < MINUTES / ASKED_EVERY_MINUTES - 2) {
    throw new Error(`the hour had ${minutes.toFixed(1)} minutes and ${denied} denials`);
  }
  return samples;
}

async function idleMb(testbed: RunningTestbed): Promise<number> {
  const samples: number[] = [];
  for (let count = 0; count < 20; count += 1) {
    await new SystemClock().sleep(250);
    samples.push(rssMb(testbed));
  }
  return median(samples);
}

function rssMb(testbed: RunningTestbed): number {
  const status = readFileSync(`/proc/${testbed.pidOf('doorbell')}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}
