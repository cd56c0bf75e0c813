import { FRAME_SPAN_US_MAX, frameTimesSchema } from '@doorsill/contract/console-messages';
import { failure } from '@doorsill/contract/errors';
import { parseFragment, parseInit } from '@doorsill/contract/media/fragment';
import type { Window } from '@doorsill/contract/shared-claims';
import { z } from 'zod';
import { type Segment, wallTimeUs } from '../camera/segment.ts';
import type { Ring } from '../ring/ring-interface.ts';
import type { LocalRouter } from './local-router.ts';
import { momentSchema } from './moment-schema.ts';
import type { PictureAccess } from './picture-access.ts';
import { bindToView } from './view-answer.ts';

export interface FrameRoutesDeps {
  access: PictureAccess;
  ring: Pick<Ring, 'read'>;
}

const spanSchema = z.strictObject({ fromUs: momentSchema, toUs: momentSchema });

export function frameRoutes(router: LocalRouter, { access, ring }: FrameRoutesDeps): void {
  router.route(
    {
      method: 'GET',
      path: '/api/v1/frames',
      roles: ['owner', 'viewer'],
      query: spanSchema,
      answer: frameTimesSchema,
      about: 'Wall times of the frames from `fromUs` on and before `toUs`, in microseconds, at most half a minute.',
    },
    async ({ caller, query: { fromUs, toUs }, reply }) => {
      if (toUs <= fromUs) throw failure('http_body_invalid', { detail: 'toUs: it must lie behind fromUs' });
      if (toUs - fromUs > FRAME_SPAN_US_MAX) {
        throw failure('console_span_too_long', { seconds: FRAME_SPAN_US_MAX / 1_000_000 });
      }
      const signal = bindToView(reply, await access.open(caller, 'history'));
      const frames = await framesIn(ring.read({ startUs: fromUs, endUs: toUs }), { startUs: fromUs, endUs: toUs });
      signal.throwIfAborted();
      return { frames };
    },
  );
}

async function framesIn(segments: AsyncIterable<Segment>, { startUs, endUs }: Window): Promise<number[]> {
  const frames = new Set<number>();
  for await (const { init, fragment, wallOffsetUs } of segments) {
    const info = parseInit(init);
    for (const { pts } of parseFragment(info, fragment).video) {
      const frameUs = wallTimeUs(pts, info.video.timescale, wallOffsetUs);
      if (frameUs >= startUs && frameUs < endUs) frames.add(frameUs);
    }
  }
  return [...frames].sort((a, b) => a - b);
}
