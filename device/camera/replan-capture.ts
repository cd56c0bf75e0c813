// Owns: changing a capture's plan when a run has shown that it does not fit: only ever towards what works for more streams.
// Not here: what the facts are (stream-facts.ts, copy-rules.ts).

import type { InitInfo } from '@doorsill/contract/media/fragment';
import type { CapturePlan } from './ffmpeg-capture-command.ts';
import type { StreamFacts } from './stream-facts.ts';

/** What a run has shown. */
export interface RunEvidence {
  readonly facts: StreamFacts;
  readonly init: InitInfo | null;
  /** Why the copied video cannot be kept; null when nothing is wrong with it. */
  readonly fault: string | null;
  /** The run ended without a single segment, and the network was not the cause. */
  readonly barren: boolean;
}

/** A plan that may work where this one did not; null when there is none to try. Ends after at most four changes. */
export function replan(plan: CapturePlan, evidence: RunEvidence): CapturePlan | null {
  const better = { ...plan, video: betterVideo(plan, evidence), audio: betterAudio(plan, evidence) };
  if (better.video !== plan.video || better.audio !== plan.audio) return better;
  if (!evidence.barren || !evidence.facts.video) return null;
  if (plan.audio === 'copy') return { ...plan, audio: 'encode' };
  // Sound that cannot be decoded must not cost the picture.
  if (plan.audio === 'encode') return { ...plan, audio: 'none' };
  return plan.video === 'copy' ? { ...plan, video: 'encode' } : null;
}

function betterVideo(plan: CapturePlan, { facts, fault }: RunEvidence): CapturePlan['video'] {
  const foreign = facts.video !== null && facts.video.codec !== 'h264';
  return fault !== null || foreign ? 'encode' : plan.video;
}

function betterAudio(plan: CapturePlan, { facts, init }: RunEvidence): CapturePlan['audio'] {
  const undecodable = facts.audio === null && facts.streams.some((stream) => stream.kind === 'audio');
  if (undecodable) return 'none';
  if (plan.audio !== 'copy') return plan.audio;
  const foreign = facts.audio !== null && !(facts.audio.codec === 'aac' && facts.audio.profile === 'LC');
  // AAC in a transport stream brings its configuration with each packet, too late for the init segment.
  const unconfigured = init?.audio != null && init.audio.audioSpecificConfig === null;
  return foreign || unconfigured ? 'encode' : 'copy';
}
