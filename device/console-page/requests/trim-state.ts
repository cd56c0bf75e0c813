import { frameTimesSchema } from '@doorsill/contract/console-messages';
import { partsInside, type Window } from '@doorsill/contract/shared-claims';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { clock, type Timer } from '../kit/browser-seams.ts';
import { useDoor } from '../kit/door-context.ts';
import { useMomentPicture } from '../kit/moment-picture.ts';
import type { StepProps } from './decision-bar.tsx';
import { FrameSteps } from './frame-steps.ts';
import { firstWindow, shownAround, shownMoment, type TrimEnd, windowStillThere } from './trim-window.ts';

/** A handle that rests this long snaps to a frame. */
const REST_MS = 250;

export type Trim = ReturnType<typeof useTrim>;

/** State of the trimmed window while it is dragged and stepped, and the picture of the end that was moved last. */
export function useTrim({ notice, answers, limits }: StepProps & { limits: Window }) {
  const { door, view: doorView } = useDoor();
  const draft = answers.draftOf(notice);
  const kept = draft.window && windowStillThere(draft.window, limits);
  const window = kept ?? firstWindow(limits, doorView.events);
  const coverage = useRef<readonly Window[]>([]);
  coverage.current = partsInside(notice.coverage, notice.request.window);
  const latest = useRef(window);
  latest.current = window;
  const [end, setEnd] = useState<TrimEnd>('start');
  const [shown, setShown] = useState(() => shownAround(window, limits));
  const [isSettling, setSettling] = useState(false);
  const rest = useRef<Timer | null>(null);
  const picture = useMomentPicture(() => partsInside(coverage.current, latest.current));
  const frames = useMemo(
    () =>
      new FrameSteps({
        coverage: () => coverage.current,
        frames: async ({ startUs, endUs }) =>
          (await door.client.call(frameTimesSchema, `/api/v1/frames?fromUs=${startUs}&toUs=${endUs}`)).frames,
      }),
    [door],
  );
  const take = (to: Window, which: TrimEnd) => {
    setEnd(which);
    latest.current = to;
    answers.choose(notice, { window: to });
    picture.show(shownMoment(to, which));
  };
  const settle = async (which: TrimEnd, both: boolean) => {
    setSettling(true);
    try {
      let to = latest.current;
      if (both || which === 'start') to = await frames.snapped(to, 'start', limits);
      if (both || which === 'end') to = await frames.snapped(to, 'end', limits);
      take(to, which);
      setShown(shownAround(to, limits));
    } catch {
      // The device is unreachable: the window keeps the dragged ends, which are as valid.
    } finally {
      setSettling(false);
    }
  };
  const choose = (to: Window, which: TrimEnd, isDone: boolean) => {
    rest.current?.cancel();
    take(to, which);
    if (isDone) rest.current = clock.after(REST_MS, () => void settle(which, true));
  };
  const step = (which: TrimEnd, direction: -1 | 1) => {
    frames
      .stepped(latest.current, which, direction, limits)
      .then((to) => {
        take(to, which);
        setShown((before) => (isInside(to, before) ? before : shownAround(to, limits)));
      })
      .catch(() => undefined);
  };
  useEffect(() => {
    // A new window, or one whose footage is partly gone, is snapped to frames and stored.
    if (!draft.window || !kept || kept.startUs !== draft.window.startUs || kept.endUs !== draft.window.endUs) {
      latest.current = window;
      void settle('start', true);
    } else picture.show(shownMoment(window, 'start'));
    return () => rest.current?.cancel();
  }, []);
  const { isPlaying, atUs, pause } = picture;
  useEffect(() => {
    if (isPlaying && atUs !== null && atUs >= latest.current.endUs) pause();
  }, [isPlaying, atUs]);
  const isCut = draft.window !== null && (kept === null || kept.startUs > draft.window.startUs);
  const play = () => {
    picture.show(latest.current.startUs);
    picture.play();
  };
  const look = (which: TrimEnd) => {
    setEnd(which);
    picture.show(shownMoment(latest.current, which));
  };
  return { window, shown, end, picture, isSettling, isCut, choose, step, play, look };
}

const isInside = (inner: Window, outer: Window) => inner.startUs >= outer.startUs && inner.endUs <= outer.endUs;
