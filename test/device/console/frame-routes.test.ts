// Holds: the times of a span's frames, exactly as recorded, for callers who may see that footage only.
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Segment } from '../../../device/camera/segment.ts';
import { frameTimesSchema } from '../../../device/contract/console-messages.ts';
import { FOOTAGE_START_US as START_US } from '../clip/support/segmenter.ts';
import { PictureServer, recordedSeconds } from './support/picture-server.ts';

let recorded: Segment[];
let server: PictureServer;
let tablet: Record<string, string>;
beforeAll(async () => {
  recorded = await recordedSeconds();
});
beforeEach(async () => {
  server = await PictureServer.start(recorded);
  tablet = server.viewer();
});
afterEach(() => server.stop());

async function frames(fromUs: number, toUs: number, headers = tablet) {
  const answer = await fetch(`${server.url}/api/v1/frames?fromUs=${fromUs}&toUs=${toUs}`, { headers });
  const json: unknown = await answer.json();
  const times = frameTimesSchema.safeParse(json);
  return { status: answer.status, frames: times.success ? times.data.frames : [], json };
}

describe('the frames of a span', () => {
  it('have their exact times, from the start on and before the end', async () => {
    const all = await frames(START_US, START_US + 6_000_000);
    expect(all.frames).toHaveLength(90);
    expect(all.frames[0]).toBe(START_US);
    expect(all.frames[1]).toBe(START_US + 66_667);
    const [, second, third] = all.frames;
    expect((await frames(second ?? 0, third ?? 0)).frames).toEqual([second]);
    expect((await frames((second ?? 0) + 1, (third ?? 0) + 1)).frames).toEqual([third]);
  });

  it('are none if nothing was recorded', async () => {
    expect(await frames(START_US - 9_000_000, START_US - 8_000_000)).toMatchObject({ status: 200, frames: [] });
  });

  it('are limited to half a minute, in forward order', async () => {
    expect(await frames(START_US, START_US + 30_000_001)).toMatchObject({
      status: 400,
      json: { code: 'console_span_too_long' },
    });
    expect(await frames(START_US, START_US)).toMatchObject({ status: 400, json: { code: 'http_body_invalid' } });
  });

  it('are refused without the right to recorded footage, and while privacy is on', async () => {
    const live = server.viewer('hall', ['live', 'stills']);
    expect(await frames(START_US, START_US + 1, live)).toMatchObject({
      status: 403,
      json: { code: 'console_right_missing' },
    });
    expect((await frames(START_US, START_US + 1, {})).status).toBe(401);
    server.privacy(true);
    expect(await frames(START_US, START_US + 1)).toMatchObject({ status: 409, json: { code: 'console_privacy_on' } });
    expect(server.looks).toEqual([]);
  });

  it('count as a look, and are recorded like any other', async () => {
    await frames(START_US, START_US + 1_000_000);
    expect(server.looks).toEqual(['tablet history']);
  });
});
