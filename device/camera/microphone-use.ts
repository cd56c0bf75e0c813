// Decides whether a wired camera's next run has sound. A run whose microphone fails is followed by one without it, unless sound is
// required; the run after that tries the microphone again.
import { type Failure, failure } from '@doorsill/contract/errors';
import type { RunEvidence } from './replan-capture.ts';
import type { DriverContext } from './source-interfaces.ts';
import type { Port } from './start-ffmpeg.ts';
import { messagesOfRun, microphoneEnded, microphoneFault, wantsTwoChannels } from './wired-faults.ts';
import { alsaInput, type Shift } from './wired-input-arguments.ts';
import type { Microphone } from './wired-options.ts';

export class MicrophoneUse {
  private readonly microphone: Microphone | null;
  /** One, as many microphones have; some have only two. */
  private channels = 1;
  /** The first microphone fault that ffmpeg reported in the current run. */
  private reported: { fault: Failure; line: string } | null = null;
  /** Why the next run has no sound; cleared when that run is prepared. */
  private fault: Failure | null = null;
  /** Why the current run has no sound. */
  private lack: Failure | null = null;
  /** Why the microphone can no longer be read in the current run. */
  private gone: Failure | null = null;

  constructor(microphone: Microphone | null) {
    this.microphone = microphone;
  }

  /** Prepares a run; returns a function that makes its second input, or null if the run has no sound. */
  forRun(): ((shift: Shift) => Port) | null {
    const { microphone, channels } = this;
    this.lack = this.fault;
    this.fault = null;
    this.reported = null;
    this.gone = null;
    if (microphone === null || (this.lack !== null && !microphone.required)) return null;
    return (shift) => alsaInput(microphone, channels, shift);
  }

  /** Why the current run has no sound; null if it has, or needs none. */
  get trouble(): Failure | null {
    return this.lack;
  }

  /** Why the microphone ended the current run: it was removed, or it is required and unusable; null if it did not. */
  get ended(): Failure | null {
    return this.gone ?? (this.microphone?.required ? this.fault : null);
  }

  /** Learns from a run that ended without a segment; returns whether another run may succeed. */
  learn({ barren }: Pick<RunEvidence, 'barren'>): boolean {
    const { microphone, reported } = this;
    if (microphone === null || reported === null || !barren) return false;
    if (wantsTwoChannels(reported.line) && this.channels === 1) {
      this.channels = 2;
      return true;
    }
    this.fault = reported.fault;
    return !microphone.required;
  }

  /** Takes a line of ffmpeg's stderr; returns why the run must end if the line says that the microphone was removed. */
  endedBy(line: string): string | null {
    if (this.microphone === null) return null;
    const { device } = this.microphone;
    const fault = this.reported === null ? microphoneFault(device, line) : null;
    if (fault) this.reported = { fault, line };
    if (!microphoneEnded(line, device)) return null;
    this.gone = failure('microphone_unusable', { source: device, detail: 'it has gone' });
    return `the microphone ${device} has gone`;
  }
}

const SOUND_MS_MAX = 10_000;

/** The failures of a microphone; none if a tenth of a second can be recorded. */
export async function microphoneTroubles(microphone: Microphone | null, context: DriverContext): Promise<Failure[]> {
  if (microphone === null) return [];
  const use = new MicrophoneUse(microphone);
  for (;;) {
    const sound = use.forRun()?.(null);
    if (!sound) return use.trouble ? [use.trouble] : [];
    const words = await messagesOfRun(
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
