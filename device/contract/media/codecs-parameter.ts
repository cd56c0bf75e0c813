// The `codecs` parameter of a media type (RFC 6381 §3.3), which a browser needs before it can play a stream.
import { toHex } from '../bytes.ts';
import type { InitInfo } from './init-segment.ts';

/** `avc1.42c01f`, or `avc1.42c01f,mp4a.40.2` with sound: profile and level of the first parameter set, AAC's object type. */
export function codecsParameter({ video, audio }: InitInfo): string {
  const [sps] = video.avc?.sps ?? [];
  const picture = `avc1.${toHex(sps?.subarray(1, 4) ?? new Uint8Array())}`;
  const [first] = audio?.audioSpecificConfig ?? [];
  return first === undefined ? picture : `${picture},mp4a.40.${first >> 3}`;
}
