// Holds: only the bytes with the hash that a grant will name are played; all others are refused before they are shown.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fetchedClip } from '../../../../device/console-page/requests/preview-clip.ts';
import type { Preview } from '../../../../device/contract/console-messages.ts';

const bytes = new Uint8Array(300_000).map((_, at) => at % 251);
const preview: Preview = {
  ...{ preview: 'preview-1', sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length, frames: 3 },
  ...{ coverage: { startUs: 1, endUs: 2 }, gaps: [], audioPackets: 0, method: 'copy' },
};

/** An answer whose body arrives in pieces. */
function answerOf(body: Uint8Array, size = 70_000, broken = false): () => Promise<Response> {
  return async () =>
    new Response(
      new ReadableStream({
        start(controller) {
          for (let at = 0; at < body.length; at += size) controller.enqueue(body.slice(at, at + size));
          if (broken) controller.error(new TypeError('network error'));
          else controller.close();
        },
      }),
    );
}
const signal = new AbortController().signal;

describe('the clip of a preview', () => {
  it('is returned whole, and its progress is reported', async () => {
    const shares: number[] = [];
    const blob = await fetchedClip(answerOf(bytes), preview, (share) => shares.push(share), signal);
    expect(new Uint8Array(await blob.arrayBuffer())).toEqual(bytes);
    expect(blob.type).toBe('video/mp4');
    expect(shares.at(-1)).toBe(1);
    expect(shares.length).toBeGreaterThan(3);
  });

  it('is refused when one byte differs', async () => {
    const other = bytes.slice();
    other[150_000] = (other[150_000] ?? 0) ^ 1;
    await expect(fetchedClip(answerOf(other), preview, () => undefined, signal)).rejects.toMatchObject({
      code: 'preview_changed',
    });
  });

  it('is refused when it is longer than announced', async () => {
    const longer = new Uint8Array([...bytes, 0]);
    await expect(fetchedClip(answerOf(longer), preview, () => undefined, signal)).rejects.toMatchObject({
      code: 'preview_changed',
    });
  });

  it('fails with preview_ended when it is cut short, and with unreachable when the connection breaks', async () => {
    const part = bytes.slice(0, 100_000);
    await expect(fetchedClip(answerOf(part), preview, () => undefined, signal)).rejects.toMatchObject({
      code: 'preview_ended',
    });
    await expect(fetchedClip(answerOf(part, 70_000, true), preview, () => undefined, signal)).rejects.toMatchObject({
      code: 'unreachable',
    });
  });
});
