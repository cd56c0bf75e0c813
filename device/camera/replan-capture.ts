// Changes a capture's plan when a run has shown that it does not fit, always towards a plan that works for more streams.

import type { InitInfo } from '@doorsill/contract/media/fragment';
import type { CapturePlan } from './ffmpeg-capture-command.ts';
import type { StreamFacts } from './stream-facts.ts';

/** Findings about the source from one run. */
export interface RunEvidence {
  readonly facts: StreamFacts;
  readonly init: InitInfo | null;
  /** Why the copied video cannot be kept; null if it can. */
  readonly fault: string | null;
  /** Whether the run ended without a segment, and not because of the network. */
  readonly barren: boolean;
}

/** A plan that may work where this one did not; null if none is left. There are at most four changes. */
export function replan(plan: CapturePlan, evidence: RunEvidence): CapturePlan | null {
  const better = { ...plan, video: betterVideo(plan, evidence), audio: betterAudio(plan, evidence) };
  if (better.video !== plan.video || better.audio !== plan.audio) return better;
  if (!evidence.barren || !evidence.facts.video) return null;
  if (plan.audio === 'copy') return { ...plan, audio: 'encode' };
  // If the sound cannot be decoded, the video is recorded alone.
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
  // AAC in a transport stream has its configuration in each packet, too late for the init segment.
  const unconfigured = init?.audio != null && init.audio.audioSpecificConfig === null;
  return foreign || unconfigured ? 'encode' : 'copy';
}
