// The faults that a camera can have: the name, the value, the effect, and how our device reacts. They are parsed and scheduled in
// faults.ts.

import { JPEG_PIXELS_MAX } from './rtp-jpeg.ts';

/** The kind of value after a fault's `=`. */
export type ValueKind = 'nothing' | 'percent' | 'time' | 'signed-time' | 'ppm' | 'size' | 'text' | 'address';

/**
 * How our device reacts. `exact`: it records every picture that the camera made, byte for byte. `encoded`: it encodes them anew.
 * `reported`: pictures are missing, damaged or undated, and an error code says so. `refused`: it records nothing, and a code says so.
 * `unnoticed`: pictures are missing or damaged, and no code says so.
 */
export type Verdict = 'exact' | 'encoded' | 'reported' | 'refused' | 'unnoticed';

/** ffmpeg's filters and encoder options while a fault lasts. */
export interface PictureChange {
  readonly filters?: readonly string[];
  readonly encoder?: readonly string[];
}

export interface FaultRow {
  /** The part of the camera that performs it. */
  readonly layer: 'picture' | 'stream' | 'packets' | 'service';
  readonly takes: ValueKind;
  /** The default value. */
  readonly usual?: string;
  /** Faults of one group exclude each other. */
  readonly group?: string;
  readonly does: string;
  readonly device: { readonly verdict: Verdict; readonly says: string };
  /** Only for the layer `picture`; `value` is parsed. */
  readonly picture?: (value: FaultValue) => PictureChange;
}

/** A parsed value: a percentage as a fraction, times in microseconds, sizes and texts as written. */
export type FaultValue = number | string;

const luma = (expression: string) => `lutyuv=y='clip(${expression},16,235)'`;
const keyframesEach = (us: FaultValue): readonly string[] => [
  ...['-g', '100000', '-force_key_frames', `expr:gte(t,n_forced*${Number(us) / 1_000_000})`],
];

/** Bright vertical streaks, at new positions in each picture. */
const RAIN = [
  'split[dry][drops]',
  "[drops]lutyuv=y=16:u=128:v=128,noise=c0s=100:c0f=t,lutyuv=y='if(gt(val,90),235,16)',avgblur=sizeX=1:sizeY=9:planes=1,lutyuv=y='clip(val*3-32,16,200)'[wet]",
  '[dry][wet]blend=c0_mode=screen:c1_mode=normal:c2_mode=normal',
].join(';');

/** An out-of-focus body with eight legs that walks over the lens. */
const DISTANCES = ['hypot(X-40,Y-40)', 'abs(abs(X-40)-2.2*abs(Y-40))', 'abs(abs(Y-40)-2.2*abs(X-40))'] as const;
const SPIDER = [
  'null[view]',
  `color=c=black:s=80x80:r=15,format=yuva420p,geq=lum=20:cb=128:cr=128:a='255*max(lt(${DISTANCES[0]},13),lt(${DISTANCES[0]},38)*lt(min(${DISTANCES[1]},${DISTANCES[2]}),3))',avgblur=sizeX=2[spider]`,
  '[view][spider]overlay=shortest=1:x=(W-w)*(0.5+0.45*sin(t*1.7)):y=(H-h)*(0.5+0.4*sin(t*1.1))',
].join(';');

/** RFC 2435 limits the size of a JPEG and the tables that it can describe. */
const JPEG_SIZE = `scale=w='min(iw,${JPEG_PIXELS_MAX})':h=-2`;
const JPEG_ENCODER = [
  ...['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-huffman', 'default', '-q:v', '5'],
  ...['-maxrate', '0', '-bufsize', '0'],
];

const EXACT = (says = 'It records what it is sent.') => ({ verdict: 'exact', says }) as const;
const REPORTED = (says: string) => ({ verdict: 'reported', says }) as const;

