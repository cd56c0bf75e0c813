import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { RtpWatch } from '../../../device/camera/rtp-watch.ts';
import { RtspFilter } from '../../../device/camera/rtsp-relay.ts';
import { sdp } from './support/rtsp-camera.ts';

const FRAME_MS = 40;
const VIDEO = 96;

/** A camera of 25 pictures a second, two packets each, with adjustable clock and counter. */
class Camera {
  readonly clock = new ManualClock(0);
  readonly watch = new RtpWatch(this.clock);
  sequence = 65_500;
  ticks = 2 ** 32 - 200_000;
  source = 7;
  private frame = 0;

  constructor() {
    this.watch.described(sdp());
  }

  packet(isLast: boolean, type = VIDEO): Buffer {
    const bytes = Buffer.alloc(60, this.frame % 250);
    bytes[0] = 0x80;
    bytes[1] = type | (isLast ? 0x80 : 0);
    bytes.writeUInt16BE(this.sequence & 0xffff, 2);
    bytes.writeUInt32BE(((this.ticks % 2 ** 32) + 2 ** 32) % 2 ** 32, 4);
    bytes.writeUInt32BE(this.source, 8);
    this.sequence += 1;
    return bytes;
  }

  /** Sends a picture; returns whether all of it passed. */
  picture(): boolean {
    const passed = [this.packet(false), this.packet(true)].map((bytes) => this.watch.passes(0, bytes));
    this.frame += 1;
    this.ticks += FRAME_MS * 90;
    return passed.every(Boolean);
  }

  /** Sends pictures, each at its time; returns how many passed. */
  async films(seconds: number): Promise<number> {
    let passed = 0;
    for (let left = (seconds * 1_000) / FRAME_MS; left > 0; left -= 1) {
      passed += this.picture() ? 1 : 0;
      await this.clock.advance(FRAME_MS);
    }
    return passed;
  }

  /** Sends this many buffered pictures at once. */
  async stalls(seconds: number): Promise<number> {
    await this.clock.advance(seconds * 1_000);
    let passed = 0;
    for (let left = (seconds * 1_000) / FRAME_MS; left > 0; left -= 1) passed += this.picture() ? 1 : 0;
    return passed;
  }

  get found() {
    const { lost, stillUs, jumpUs } = this.watch;
    return { lost, stillUs, jumpUs };
  }
}

const WELL = { lost: 0, stillUs: 0, jumpUs: null };

describe('packets of a working camera', () => {
  it('all pass without a finding, although numbers and times wrap', async () => {
    const camera = new Camera();
    expect(await camera.films(60)).toBe(1_500);
    expect(camera.found).toEqual(WELL);
  });

  it('show no fault when the network stalls and catches up, again and again', async () => {
    const camera = new Camera();
    for (let times = 0; times < 5; times += 1) {
      expect(await camera.films(4)).toBe(100);
      expect(await camera.stalls(6)).toBe(150);
    }
    expect(camera.found).toEqual(WELL);
  });

  it('show no fault when it begins with buffered pictures, or its clock runs a little fast or slow', async () => {
    for (const share of [0.9995, 1.0005]) {
      const camera = new Camera();
      await camera.stalls(5);
      for (let left = 0; left < 5_000; left += 1) {
        camera.picture();
        await camera.clock.advance(FRAME_MS * share);
      }
      expect(camera.found).toEqual(WELL);
    }
  });

  it('show no fault when pictures are not in display order', async () => {
    const camera = new Camera();
    const { ticks } = camera;
    for (let at = 0; at < 600; at += 1) {
      camera.ticks = ticks + (at + ([2, -1, -1][at % 3] ?? 0)) * FRAME_MS * 90;
      camera.picture();
      await camera.clock.advance(FRAME_MS);
    }
    expect(camera.found).toEqual(WELL);
  });

  it('show no fault when this machine’s clock is set, or it slept', async () => {
    const camera = new Camera();
    await camera.films(10);
    camera.clock.setWallUs(camera.clock.wallUs() - 3_600_000_000);
    await camera.films(10);
    // While it sleeps, its monotonic clock stands still.
    camera.ticks += 90_000 * 30;
    camera.clock.setWallUs(camera.clock.wallUs() + 30_000_000);
    await camera.films(10);
    expect(camera.found).toEqual(WELL);
  });

  it.each([
    ['leaves its numbers as they are', -1],
    ['leaves out every other number', 1],
  ])('show no loss when a camera %s: its numbers are wrong', (_what, step) => {
    const camera = new Camera();
    for (let left = 200; left > 0; left -= 1) {
      expect(camera.watch.passes(0, camera.packet(true))).toBe(true);
      camera.sequence += step;
      camera.ticks += 1;
    }
    expect(camera.found.lost).toBe(0);
  });

  it('may restart with another source', async () => {
    const camera = new Camera();
    await camera.films(5);
    Object.assign(camera, { source: 8, ticks: 5, sequence: 20_000 });
    expect(await camera.films(5)).toBe(125);
    expect(camera.found).toEqual(WELL);
  });
});

