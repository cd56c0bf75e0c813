import { isFailure } from '@doorsill/contract/errors';
import type { DeviceClient } from './device-client.ts';
import { canDecodeStills, decodeStill } from './still-decoder.ts';
import type { Still } from './still-fetcher.ts';

/** Becomes false when this browser fails to decode the camera's footage. */
let decodesHere = canDecodeStills();

/**
 * The picture of a recorded moment, at most `widthMax` pixels wide: decoded here if the browser can, else by the device. Throws the
 * device's refusal, or the signal's reason.
 */
export async function momentStill(
  client: DeviceClient,
  us: number,
  { precision, widthMax }: { precision: 'key' | 'exact'; widthMax: number },
  signal: AbortSignal,
): Promise<Still> {
  const atUs = Math.round(us);
  if (decodesHere) {
    const fetch = (fromUs: number, range: string | null, ending: AbortSignal) =>
      client.fetch(`/api/v1/footage.mp4?fromUs=${fromUs}&toUs=${fromUs + 1}`, ending, range === null ? {} : { range });
    try {
      return await decodeStill({ fetch, widthMax }, atUs, precision, signal);
    } catch (thrown) {
      if (signal.aborted || isFailure(thrown)) throw thrown;
      decodesHere = false;
    }
  }
  const query = new URLSearchParams({ atUs: String(atUs), precision, width: String(widthMax) });
  const answer = await client.fetch(`/api/v1/snapshot.jpg?${query}`, signal);
  return { blob: await answer.blob(), atUs: Number(answer.headers.get('x-doorsill-at-us')) };
}
