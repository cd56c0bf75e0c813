// False statements of a device about a clip are refused by the bridge, each with its own code, and by `verify`; those visible in the
// documents are refused before a byte of the clip is accepted.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyClip } from '../../../device/clip/verify-clip.ts';
import { Window } from '../../../device/contract/shared-claims.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { claimsOf } from '../../support/parties.ts';
import { type PlainClip, plainMp4 } from '../../support/plain-mp4.ts';

let fixture: BridgeFixture;
let request: string;
beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
});
afterAll(() => fixture.close());

const SECOND_US = 1_000_000;
type Span = [number, number];

/** A lie: the document's claims, in seconds after the window's start, and the clip. */
interface Lie {
  windowS?: number;
  zones?: boolean;
  says?: { frames?: number; audioPackets?: number; method?: string; encodedFrames?: number; redacted?: boolean };
  coverage?: Span;
  gaps?: Span[];
  clip?: Partial<PlainClip>;
}

/** Ten seconds, of which the clip has the first two: 30 frames with sound; the rest is a gap. */
function parcelOf({ windowS = 10, zones = false, says, coverage = [0, 2], gaps = [[2, windowS]], clip }: Lie): Parcel {
  const asked = Window.parse(claimsOf(request)['window']);
  const startUs = asked.startUs + 60 * SECOND_US;
  const at = ([from, to]: Span) => ({ startUs: startUs + from * SECOND_US, endUs: startUs + to * SECOND_US });
  const { frames = 30, audioPackets = 12 } = says ?? {};
  return fixture.parcel(request, {
    clip: plainMp4({ frames, audioPackets, ...clip }),
    grant: {
      window: at([0, windowS]),
      zones: zones ? [{ left: 0, top: 0, width: 5_000, height: 5_000 }] : [],
    },
    manifest: { ...says, coverage: at(coverage), gaps: gaps.map(at) },
  });
}

/** The bridge's answers to documents and to bytes, and those of `verify` by manifest and by statement. */
async function saidOf(lie: Lie): Promise<{ bridge: string; verify: string; statement: string }> {
  const parcel = parcelOf(lie);
  const opened = await fixture.openIntake(parcel);
  const sent = opened.status === 200 ? await fixture.deliver(parcel) : null;
  const bytes = sent === null || sent.status === 204 ? '' : `bytes: ${sent.body['code']}`;
  const bridge = sent === null ? `papers: ${opened.body['code']}` : bytes || 'taken';
  const [verify, statement] = [parcel.manifestToken, parcel.statement].map((token) => verified(parcel.clip, token));
  return { bridge, verify: (await verify) ?? '', statement: (await statement) ?? '' };
}

function verified(clip: Uint8Array, token: string): Promise<string> {
  return verifyClip(once(clip), token).then(
    () => 'taken',
    (thrown: { code?: string }) => String(thrown.code),
  );
}

async function* once(bytes: Uint8Array) {
  yield bytes;
}