describe('packets of a faulty camera', () => {
  it('count as lost if they do not come, and once if they come late', async () => {
    const camera = new Camera();
    await camera.films(1);
    camera.sequence += 3;
    await camera.films(1);
    expect(camera.found.lost).toBe(3);
    const late = camera.packet(false);
    await camera.films(1);
    camera.watch.passes(0, late);
    await camera.films(1);
    expect(camera.found.lost).toBe(4);
  });

  it('pass once if they are repeated', () => {
    const camera = new Camera();
    const packet = camera.packet(true);
    expect([packet, Buffer.from(packet), camera.packet(true)].map((bytes) => camera.watch.passes(0, bytes))).toEqual([
      true,
      false,
      true,
    ]);
  });

  it.each([
    ['forward', 10],
    ['forward by a little', 2],
    ['back', -2],
    ['back by hours', -7_200],
  ])('do not pass after its clock jumps %s', async (_way, seconds) => {
    const camera = new Camera();
    expect(await camera.films(8)).toBe(200);
    camera.ticks += seconds * 90_000;
    expect(await camera.films(8)).toBe(0);
    expect(Math.abs((camera.found.jumpUs ?? 0) / 1_000_000 - seconds)).toBeLessThan(0.2);
    // Nor do its sound's packets, which would be dated by that clock.
    expect(camera.watch.passes(2, camera.packet(true, 97))).toBe(false);
  });

  it('show a stopped clock after a while, until it continues', async () => {
    const camera = new Camera();
    await camera.films(8);
    const { ticks } = camera;
    for (let left = 0; left < 50; left += 1) {
      camera.ticks = ticks;
      camera.picture();
      if (left === 30) expect(camera.found.stillUs).toBe(0);
      await camera.clock.advance(FRAME_MS);
    }
    expect(camera.found.stillUs).toBeGreaterThan(1_500_000);
    camera.ticks = ticks + 50 * FRAME_MS * 90;
    expect(await camera.films(4)).toBe(100);
    expect(camera.found).toEqual(WELL);
  });

  it('show nothing about sound, RTCP and other packets', async () => {
    const camera = new Camera();
    for (const bytes of [camera.packet(true, 97), Buffer.alloc(12), Buffer.alloc(3), Buffer.from([0x80, 200, 0, 6])]) {
      expect(camera.watch.passes(4, bytes)).toBe(true);
      await camera.clock.advance(60_000);
    }
    expect(camera.found).toEqual(WELL);
  });
});

describe('a relay that watches', () => {
  it('learns the video’s payload types from the description, and forwards nothing after a jump', async () => {
    const camera = new Camera();
    const watch = new RtpWatch(camera.clock);
    const filter = new RtspFilter(watch);
    const body = sdp();
    const described = `RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    expect(filter.push(Buffer.from(described))).toHaveLength(1);
    const send = () => {
      const packet = camera.packet(true);
      camera.ticks += 90_000;
      return filter.push(Buffer.concat([Buffer.from([0x24, 0, 0, packet.length]), packet])).length;
    };
    for (let left = 8; left > 0; left -= 1) {
      expect(send()).toBe(1);
      await camera.clock.advance(1_000);
    }
    camera.ticks -= 900_000;
    expect(send()).toBe(0);
    expect(watch.jumpUs).toBeLessThan(-8_000_000);
  });
});
