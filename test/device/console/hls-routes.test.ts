import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import type { ViewRight } from '../../../device/contract/console-messages.ts';
import { FOOTAGE_START_US as START_US } from '../clip/support/segmenter.ts';
import { PictureServer, recordedSeconds } from './support/picture-server.ts';

let recorded: Segment[];
let clock: ManualClock;
let server: PictureServer;
beforeAll(async () => {
  recorded = await recordedSeconds();
});
beforeEach(async () => {
  // Six seconds were recorded up to now.
  clock = new ManualClock(START_US + 6_000_000);
  server = await PictureServer.start(recorded, { clock });
});
afterEach(() => server.stop());

async function get(path: string, rights: ViewRight[]): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${server.url}/api/v1/${path}`, { headers: server.viewer('guest', rights) });
  return { status: answer.status, text: Buffer.from(await answer.arrayBuffer()).toString('latin1') };
}

const piece = (second: number, part = 'fragment.m4s') =>
  `hls/${part}?startUs=${START_US + second * 1_000_000}&zeroUs=${START_US}`;
const footage = `footage.m3u8?fromUs=${START_US}&toUs=${START_US + 6_000_000}`;

describe('HLS', () => {
  it('gives the live playlist with the right live, a span’s playlist with the right history', async () => {
    for (const [path, needed] of [
      ['live.m3u8', 'live'],
      [footage, 'history'],
    ] as const) {
      for (const right of ['live', 'stills', 'history'] as const) {
        const { status, text } = await get(path, [right]);
        expect([path, right, status]).toEqual([path, right, right === needed ? 200 : 403]);
        expect(text.includes('fragment.m4s')).toBe(right === needed);
      }
    }
  });

  it('gives a current segment with the right live or history, and records which', async () => {
    expect((await get(piece(2), ['live'])).status).toBe(200);
    expect((await get(piece(2, 'init.mp4'), ['history'])).status).toBe(200);
    expect((await get(piece(2), ['stills'])).status).toBe(403);
    expect(server.looks).toEqual(['guest live', 'guest history']);
  });

  it('shows an older piece to who may see history alone, also when nothing newer was recorded', async () => {
    clock.setWallUs(START_US + 60_000_000);
    expect((await get(piece(5), ['live'])).status).toBe(403);
    expect((await get(piece(5), ['live', 'history'])).status).toBe(200);
  });

  it('treats no segment from the future, by a clock that was set back, as live', async () => {
    clock.setWallUs(START_US - 3_600_000_000);
    expect((await get(piece(5), ['live'])).status).toBe(403);
  });

  it('has no live playlist when the camera has stopped', async () => {
    clock.setWallUs(START_US + 60_000_000);
    const { status, text } = await get('live.m3u8', ['live']);
    expect([status, text.includes('console_not_recording')]).toEqual([503, true]);
  });

  it('gives nothing while privacy is on, or when the look cannot be recorded', async () => {
    server.privacy(true);
    for (const path of ['live.m3u8', footage, piece(2)]) {
      const { status, text } = await get(path, ['live', 'history']);
      expect([status, text.includes('console_privacy_on')]).toEqual([409, true]);
    }
    server.privacy(false);
    server.noting = () => Promise.reject(new Error('no disk'));
    expect((await get(piece(2), ['live'])).text).not.toContain('moof');
  });
});
