// Few encoded frames are kept in memory, many are encoded a second time, with the same result; and no encoder runs on when the reader
// stops.
import { describe, expect, it, vi } from 'vitest';
import { type EncodeAll, encodeOnce } from '../../../device/clip/encoded-sample-buffer.ts';
import { failure } from '../../../device/contract/errors.ts';

/** An encoder of `count` frames; counts its runs, and those in progress. */
function encoder(count: number) {
  const runs = { started: 0, running: 0, frames: 0 };
  const encode: EncodeAll<string> = async (onSample, signal) => {
    runs.started += 1;
    runs.running += 1;
    try {
      for (let at = 0; at < count; at += 1) {
        signal.throwIfAborted();
        runs.frames += 1;
        await onSample({ bytes: Uint8Array.of(0, 0, 0, 4, 0x65, 0xb8, at, 1), key: at === 0 });
      }
    } finally {
      runs.running -= 1;
    }
    return 'facts';
  };
  return { encode, runs };
}

async function read(samples: AsyncIterable<Uint8Array>): Promise<number[]> {
  const found: number[] = [];
  for await (const sample of samples) found.push(sample[6] ?? -1);
  return found;
}

const never = new AbortController().signal;
const all = Array.from({ length: 100 }, (_, at) => at);

describe('encoded frames', () => {
  it('are kept in memory if they are few', async () => {
    const { encode, runs } = encoder(100);
    const frames = await encodeOnce(encode, 10_000, never, 10_000);
    expect(await read(frames.read(never))).toEqual(all);
    expect(runs.started).toBe(1);
    expect(frames.keys).toEqual([0]);
    expect(frames.sizes).toEqual(all.map(() => 8));
  });

  it('are encoded again if they are many', async () => {
    const { encode, runs } = encoder(100);
    const frames = await encodeOnce(encode, 10_000, never, 300);
    expect(await read(frames.read(never))).toEqual(all);
    expect(runs).toMatchObject({ started: 2, running: 0 });
  });

  it('are refused if the second encoding differs', async () => {
    let size = 4;
    const encode: EncodeAll<string> = async (onSample) => {
      for (let at = 0; at < 9; at += 1) await onSample({ bytes: new Uint8Array(size + 4).fill(0xb8), key: false });
      size += 1;
      return 'facts';
    };
    const frames = await encodeOnce(encode, 10_000, never, 10);
    await expect(read(frames.read(never))).rejects.toMatchObject({ code: 'clip_not_exact' });
  });

  it('stop being encoded when the reader stops', async () => {
    const { encode, runs } = encoder(100);
    const frames = await encodeOnce(encode, 10_000, never, 300);
    const reader = frames.read(never);
    await reader.next();
    // The encoder runs ahead until it has to wait for the reader.
    await vi.waitFor(() => expect(runs.frames).toBe(109));
    await reader.return(undefined);
    expect(runs.running).toBe(0);
    expect(runs.frames).toBe(109);
  });

  it('stop being encoded when the grant ends', async () => {
    const { encode, runs } = encoder(100);
    const frames = await encodeOnce(encode, 10_000, never, 300);
    const ended = new AbortController();
    const reader = frames.read(ended.signal);
    await reader.next();
    ended.abort(failure('grant_dead', { detail: 'it was revoked' }));
    await expect(read(reader)).rejects.toMatchObject({ code: 'grant_dead' });
    expect(runs.running).toBe(0);
  });

  it('are refused as soon as they exceed the byte limit', async () => {
    const { encode, runs } = encoder(100);
    await expect(encodeOnce(encode, 100, never)).rejects.toMatchObject({ code: 'clip_over_limit' });
    expect(runs.frames).toBe(13);
  });
});
