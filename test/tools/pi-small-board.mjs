// What `npm run check:pi -- --small-boards` shows inside: that 512 MB are enough for a doorbell that records, and that less is refused.
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { doorsill, ensure, isRecording, notHere, prove, ran, shell, show, status, until } from './pi-board.mjs';
import { compilesNothing, documented, installFiles, recordedCamera, testCamera } from './pi-install.mjs';

const MB = 1_048_576;
/** What a board of 512 MB shows of it at most. */
const SMALL_MB_MAX = 512;
/** Enough that the ring's queue, the motion detector and ffmpeg have what they take. */
const SEGMENTS_MIN = 60;

const boardMB = Math.floor(totalmem() / MB);

function expectBoard(mbMax) {
  if (boardMB > mbMax) throw notHere(`this machine has ${boardMB} MB`);
}

/** How often the kernel has ended a process of the machine because memory was short. */
const ends = () => Number(/^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'))?.[1] ?? Number.NaN);
const availableMB = () =>
  Math.floor(Number(/^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) / 1_024);

/** A doorbell as docs/raspberry-pi.md installs it, until it has recorded for a while. */
async function records(commands) {
  expectBoard(SMALL_MB_MAX);
  const camera = testCamera();
  compilesNothing();
  await documented(commands, camera ?? recordedCamera());
  let leastMB = Number.POSITIVE_INFINITY;
  const segments = await until(`${SEGMENTS_MIN} segments`, () => {
    leastMB = Math.min(leastMB, availableMB());
    const found = isRecording() ? status().health.ring.segments : 0;
    return found >= SEGMENTS_MIN && found;
  });
  ensure(show('NRestarts') === '0', `it was started anew ${show('NRestarts')} times`);
  ensure(ends() === 0, `the kernel has ended ${ends()} processes for lack of memory`);
  const peakMB = Math.floor(Number(show('MemoryPeak')) / MB);
  const what = camera === null ? 'a file' : camera;
  return `of ${boardMB} MB ${leastMB} MB or more were available while it recorded ${segments} segments of ${what}; the service took ${peakMB} MB at most`;
}

/** By `device install`, which writes nothing then. */
function refused(mbMax) {
  expectBoard(mbMax);
  compilesNothing();
  const { status: ended, stdout, stderr } = doorsill('install', '--json');
  const { error } = JSON.parse(`${stdout}${stderr}`.split('\n').findLast((line) => line.startsWith('{')) ?? '{}');
  ensure(ended !== 0 && error?.code === 'board_memory_too_small', `it ended with ${ended}: ${stdout} ${stderr}`);
  ensure(installFiles().length === 0, `it wrote ${installFiles().join(', ')}`);
  ran('install --print', shell('doorsill-device install --print >/dev/null'));
  return error.message;
}

const [commandsFile = '', mb = ''] = process.argv.slice(2);
if (Number(mb) >= SMALL_MB_MAX) {
  await prove('small-board', () => records(JSON.parse(readFileSync(commandsFile, 'utf8'))));
} else {
  await prove('too-small-board', () => refused(Number(mb)));
}
