import { describe, expect, it } from 'vitest';
import { chooseFormat, parseFormats, printSizes, type Wanted } from '../../../device/camera/v4l2-formats.ts';

const tagged = (line: string) => `[video4linux2,v4l2 @ 0x558acaa5d2c0] [info] ${line}`;

/** As ffmpeg printed them: a test driver, a loopback without and with a feeder, and cameras as their makers build them. */
const LISTINGS = {
  vivid: [
    'Raw       :     yuyv422 :           YUYV 4:2:2 : 320x180 640x360 640x480 1280x720 1920x1080 3840x2160',
    'Raw       : Unsupported :           YVYU 4:2:2 : 320x180 640x360 640x480 1280x720 1920x1080 3840x2160',
    'Raw       :        nv12 :           Y/UV 4:2:0 : 320x180 640x360 640x480 1280x720 1920x1080 3840x2160',
    'Raw       : bayer_bggr8 : 8-bit Bayer BGBG/GRGR : 320x180 640x360 640x480 1280x720 1920x1080 3840x2160',
  ],
  loopback: [
    'Raw       :        bgr0 : 32-bit BGRA/X 8-8-8-8 : {2-8192, 1}x{1-8192, 1}',
    'Raw       :     yuyv422 :           YUYV 4:2:2 : {2-8192, 2}x{1-8192, 1}',
  ],
  fed: ['Compressed:       mjpeg :          Motion-JPEG : 640x360'],
  usb: [
    'Compressed:       mjpeg :          Motion-JPEG : 1920x1080 1280x720 640x480',
    'Raw       :     yuyv422 :           YUYV 4:2:2 : 640x480 320x240',
  ],
  h264: [
    'Raw       :     yuyv422 :           YUYV 4:2:2 : 640x480 1280x720 640x360',
    'Compressed:       mjpeg :          Motion-JPEG : 640x480 1280x720',
    'Compressed:        h264 :                H.264 : 640x480 1280x720',
  ],
  small: ['Raw       :     yuyv422 :           YUYV 4:2:2 : 352x288 640x480 320x240'],
  both: ['Raw       :     yuyv422 :           YUYV 4:2:2 : 1280x1024 640x480'],
  large: ['Raw       :     yuyv422 :           YUYV 4:2:2 : 3840x2160 1920x1080'],
  bayer: ['Raw       : bayer_bggr8 : 8-bit Bayer BGBG/GRGR : 640x480'],
  odd: ['Compressed: Unsupported :                 HEVC : 640x480'],
  none: [],
} as const;

const offered = (name: keyof typeof LISTINGS) => parseFormats(LISTINGS[name].map(tagged));
const ANY: Wanted = { size: null, format: null };
const of = (width: number, height: number, format: Wanted['format'] = null): Wanted => ({
  size: { width, height },
  format,
});

describe('the format of a wired camera', () => {
  it.each([
    ['vivid', ANY, 'yuyv422 1280x720'],
    ['vivid', of(640, 360), 'yuyv422 640x360'],
    ['loopback', ANY, 'yuyv422 1280x720'],
    ['fed', ANY, 'mjpeg 640x360'],
    ['usb', ANY, 'mjpeg 1280x720'],
    ['usb', of(640, 480), 'mjpeg 640x480'],
    ['usb', of(320, 240), 'yuyv422 320x240'],
    ['usb', of(640, 480, 'raw'), 'yuyv422 640x480'],
    ['usb', { size: null, format: 'raw' }, 'yuyv422 640x480'],
    ['h264', ANY, 'h264 1280x720'],
    ['h264', of(640, 480), 'h264 640x480'],
    ['h264', of(640, 480, 'mjpeg'), 'mjpeg 640x480'],
    ['h264', of(640, 360), 'yuyv422 640x360'],
    ['small', ANY, 'yuyv422 640x480'],
    ['both', ANY, 'yuyv422 640x480'],
    ['large', ANY, 'yuyv422 1920x1080'],
  ] as const)('of %s asked for %j is %s', (name, wanted, expected) => {
    const chosen = chooseFormat(offered(name), wanted);
    expect(typeof chosen === 'string' ? chosen : `${chosen.name} ${chosen.width}x${chosen.height}`).toBe(expected);
  });

  it.each([
    ['usb', of(800, 600), 'it has no 800x600; it offers mjpeg 1920x1080 1280x720 640x480, yuyv422 640x480 320x240'],
    ['fed', of(640, 360, 'raw'), 'it has no raw; it offers mjpeg 640x360'],
    ['loopback', of(641, 360, 'raw'), 'it has no 641x360; it offers yuyv422 up to 8192x8192'],
    ['bayer', ANY, 'it has no format that is known here; it offers bayer_bggr8 640x480'],
    ['odd', ANY, 'it has no format that is known here; it offers nothing'],
    ['none', ANY, 'it has no format that is known here; it offers nothing'],
  ] as const)('of %s asked for %j is refused with what there is', (name, wanted, expected) => {
    expect(chooseFormat(offered(name), wanted)).toBe(expected);
  });

  it('is parsed from no other line', () => {
    expect(
      parseFormats(['[info] Input #0, video4linux2,v4l2, from x:', 'Raw : x', '[error] Raw : : : ', 'Raw']),
    ).toEqual([]);
  });

  it('is chosen among a bounded number of lines and sizes', () => {
    const many = Array.from({ length: 1_000 }, (_, n) => `Raw : f${n} : name : ${'64x64 '.repeat(1_000)}`);
    const found = parseFormats(many);
    expect(found).toHaveLength(256);
    expect(Math.max(...found.map(({ sizes }) => sizes.length))).toBe(256);
  });
});

describe('the sizes of a camera', () => {
  it('are each once, smallest first, of the formats that can be recorded', () => {
    expect(printSizes(offered('h264'))).toEqual(['640x360', '640x480', '1280x720']);
    expect(printSizes(offered('usb'))).toEqual(['320x240', '640x480', '1280x720', '1920x1080']);
    expect(printSizes(offered('bayer'))).toEqual([]);
    expect(printSizes(offered('none'))).toEqual([]);
  });

  it('are the usual ones of a camera that lists ranges', () => {
    expect(printSizes(offered('loopback'))).toEqual(['640x480', '1280x720', '1920x1080']);
  });
});
