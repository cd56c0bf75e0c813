// Owns: following where the device sees motion now, while a part of the page shows it; asked for again when it breaks. Not here: drawing it
// (zone-drawing.tsx).
import { useEffect, useState } from 'preact/hooks';
import { type MotionMaskLine, motionMaskSchema } from '../../protocol/motion-messages.ts';
import { clock } from './browser-seams.ts';
import { useDoor } from './door-context.ts';
import { jsonLines } from './motion-trial-results.ts';
import { textOf } from './server-sent-events.ts';

const RETRY_MS = 3_000;
/** While a slider is dragged, the device is not asked anew with each step. */
const SETTLE_MS = 400;

export type LiveMask = { line: MotionMaskLine | null; isGone: boolean };

/** The mask of now at a sensitivity; nothing while it is not wanted. */
export function useLiveMask(sensitivity: number, isWanted: boolean): LiveMask {
  const { door } = useDoor();
  const [mask, setMask] = useState<LiveMask>({ line: null, isGone: false });
  useEffect(() => {
    if (!isWanted) return;
    const leaving = new AbortController();
    const { signal } = leaving;
    const follow = async () => {
      await clock.pause(SETTLE_MS, signal);
      while (!signal.aborted) {
        try {
          const answer = await door.client.fetch(`/api/v1/motion/mask?sensitivity=${sensitivity}`, signal);
          if (answer.body)
            for await (const line of jsonLines(textOf(answer.body), motionMaskSchema)) setMask({ line, isGone: false });
        } catch {
          // Privacy, a device that is gone: what is asked for again below.
        }
        if (signal.aborted) return;
        setMask({ line: null, isGone: true });
        await clock.pause(RETRY_MS, signal);
      }
    };
    void follow();
    return () => {
      leaving.abort();
      setMask(({ line }) => ({ line: line && { ...line, isLearning: true, blocks: '' }, isGone: false }));
    };
  }, [door, sensitivity, isWanted]);
  return mask;
}
