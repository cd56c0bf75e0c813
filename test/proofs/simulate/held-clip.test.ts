// Every forged clip is found by the check that it is named after, and an honest one by none.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { Cast } from '../../support/parties.ts';
import { plainMp4 } from '../../support/plain-mp4.ts';
import { FRAME_US } from './ffmpeg-twin.ts';
import { FORGERIES, forgeClip } from './forged-clip.ts';
import { readHeldClip } from './held-clip.ts';
import { statementOf } from './support/statement-of.ts';

const clock = new ManualClock(Date.UTC(2026, 9, 5, 11) * 1_000);
const random = new SeededRandom(1);
const cast = new Cast(clock, random);
const vault = generateSealingKey(random);
const sealing = { key: vault.publicKey, keeper: 'vault' } as const;
const FRAMES = 10;
const plain = plainMp4({
  frames: FRAMES,
  audioPackets: 0,
  frameBytes: 500,
  frameTicks: (FRAME_US * 90_000) / 1_000_000,
});

const requestToken = cast.request();
const { startUs } = cast.window();
const grant = {
  ...{ jti: 'grant-1', window: { startUs, endUs: startUs + FRAMES * FRAME_US }, disclose: [], audio: false },
  recipient: { kind: 'agency', key: cast.agency.key.publicKey, sealing },
} as const;
const grantToken = cast.grant(requestToken, grant);

async function held(forgery: (typeof FORGERIES)[number] | null, clip?: Uint8Array) {
  const of = { jti: 'grant-1', token: grantToken };
  const sealed = await forgeClip(forgery, of, sealing, { clock, random, ...(clip ? { clip } : {}) });
  const stated = { requestToken, grantToken, content: clip ?? new Uint8Array(2_048), frames: FRAMES, sealed };
  return { file: sealed.file, token: statementOf(cast, { clock, random }, stated) };
}

it.each(FORGERIES)('finds a forged clip: %s', async (forgery) => {
  const { file, token } = await held(forgery);
  expect(await readHeldClip(file, token, [vault])).toMatchObject({ outcome: forgery, good: null });
});

it('opens an honest one, and only with its key', async () => {
  const { file, token } = await held(null, plain);
  const { outcome, good } = await readHeldClip(file, token, [generateSealingKey(random), vault]);
  expect([outcome, good?.disclosed]).toEqual(['as-granted', {}]);
  expect(Buffer.compare(good?.clip ?? new Uint8Array(0), plain)).toBe(0);
  expect(await readHeldClip(file, token, [])).toMatchObject({ outcome: 'key', good: null });
});

it('takes a clip that is not encrypted as it is, and refuses another file', async () => {
  const unsealed = cast.grant(requestToken, {
    ...grant,
    recipient: { kind: 'agency', key: cast.agency.key.publicKey },
  });
  const stated = { requestToken, grantToken: unsealed, content: plain, frames: FRAMES };
  const token = statementOf(cast, { clock, random }, stated);
  expect(await readHeldClip(plain, token, [])).toMatchObject({ outcome: null, good: { clip: plain, disclosed: {} } });
  await expect(readHeldClip(plain.subarray(1), token, [])).rejects.toMatchObject({ code: 'verify_failed' });
});
