import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { clock } from '../kit/browser-seams.ts';
import { text } from '../kit/choose-language.ts';
import { type DoorCondition, doorCondition } from '../kit/door-condition.ts';
import { useDoor } from '../kit/door-context.ts';
import { showTime } from '../kit/format.ts';
import { PictureNote } from '../kit/notices.tsx';
import { LivePlayer, type LiveStage } from './live-player.ts';

const POSTER = '/api/v1/snapshot.jpg?precision=key&width=640';
const TIME_EVERY_MS = 500;

/** The live picture: a still until it plays, and the reason when there is none. `drawn` is drawn over it, in the picture's own shape. */
export function LivePicture({ drawn = null }: { drawn?: ComponentChildren }) {
  const { door, view } = useDoor();
  const video = useRef<HTMLVideoElement>(null);
  const [stage, setStage] = useState<LiveStage>('connecting');
  /** Wall time of the last frame that was live; null before the first. */
  const [shownUs, setShownUs] = useState<number | null>(null);
  const condition = view.state && doorCondition(view.state);
  // Loads the picture even before the state is known, so that it appears at once.
  const mayShow = condition?.kind !== 'privacy';
  // The still is older than any frame shown since.
  const poster = usePoster(mayShow && shownUs === null);

  // Restarted with each new connection to the device: a broken socket may hang for minutes.
  const connection = Math.max(1, view.connections);
  useEffect(() => {
    if (!video.current || !mayShow) return;
    let isLive = false;
    const seen = () => setShownUs((before) => player.shownUs ?? before ?? clock.wallUs());
    const changed = (now: LiveStage) => {
      isLive = now === 'playing';
      // Counts a frame that shows for less than the time between two checks.
      if (isLive) seen();
      setStage(now);
    };
    const player = new LivePlayer({ video: video.current, socket: () => door.client.liveSocket(), changed });
    player.start();
    let timer = clock.after(TIME_EVERY_MS, function next() {
      if (isLive) seen();
      timer = clock.after(TIME_EVERY_MS, next);
    });
    return () => {
      timer.cancel();
      player.stop();
      setStage('connecting');
    };
  }, [door, mayShow, connection]);
  useEffect(() => () => setShownUs(null), [door, mayShow]);

  const isGone = view.link === 'gone';
  const isPlaying = stage === 'playing' && mayShow && !isGone;
  const isStale = mayShow && !isPlaying && (isGone || shownUs !== null);
  const shape = usePictureShape(video);
  const name = view.state?.name ?? '';
  return (
    <figure
      class={`picture ${isPlaying ? 'is-live' : ''} ${isStale ? 'is-stale' : ''}`}
      style={drawn && shape ? { aspectRatio: shape } : {}}
    >
      <video ref={video} muted playsInline aria-label={text.livePictureOf(name)} hidden={!mayShow} />
      {poster && mayShow && !isPlaying && <img class="picture-poster" src={poster} alt="" />}
      {isPlaying && (
        <figcaption class="picture-caption">
          <span class="chip chip-live">{text.live}</span>
          {shownUs !== null && <time class="chip">{showTime(shownUs)}</time>}
        </figcaption>
      )}
      {mayShow && drawn}
      {isStale && (isGone || condition?.kind === 'recording') ? (
        <NotLive sinceUs={shownUs} stage={stage} />
      ) : (
        !isPlaying && <NoPicture condition={condition} stage={stage} hasPoster={poster !== null} />
      )}
    </figure>
  );
}

/** The aspect ratio of the playing video in CSS: `1280 / 720`; null until known. */
function usePictureShape(video: RefObject<HTMLVideoElement | null>): string | null {
  const [shape, setShape] = useState<string | null>(null);
  useEffect(() => {
    const element = video.current;
    if (!element) return;
    const changed = () => setShape(element.videoWidth > 0 ? `${element.videoWidth} / ${element.videoHeight}` : null);
    element.addEventListener('resize', changed);
    return () => element.removeEventListener('resize', changed);
  }, []);
  return shape;
}

/** A still of now, shown until the live picture plays; null while there is none. */
function usePoster(wanted: boolean): string | null {
  const { door } = useDoor();
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    if (!wanted) return;
    const asking = new AbortController();
    let made: string | null = null;
    door.client
      .fetch(POSTER, asking.signal)
      .then((answer) => answer.blob())
      .then((blob) => {
        if (asking.signal.aborted) return;
        made = URL.createObjectURL(blob);
        setAddress(made);
      })
      // The live picture or the doorbell's condition shows the reason.
      .catch(() => undefined);
    return () => {
      asking.abort();
      setAddress(null);
      if (made !== null) URL.revokeObjectURL(made);
    };
  }, [door, wanted]);
  return address;
}

/** The note over the last live frame, or in its place: since when it is not live, and which connection failed. */
function NotLive({ sinceUs, stage }: { sinceUs: number | null; stage: LiveStage }) {
  const { view } = useDoor();
  const unreached = view.isOffline ? text.offline : text.noAnswer;
  const why = view.link === 'gone' ? unreached : stage === 'silent' ? null : text.loadingPicture;
  if (sinceUs === null) return <PictureNote isOver icon="warning" title={unreached} />;
  return <PictureNote isOver icon="warning" title={text.notLiveSince(showTime(sinceUs))} reason={why} />;
}

function NoPicture({
  condition,
  stage,
  hasPoster,
}: {
  condition: DoorCondition | null;
  stage: LiveStage;
  hasPoster: boolean;
}) {
  if (stage === 'unplayable') return <PictureNote icon="warning" title={text.unplayable} />;
  switch (condition?.kind) {
    case 'privacy':
      return <PictureNote icon="eyeOff" title={text.privacyOn} reason={text.privacyPicture} />;
    case 'unkept':
      return <PictureNote icon="warning" title={text.unkeptPicture} reason={condition.reason} />;
    case 'lost':
      return <PictureNote icon="warning" title={text.lostPicture} reason={condition.reason} />;
    case 'off':
      return <PictureNote icon="camera" title={text.offPicture} reason={condition.reason} />;
    case 'starting':
      return <PictureNote icon="camera" title={text.startingPicture} />;
    default:
      return hasPoster ? null : <p class="picture-loading">{text.loadingPicture}</p>;
  }
}