export const PICTURE_FAULTS = {
  frozen: {
    layer: 'picture',
    takes: 'nothing',
    group: 'motion',
    does: 'repeats one picture',
    device: EXACT(),
    picture: () => ({ filters: ['loop=loop=-1:size=1:start=0'] }),
  },
  black: {
    layer: 'picture',
    takes: 'nothing',
    group: 'exposure',
    does: 'shows black, like a camera with its lens cap on',
    device: EXACT(),
    picture: () => ({ filters: ['drawbox=x=0:y=0:w=iw:h=ih:color=black:t=fill'] }),
  },
  overexposed: {
    layer: 'picture',
    takes: 'nothing',
    group: 'exposure',
    does: 'is overexposed',
    device: EXACT(),
    picture: () => ({ filters: [luma('val*2.2')] }),
  },
  underexposed: {
    layer: 'picture',
    takes: 'nothing',
    group: 'exposure',
    does: 'is underexposed',
    device: EXACT(),
    picture: () => ({ filters: [luma('16+(val-16)*0.25')] }),
  },
  night: {
    layer: 'picture',
    takes: 'nothing',
    group: 'exposure',
    does: 'shows an infrared picture: gray, dark towards the edges, noisy',
    device: EXACT(),
    picture: () => ({ filters: ['hue=s=0', luma('16+(val-16)*0.5'), 'vignette=PI/4', 'noise=c0s=18:c0f=t'] }),
  },
  noise: {
    layer: 'picture',
    takes: 'nothing',
    does: 'adds the noise of a bad sensor',
    device: EXACT(),
    picture: () => ({ filters: ['noise=alls=40:allf=t'] }),
  },
  rain: {
    layer: 'picture',
    takes: 'nothing',
    does: 'adds bright streaks',
    device: EXACT(),
    picture: () => ({ filters: [RAIN] }),
  },
  spider: {
    layer: 'picture',
    takes: 'nothing',
    does: 'shows a spider that walks over the lens',
    device: EXACT(),
    picture: () => ({ filters: [SPIDER] }),
  },
  flicker: {
    layer: 'picture',
    takes: 'nothing',
    group: 'motion',
    does: 'changes its brightness six times a second, as under a bad lamp',
    device: EXACT(),
    picture: () => ({ filters: ["hue=b='1.5*sin(2*PI*6*t)'"] }),
  },
  blurred: {
    layer: 'picture',
    takes: 'nothing',
    does: 'is out of focus',
    device: EXACT(),
    picture: () => ({ filters: ['avgblur=sizeX=9'] }),
  },
  tinted: {
    layer: 'picture',
    takes: 'nothing',
    does: 'has a wrong white balance',
    device: EXACT(),
    picture: () => ({ filters: ["lutyuv=u='clip(val-28,16,240)':v='clip(val+24,16,240)'"] }),
  },
  'upside-down': {
    layer: 'picture',
    takes: 'nothing',
    does: 'hangs upside down',
    device: EXACT(),
    picture: () => ({ filters: ['hflip,vflip'] }),
  },
  'size-change': {
    layer: 'picture',
    takes: 'size',
    usual: '320x240',
    does: 'changes the size of its pictures in the middle of the stream',
    device: EXACT('It stores what it receives, with its parameter sets.'),
    picture: (value) => ({ filters: [`scale=${String(value).replace('x', ':')}`] }),
  },
  'set-change': {
    layer: 'picture',
    takes: 'nothing',
    group: 'gop',
    does: 'changes its parameter sets, but not the size, in the middle of the stream',
    device: EXACT('It stores what it receives, with its parameter sets.'),
    picture: () => ({ encoder: ['-preset', 'superfast', '-profile:v', 'high'] }),
  },
  'codec-change': {
    layer: 'picture',
    takes: 'nothing',
    group: 'gop',
    does: 'sends Motion JPEG instead of H.264: it ends its RTSP sessions and describes a new stream; MP4 is refused (503)',
    device: {
      verdict: 'encoded',
      says: '`camera_unreachable` as its session ends; it connects anew and encodes: a new recording.',
    },
    picture: () => ({ filters: [JPEG_SIZE], encoder: JPEG_ENCODER }),
  },
  'b-frames': {
    layer: 'picture',
    takes: 'nothing',
    group: 'gop',
    does: 'sends B-frames: the decoding order differs from the display order',
    device: {
      verdict: 'encoded',
      says: 'It sees that pictures are reordered, connects anew and encodes: a new recording.',
    },
    picture: () => ({ encoder: ['-tune', 'fastdecode', '-bf', '2', '-x264-params', 'b-adapt=0:rc-lookahead=4'] }),
  },
  'long-gop': {
    layer: 'picture',
    takes: 'time',
    usual: '8s',
    group: 'gop',
    does: 'sends keyframes this far apart',
    device: {
      verdict: 'encoded',
      says: 'After a GOP of more than 5 s it connects anew and encodes: a new recording.',
    },
    picture: (value) => ({ encoder: keyframesEach(value) }),
  },
  'no-keyframe': {
    layer: 'picture',
    takes: 'time',
    usual: '60s',
    group: 'gop',
    does: 'sends one keyframe, then none for this time',
    device: {
      verdict: 'reported',
      says: 'It stores only whole GOPs: none for 10 s is `camera_unreachable`, and it tries again.',
    },
    picture: (value) => ({ encoder: keyframesEach(value) }),
  },
} as const satisfies Record<string, FaultRow>;

