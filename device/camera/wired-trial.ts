// Tries a wired camera's parts once with ffmpeg.
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { lastWords, runFfmpeg } from './ffmpeg-run.ts';
import { MicrophoneUse } from './microphone-use.ts';
import type { DriverContext } from './source-interfaces.ts';
import type { Microphone } from './wired-options.ts';

const SOUND_MS_MAX = 10_000;
const SAID_LETTERS_MAX = 4_096;
const COMPLAINTS_MAX = 6;

/** The failures of a microphone; none if a tenth of a second can be recorded. */
export async function microphoneTroubles(microphone: Microphone | null, context: DriverContext): Promise<Failure[]> {
  if (microphone === null) return [];
  const use = new MicrophoneUse(microphone);
  for (;;) {
    const sound = use.forRun()?.(null);
    if (!sound) return use.trouble ? [use.trouble] : [];
    const words = await wordsOf(
      context,
      'listening for a moment',
      SOUND_MS_MAX,
      [...sound.options, '-i', sound.address, '-t', '0.1', '-f', 'null', '-'],
      (line) => void use.endedBy(line),
    );
    if (words === null) return [];
    if (use.learn({ barren: true })) continue;
    return [use.ended ?? failure('microphone_unusable', { source: microphone.device, detail: words })];
  }
}

/** Runs ffmpeg; returns its last messages if it failed, else null. */
export async function wordsOf(
  { ffmpeg, clock }: DriverContext,
  doing: string,
  timeoutMs: number,
  args: string[],
  onLine: (line: string) => void,
): Promise<string | null> {
  let said = '';
  try {
    await runFfmpeg(ffmpeg, {
      doing,
      args,
      clock,
      timeoutMs,
      stdoutBytesMax: 0,
      onLine: (line) => {
        onLine(line);
        said = `${said}${line}\n`.slice(-SAID_LETTERS_MAX);
      },
    });
    return null;
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    return said === '' ? String(thrown.facts['detail'] ?? thrown.message) : lastWords(said, COMPLAINTS_MAX);
  }
}
