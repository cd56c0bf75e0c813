// A process that opens files as cameras, one after the other, with the device's own capture, and prints the result of each.
import { findFfmpeg } from '../../../../device/camera/find-ffmpeg.ts';
import { isFailure } from '../../../../device/contract/errors.ts';
import { Recorder } from './recorder.ts';

const ffmpeg = await findFfmpeg();
for (const path of process.argv.slice(2)) {
  const startMs = performance.now();
  const recorder = await opened(path);
  const outcome = typeof recorder === 'string' ? recorder : outcomeOf(recorder);
  const segments = typeof recorder === 'string' ? 0 : recorder.segments.length;
  process.stdout.write(`${JSON.stringify({ path, outcome, segments, ms: Math.round(performance.now() - startMs) })}\n`);
}

async function opened(path: string): Promise<Recorder | string> {
  let recorder: Recorder | null = null;
  try {
    recorder = new Recorder(ffmpeg, `file:${path}?pace=fast`);
    return await recorder.whole();
  } catch (thrown) {
    return codeOf(thrown);
  } finally {
    await recorder?.capture.stop();
  }
}

function outcomeOf({ changes }: Recorder): string {
  const failed = changes.findLast((change) => change.state === 'failed');
  return failed ? codeOf(failed.failure) : 'plays';
}

/** A bug has no code, and ends the process. */
function codeOf(thrown: unknown): string {
  if (isFailure(thrown)) return thrown.code;
  throw thrown;
}
