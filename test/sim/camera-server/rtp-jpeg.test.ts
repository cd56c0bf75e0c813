import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { concatBytes } from '../../../device/contract/bytes.ts';
import { jpegPayloads } from '../../../sim/camera-server/rtp-jpeg.ts';

const run = promisify(execFile);
const ffmpeg = await findFfmpeg();

async function jpeg(size: string): Promise<Buffer> {
  const drawn = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=1`, '-frames:v', '1', '-pix_fmt', 'yuvj420p'];
  const made = ['-c:v', 'mjpeg', '-huffman', 'default', '-q:v', '3', '-f', 'image2pipe', 'pipe:1'];
  const { stdout } = await run(ffmpeg.path, ['-v', 'error', ...drawn, ...made], { encoding: 'buffer' });
  return stdout;
}

describe('a JPEG as payloads', () => {
  it.each(['640x360', '320x184'])('of %s can be reassembled, with size and tables (RFC 2435 §3.1)', async (size) => {
    const bytes = await jpeg(size);
    const payloads = jpegPayloads(bytes, 1_388);
    expect(payloads.length).toBeGreaterThan(3);
    expect(payloads.every(({ length }) => length <= 1_388)).toBe(true);
    const [width = 0, height = 0] = size.split('x').map(Number);
    let scan: Uint8Array = new Uint8Array();
    for (const [at, payload] of payloads.entries()) {
      const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
      expect(view.getUint32(0)).toBe(scan.length);
      expect([...payload.subarray(4, 8)]).toEqual([1, 255, width / 8, height / 8]);
      if (at === 0) {
        expect(view.getUint32(8)).toBe(128);
        expect(bytes.includes(Buffer.from(payload.subarray(12, 76)))).toBe(true);
        expect(bytes.includes(Buffer.from(payload.subarray(76, 140)))).toBe(true);
      }
      scan = concatBytes([scan, payload.subarray(at === 0 ? 140 : 8)]);
    }
    expect(bytes.subarray(-2 - scan.length, -2).equals(scan)).toBe(true);
  });

  it('is empty for JPEGs that RFC 2435 does not support, and for other data', async () => {
    const bytes = await jpeg('64x64');
    const changed = (from: number[], to: number[]) => {
      const at = bytes.indexOf(Buffer.from(from));
      expect(at).toBeGreaterThan(0);
      const other = Buffer.from(bytes);
      other.set(to, at);
      return other;
    };
    expect(jpegPayloads(bytes, 1_388).length).toBeGreaterThan(0);
    // Progressive, too wide, sampled otherwise, without tables.
    expect(jpegPayloads(changed([0xff, 0xc0], [0xff, 0xc2]), 1_388)).toEqual([]);
    expect(jpegPayloads(changed([8, 0, 64, 0, 64, 3], [8, 0, 64, 8, 64, 3]), 1_388)).toEqual([]);
    expect(jpegPayloads(changed([3, 1, 0x22], [3, 1, 0x41]), 1_388)).toEqual([]);
    expect(jpegPayloads(changed([0xff, 0xdb], [0xff, 0xe5]), 1_388)).toEqual([]);
    for (const length of [0, 2, 10, 30]) expect(jpegPayloads(bytes.subarray(0, length), 1_388)).toEqual([]);
    expect(jpegPayloads(Uint8Array.of(0, 0, 0, 1, 0x65), 1_388)).toEqual([]);
  });
});