export const STREAM_FAULTS = {
  'hidden-text': {
    layer: 'stream',
    takes: 'text',
    usual: 'serial=PORCH-0042 place=39.7990,-89.6440',
    does: 'sends an invisible text with each picture (SEI user data)',
    device: EXACT('It stores what it receives; no clip contains the text.'),
  },
  'clock-drift': {
    layer: 'stream',
    takes: 'ppm',
    usual: '2000',
    group: 'times',
    does: 'has a clock that runs too fast, by this many ppm',
    device: EXACT('It dates pictures by their arrival; at a difference of 1.5 s it begins a new recording.'),
  },
  'pts-jump': {
    layer: 'stream',
    takes: 'signed-time',
    usual: '10s',
    group: 'times',
    does: 'moves all its timestamps by this time at once',
    device: REPORTED(
      '`camera_clock_wrong`: it connects anew. Pictures up to the next keyframe are missing; all others have correct dates.',
    ),
  },
  'stuck-clock': {
    layer: 'stream',
    takes: 'nothing',
    group: 'times',
    does: 'sends the same timestamp with every picture',
    device: REPORTED('`camera_clock_wrong`; it stores them with one date and marks them: no clip is cut from them.'),
  },
  'clock-1970': {
    layer: 'stream',
    takes: 'nothing',
    does: 'has its clock at 1970, and says so in its RTCP reports',
    device: EXACT('It dates pictures by their arrival.'),
  },
  gap: {
    layer: 'stream',
    takes: 'nothing',
    group: 'loss',
    does: 'sends no picture and no sound',
    device: { verdict: 'reported', says: 'No picture for 10 s is `camera_unreachable`, and it tries again.' },
  },
  'lost-frames': {
    layer: 'stream',
    takes: 'percent',
    usual: '10%',
    group: 'loss',
    does: 'leaves out this share of its pictures',
    device: REPORTED('`camera_pictures_damaged`; after a missing picture, those up to the next keyframe are damaged.'),
  },
  'lost-keyframes': {
    layer: 'stream',
    takes: 'nothing',
    group: 'loss',
    does: 'leaves out all its keyframes',
    device: {
      verdict: 'reported',
      says: 'It stores only whole GOPs: none for 10 s is `camera_unreachable`, and it tries again.',
    },
  },
  'duplicate-frames': {
    layer: 'stream',
    takes: 'percent',
    usual: '10%',
    group: 'order',
    does: 'sends this share of its pictures twice',
    device: EXACT('It stores some of them twice.'),
  },
  'reordered-frames': {
    layer: 'stream',
    takes: 'percent',
    usual: '10%',
    group: 'order',
    does: 'sends this share of its pictures after the picture that should follow them',
    device: REPORTED('`camera_pictures_damaged`; it stores them in the order of arrival.'),
  },
  'late-frames': {
    layer: 'stream',
    takes: 'time',
    usual: '400ms',
    does: 'delays everything by this time',
    device: EXACT('Pictures keep their timestamps.'),
  },
  stutter: {
    layer: 'stream',
    takes: 'time',
    usual: '2s',
    does: 'holds everything back, and sends it in one burst per interval',
    device: EXACT('Pictures keep their timestamps.'),
  },
  'cut-frames': {
    layer: 'stream',
    takes: 'percent',
    usual: '10%',
    group: 'damage',
    does: 'cuts this share of its pictures in half',
    device: REPORTED('`camera_pictures_damaged`; it stores what it receives.'),
  },
  'flipped-bits': {
    layer: 'stream',
    takes: 'percent',
    usual: '10%',
    group: 'damage',
    does: 'flips bits in this share of its pictures',
    device: REPORTED('`camera_pictures_damaged`; it stores what it receives.'),
  },
  'sets-once': {
    layer: 'stream',
    takes: 'nothing',
    does: 'sends its parameter sets in the session description only, not in the stream',
    device: EXACT(),
  },
  'no-sound': {
    layer: 'stream',
    takes: 'nothing',
    does: 'sends no sound',
    device: EXACT('It goes on recording, without sound.'),
  },
  'sound-off': {
    layer: 'stream',
    takes: 'signed-time',
    usual: '1500ms',
    does: 'sends timestamps for its sound that are wrong by this time',
    device: EXACT('It uses the timestamps of the sound as they are.'),
  },
} as const satisfies Record<string, FaultRow>;

