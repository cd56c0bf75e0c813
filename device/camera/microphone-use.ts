// Owns: whether a wired camera's next run has sound: the microphone is tried at each new start, and left out of the one after it
// when it could not be used. Not here: what ffmpeg's messages mean (wired-faults.ts), its arguments (wired-input-arguments.ts).
import { type Failure, failure } from '@doorsill/contract/errors';
import type { RunEvidence } from './replan-capture.ts';
import type { Port } from './start-ffmpeg.ts';
import { microphoneEnded, microphoneFault, wantsTwoChannels } from './wired-faults.ts';
import { alsaInput, type Shift } from './wired-input-arguments.ts';
import type { Microphone } from './wired-options.ts';

export class MicrophoneUse {
  private readonly microphone: Microphone | null;
  /** Many microphones have one channel, some only two. */
  private channels = 1;
  /** The first microphone fault that ffmpeg reported in the current run. */
  private heard: { fault: Failure; line: string } | null = null;
  /** Why the next run has no sound; cleared once it has been prepared. */
  private fault: Failure | null = null;
  private told: Failure | null = null;
  /** Why it is no longer read in the current run. */
  private gone: Failure | null = null;

  constructor(microphone: Microphone | null) {
    this.microphone = microphone;
  }

  /** Makes the run's second input; null when it has no sound. */
  forRun(): ((shift: Shift) => Port) | null {
    const { microphone, channels } = this;
    this.told = this.fault;
    this.fault = null;
    this.heard = null;
    this.gone = null;
    if (microphone === null || (this.told !== null && !microphone.required)) return null;
    return (shift) => alsaInput(microphone, channels, shift);
  }

  /** What the current run lacks. */
  get trouble(): Failure | null {
    return this.told;
  }

  /** Why the microphone ended the current run: it has gone, or nothing may be recorded without it; null when it did not. */
  get ended(): Failure | null {
    return this.gone ?? (this.microphone?.required ? this.fault : null);
  }

  /** Learns from a run that ended without giving anything; true when another one may do better. */
  learn({ barren }: Pick<RunEvidence, 'barren'>): boolean {
    const { microphone, heard } = this;
    if (microphone === null || heard === null || !barren) return false;
    if (wantsTwoChannels(heard.line) && this.channels === 1) {
      this.channels = 2;
      return true;
    }
    this.fault = heard.fault;
    return !microphone.required;
  }

  /** Reads a line of ffmpeg's; returns what it means when the microphone has gone while it was read. */
  endedBy(line: string): string | null {
    if (this.microphone === null) return null;
    const { device } = this.microphone;
    const fault = this.heard === null ? microphoneFault(device, line) : null;
    if (fault) this.heard = { fault, line };
    if (!microphoneEnded(line, device)) return null;
    this.gone = failure('microphone_unusable', { source: device, detail: 'it has gone' });
    return `the microphone ${device} has gone`;
  }
}