const LIES: [string, string, Lie][] = [
  [
    '9,000 frames for a window of ten seconds',
    'papers: intake_frame_count',
    { says: { frames: 9_000 }, coverage: [0, 10], gaps: [], clip: { frameTicks: 100 } },
  ],
  ['an hour of sound for ten seconds', 'papers: intake_frame_count', { says: { audioPackets: 168_750 } }],
  ['30 frames that last an hour', 'bytes: intake_duration', { clip: { frameTicks: 120 * 90_000 } }],
  ['30 frames that go on after what they cover', 'bytes: intake_duration', { clip: { frameTicks: 7_000 } }],
  ['a last frame that is shown for an hour', 'bytes: intake_duration', { clip: { lastTicks: 3_600 * 90_000 } }],
  ['sound that begins when the window has ended', 'bytes: intake_duration', { clip: { audioStart: 480_000 } }],
  [
    'zones blacked out, where no frame was encoded',
    'papers: intake_redaction',
    { zones: true, says: { redacted: true, method: 'copy', encodedFrames: 0 } },
  ],
  [
    'zones blacked out, where one frame was copied',
    'papers: intake_redaction',
    { zones: true, says: { redacted: true, method: 're-encode', encodedFrames: 29 } },
  ],
  [
    'zones blacked out by a smart cut',
    'papers: intake_redaction',
    { zones: true, says: { redacted: true, method: 'smart-cut', encodedFrames: 30 } },
  ],
  ['a copy with encoded frames', 'papers: intake_method', { says: { method: 'copy', encodedFrames: 5 } }],
  ['a smart cut that encoded nothing', 'papers: intake_method', { says: { method: 'smart-cut', encodedFrames: 0 } }],
  ['more encoded frames than there are', 'papers: intake_method', { says: { method: 'smart-cut', encodedFrames: 31 } }],
  ['a re-encoding of a part', 'papers: intake_method', { says: { method: 're-encode', encodedFrames: 5 } }],
  ['coverage of a microsecond', 'papers: intake_coverage', { coverage: [0, 0.000001], gaps: [[0.000001, 10]] }],
  ['coverage of ten seconds by frames for two', 'bytes: intake_coverage', { coverage: [0, 10], gaps: [] }],
  ['a gap over the whole window', 'papers: intake_gaps', { gaps: [[0, 10]] }],
  ['a gap where the clip begins', 'papers: intake_gaps', { gaps: [[0, 0.5]] }],
  ['a gap where the clip ends', 'papers: intake_gaps', { gaps: [[1.5, 10]] }],
  [
    'gaps out of order',
    'papers: intake_gaps',
    {
      gaps: [
        [6, 10],
        [2, 6],
      ],
    },
  ],
  [
    'gaps over each other',
    'papers: intake_gaps',
    {
      gaps: [
        [2, 6],
        [5, 10],
      ],
    },
  ],
  [
    'gaps that leave no time for its frames',
    'papers: intake_gaps',
    {
      gaps: [
        [0.001, 1.999],
        [2, 10],
      ],
    },
  ],
  [
    'a gap in which there are frames',
    'bytes: intake_gaps',
    {
      gaps: [
        [0.3, 1.5],
        [2, 10],
      ],
    },
  ],
];

describe('a lie about a clip is refused', () => {
  it.each(LIES)('%s', async (_what, bridge, lie) => {
    expect(await saidOf(lie)).toMatchObject({ bridge, verify: 'verify_failed' });
  });

  it('also by its statement only, except that gaps are in tenths of a second and touching ones are merged', async () => {
    const byStatement = await Promise.all(
      LIES.map(async ([what, , lie]) => {
        const { clip, statement } = parcelOf(lie);
        return [what, await verified(clip, statement)];
      }),
    );
    expect(byStatement.filter(([, said]) => said === 'taken').map(([what]) => what)).toEqual([
      'a gap where the clip begins',
      'gaps out of order',
      'gaps over each other',
    ]);
  });
});

describe('a clip is accepted', () => {
  it.each<[string, Lie]>([
    ['with a gap behind it', {}],
    [
      'whose last frame is shown for as long as the others, a little beyond its window',
      { windowS: 1.99, coverage: [0, 1.99], gaps: [] },
    ],
    [
      'whose last frame is shown until its window ends',
      { windowS: 2.1, coverage: [0, 2.1], gaps: [], clip: { lastTicks: 15_000 } },
    ],
    [
      'with a pause of which it tells',
      {
        coverage: [0, 3],
        gaps: [
          [1, 2],
          [3, 10],
        ],
        clip: { pause: { at: 15, ticks: 90_000 } },
      },
    ],
    [
      'of one frame',
      { says: { frames: 1, encodedFrames: 1, audioPackets: 0 }, coverage: [0, 0.066_667], gaps: [[0.066_667, 10]] },
    ],
    [
      'of one frame just before its window ends',
      { says: { frames: 1, encodedFrames: 1, audioPackets: 0 }, coverage: [9.999_999, 10], gaps: [[0, 9.999_999]] },
    ],
    [
      'as many frames as a window holds',
      { says: { frames: 2_400, encodedFrames: 1 }, coverage: [0, 10], gaps: [], clip: { frameTicks: 375 } },
    ],
  ])('%s', async (_what, lie) => {
    expect(await saidOf(lie)).toEqual({ bridge: 'taken', verify: 'taken', statement: 'taken' });
  });
});