export const PACKET_FAULTS = {
  'lost-packets': {
    layer: 'packets',
    takes: 'percent',
    usual: '2%',
    does: 'loses this share of its RTP packets',
    device: REPORTED('`camera_pictures_damaged`; it stores what can be rebuilt from the packets.'),
  },
  'late-packets': {
    layer: 'packets',
    takes: 'time',
    usual: '60ms',
    does: 'sends a tenth of its RTP packets late by this time, out of order',
    device: REPORTED('`camera_pictures_damaged`; it stores what can be rebuilt from the packets.'),
  },
  'duplicate-packets': {
    layer: 'packets',
    takes: 'percent',
    usual: '5%',
    does: 'sends this share of its RTP packets twice',
    device: EXACT('It drops the duplicates.'),
  },
  'half-open': {
    layer: 'packets',
    takes: 'nothing',
    does: 'keeps its connections open, but neither sends nor answers',
    device: { verdict: 'reported', says: 'No picture for 10 s is `camera_unreachable`, and it connects anew.' },
  },
} as const satisfies Record<string, FaultRow>;

export const SERVICE_FAULTS = {
  'wrong-password': {
    layer: 'service',
    takes: 'nothing',
    group: 'answer',
    does: 'refuses every login',
    device: { verdict: 'refused', says: '`camera_unreachable`; it tries again.' },
  },
  redirect: {
    layer: 'service',
    takes: 'address',
    usual: 'rtsp://192.0.2.1/elsewhere',
    group: 'answer',
    does: 'redirects to another address (302)',
    device: { verdict: 'refused', says: '`camera_unreachable`; it follows no redirect to another host.' },
  },
  'not-found': {
    layer: 'service',
    takes: 'nothing',
    group: 'answer',
    does: 'answers that there is no such stream (404)',
    device: { verdict: 'refused', says: '`camera_unreachable`; it tries again.' },
  },
  busy: {
    layer: 'service',
    takes: 'nothing',
    group: 'answer',
    does: 'refuses another viewer (453)',
    device: { verdict: 'refused', says: '`camera_unreachable`; it tries again.' },
  },
  'udp-only': {
    layer: 'service',
    takes: 'nothing',
    group: 'answer',
    does: 'sends by UDP only (461 for TCP)',
    device: { verdict: 'refused', says: '`camera_unreachable`: it supports only TCP.' },
  },
  'web-page': {
    layer: 'service',
    takes: 'nothing',
    group: 'answer',
    does: 'answers with a web page',
    device: { verdict: 'refused', says: '`camera_unreachable`; it tries again.' },
  },
  'no-sets': {
    layer: 'service',
    takes: 'nothing',
    does: 'omits the parameter sets from its session description',
    device: EXACT(),
  },
  'slow-start': {
    layer: 'service',
    takes: 'time',
    usual: '3s',
    does: 'answers the first request of each connection this late',
    device: EXACT(),
  },
  dies: {
    layer: 'service',
    takes: 'time',
    usual: '10s',
    does: 'ends every connection once per interval, and then refuses new ones for 2 s',
    device: { verdict: 'reported', says: '`camera_unreachable`, then a new recording.' },
  },
  'two-cameras': {
    layer: 'service',
    takes: 'nothing',
    does: 'is two cameras at one address: another camera, without this stream, takes every second connection',
    device: { verdict: 'reported', says: '`camera_unreachable` every second time, then it records.' },
  },
} as const satisfies Record<string, FaultRow>;

export const FAULTS = { ...PICTURE_FAULTS, ...STREAM_FAULTS, ...PACKET_FAULTS, ...SERVICE_FAULTS };

export type FaultName = keyof typeof FAULTS;

export function faultRow(name: FaultName): FaultRow {
  return FAULTS[name];
}

export function isFaultName(word: string): word is FaultName {
  return Object.hasOwn(FAULTS, word);
}

const TAKES: Record<ValueKind, string> = {
  nothing: '',
  percent: 'a share, such as 5%',
  time: 'a time, such as 300ms or 10s',
  'signed-time': 'a time, such as 10s or -2s',
  ppm: 'a number of ppm',
  size: 'WIDTHxHEIGHT',
  text: 'a text',
  address: 'an address',
};

/** The value that a fault takes, for people. */
export function takesWords({ takes, usual }: FaultRow): string {
  return takes === 'nothing' ? '' : `${TAKES[takes]} (${usual === undefined ? 'needed' : `default: ${usual}`})`;
}

/** The table of the README. */
export function faultTableMarkdown(): string {
  const rows = Object.keys(FAULTS)
    .filter(isFaultName)
    .map((name) => {
      const row = faultRow(name);
      return `| \`${name}\` | ${takesWords(row)} | ${row.does} | ${row.device.verdict}: ${row.device.says} |`;
    });
  return ['| Fault | Takes | What the camera does | What our device does |', '| --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}
