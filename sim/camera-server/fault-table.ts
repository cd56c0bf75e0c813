// Owns: the closed table of what a camera can do wrong, one row each: its name, what it takes, what it does, and what our device does with
// it. Not here: reading and switching faults (faults.ts), performing those of streams (unit-faults.ts) and of connections (rtsp-server.ts).
import { JPEG_PIXELS_MAX } from './rtp-jpeg.ts';

/** What a fault takes behind its `=`, and how that is read. */
export type ValueKind = 'nothing' | 'percent' | 'time' | 'signed-time' | 'ppm' | 'size' | 'text' | 'address';

/**
 * What our device does, as a test shows it: `exact`: every picture that it records is one that the camera made, byte for byte, and none is
 * missing between them; `encoded`: it encodes them anew; `told`: pictures are missing, damaged or without a date, and a code says so;
 * `refused`: it records nothing, and a code says so; `unnoticed`: pictures are missing or damaged, and nothing says so.
 */
export type Verdict = 'exact' | 'encoded' | 'told' | 'refused' | 'unnoticed';

/** How ffmpeg makes the pictures while a fault lasts: filters, and the encoder's own options. */
export interface PictureChange {
  readonly filters?: readonly string[];
  readonly encoder?: readonly string[];
}

export interface FaultRow {
  /** Which part of the camera does it. */
  readonly layer: 'picture' | 'stream' | 'packets' | 'service';
  readonly takes: ValueKind;
  /** What it takes where nothing is said. */
  readonly usual?: string;
  /** Faults of one group contradict each other. */
  readonly group?: string;
  readonly does: string;
  readonly device: { readonly verdict: Verdict; readonly says: string };
  /** Only of `picture`: `value` as read. */
  readonly picture?: (value: FaultValue) => PictureChange;
}

/** A value as read: percent as a share, times in microseconds, sizes and texts as they are. */
export type FaultValue = number | string;

const luma = (expression: string) => `lutyuv=y='clip(${expression},16,235)'`;
const keyframesEach = (us: FaultValue): readonly string[] => [
  ...['-g', '100000', '-force_key_frames', `expr:gte(t,n_forced*${Number(us) / 1_000_000})`],
];

/** Drops of one picture, bright streaks that are elsewhere in the next. */
const RAIN = [
  'split[dry][drops]',
  "[drops]lutyuv=y=16:u=128:v=128,noise=c0s=100:c0f=t,lutyuv=y='if(gt(val,90),235,16)',avgblur=sizeX=1:sizeY=9:planes=1,lutyuv=y='clip(val*3-32,16,200)'[wet]",
  '[dry][wet]blend=c0_mode=screen:c1_mode=normal:c2_mode=normal',
].join(';');

/** A body with eight legs, out of focus, that walks over the lens. */
const DISTANCES = ['hypot(X-40,Y-40)', 'abs(abs(X-40)-2.2*abs(Y-40))', 'abs(abs(Y-40)-2.2*abs(X-40))'] as const;
const SPIDER = [
  'null[view]',
  `color=c=black:s=80x80:r=15,format=yuva420p,geq=lum=20:cb=128:cr=128:a='255*max(lt(${DISTANCES[0]},13),lt(${DISTANCES[0]},38)*lt(min(${DISTANCES[1]},${DISTANCES[2]}),3))',avgblur=sizeX=2[spider]`,
  '[view][spider]overlay=shortest=1:x=(W-w)*(0.5+0.45*sin(t*1.7)):y=(H-h)*(0.5+0.4*sin(t*1.1))',
].join(';');

/** Sizes that RTP can say of a JPEG, and the tables that it does not say. */
const JPEG_SIZE = `scale=w='min(iw,${JPEG_PIXELS_MAX})':h=-2`;
const JPEG_ENCODER = [
  ...['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-huffman', 'default', '-q:v', '5'],
  ...['-maxrate', '0', '-bufsize', '0'],
];

const EXACT = (says = 'It records what it is sent.') => ({ verdict: 'exact', says }) as const;
const TOLD = (says: string) => ({ verdict: 'told', says }) as const;

export const PICTURE_FAULTS = {
  frozen: {
    layer: 'picture',
    takes: 'nothing',
    group: 'motion',
    does: 'shows one picture on and on',
    device: EXACT(),
    picture: () => ({ filters: ['loop=loop=-1:size=1:start=0'] }),
  },
  black: {
    layer: 'picture',
    takes: 'nothing',
    group: 'exposure',
    does: 'shows nothing, as a camera with a cap on',
    device: EXACT(),
    picture: () => ({ filters: ['drawbox=x=0:y=0:w=iw:h=ih:color=black:t=fill'] }),
  },
  overexposed: {
    layer: 'picture',
    takes: 'nothing',
    group: 'exposure',
    does: 'shows everything too bright',
    device: EXACT(),
    picture: () => ({ filters: [luma('val*2.2')] }),
  },
  underexposed: {
    layer: 'picture',
    takes: 'nothing',
    group: 'exposure',
    does: 'shows everything too dark',
    device: EXACT(),
    picture: () => ({ filters: [luma('16+(val-16)*0.25')] }),
  },
  night: {
    layer: 'picture',
    takes: 'nothing',
    group: 'exposure',
    does: 'sees by infrared: gray, dark towards the edges, noisy',
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
    does: 'lets a spider walk over the lens',
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
    device: EXACT('It stores what comes, with its parameter sets.'),
    picture: (value) => ({ filters: [`scale=${String(value).replace('x', ':')}`] }),
  },
  'set-change': {
    layer: 'picture',
    takes: 'nothing',
    group: 'gop',
    does: 'changes its parameter sets, and not the size, in the middle of the stream',
    device: EXACT('It stores what comes, with its parameter sets.'),
    picture: () => ({ encoder: ['-preset', 'superfast', '-profile:v', 'high'] }),
  },
  'codec-change': {
    layer: 'picture',
    takes: 'nothing',
    group: 'gop',
    does: 'sends Motion JPEG instead of H.264: ends its sessions and describes another stream; as MP4 it is refused (503)',
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
    does: 'sends pictures in another order than they are shown in',
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
    does: 'sends a keyframe that rarely',
    device: {
      verdict: 'encoded',
      says: 'After one that is longer than 5 s it connects anew and encodes: a new recording.',
    },
    picture: (value) => ({ encoder: keyframesEach(value) }),
  },
  'no-keyframe': {
    layer: 'picture',
    takes: 'time',
    usual: '60s',
    group: 'gop',
    does: 'sends one keyframe, and none for that long',
    device: {
      verdict: 'told',
      says: 'It stores whole groups of pictures alone: none for 10 s is `camera_unreachable`, and it tries again.',
    },
    picture: (value) => ({ encoder: keyframesEach(value) }),
  },
} as const satisfies Record<string, FaultRow>;

export const STREAM_FAULTS = {
  'hidden-text': {
    layer: 'stream',
    takes: 'text',
    usual: 'serial=PORCH-0042 place=39.7990,-89.6440',
    does: 'writes a text beside each picture that nobody sees (SEI user data)',
    device: EXACT('It stores what comes; a clip carries none of it.'),
  },
  'clock-drift': {
    layer: 'stream',
    takes: 'ppm',
    usual: '2000',
    group: 'times',
    does: 'has a clock that runs too fast by so many millionths',
    device: EXACT('It dates pictures by their arrival: 1.5 s off, it begins a new recording.'),
  },
  'pts-jump': {
    layer: 'stream',
    takes: 'signed-time',
    usual: '10s',
    group: 'times',
    does: 'moves all its times by that much at once',
    device: TOLD(
      '`camera_clock_wrong`: it connects anew. Pictures up to the next keyframe are missing, and all others have their dates.',
    ),
  },
  'stuck-clock': {
    layer: 'stream',
    takes: 'nothing',
    group: 'times',
    does: 'says the same time for every picture',
    device: TOLD('`camera_clock_wrong`; it stores them, dated alike and marked: no clip is cut out of them.'),
  },
  'clock-1970': {
    layer: 'stream',
    takes: 'nothing',
    does: 'believes that it is 1970, and says so in its reports',
    device: EXACT('It dates pictures by their arrival.'),
  },
  gap: {
    layer: 'stream',
    takes: 'nothing',
    group: 'loss',
    does: 'sends no picture and no sound',
    device: { verdict: 'told', says: 'No picture for 10 s is `camera_unreachable`, and it tries again.' },
  },
  'lost-frames': {
    layer: 'stream',
    takes: 'percent',
    usual: '10%',
    group: 'loss',
    does: 'leaves out so many of its pictures',
    device: TOLD('`camera_pictures_damaged`; what follows a missing one is damaged up to the next keyframe.'),
  },
  'lost-keyframes': {
    layer: 'stream',
    takes: 'nothing',
    group: 'loss',
    does: 'leaves out all its keyframes',
    device: {
      verdict: 'told',
      says: 'It stores whole groups of pictures alone: none for 10 s is `camera_unreachable`, and it tries again.',
    },
  },
  'duplicate-frames': {
    layer: 'stream',
    takes: 'percent',
    usual: '10%',
    group: 'order',
    does: 'sends so many of its pictures twice',
    device: EXACT('It stores some of them twice.'),
  },
  'reordered-frames': {
    layer: 'stream',
    takes: 'percent',
    usual: '10%',
    group: 'order',
    does: 'sends so many of its pictures after the one that follows',
    device: TOLD('`camera_pictures_damaged`; it stores them in the order in which they come.'),
  },
  'late-frames': {
    layer: 'stream',
    takes: 'time',
    usual: '400ms',
    does: 'holds everything back that long',
    device: EXACT('Pictures keep their times.'),
  },
  stutter: {
    layer: 'stream',
    takes: 'time',
    usual: '2s',
    does: 'holds everything back, and sends it in a burst that often',
    device: EXACT('Pictures keep their times.'),
  },
  'cut-frames': {
    layer: 'stream',
    takes: 'percent',
    usual: '10%',
    group: 'damage',
    does: 'sends half of so many of its pictures',
    device: TOLD('`camera_pictures_damaged`; it stores what comes.'),
  },
  'flipped-bits': {
    layer: 'stream',
    takes: 'percent',
    usual: '10%',
    group: 'damage',
    does: 'sends wrong bits in so many of its pictures',
    device: TOLD('`camera_pictures_damaged`; it stores what comes.'),
  },
  'sets-once': {
    layer: 'stream',
    takes: 'nothing',
    does: 'says its parameter sets in the description alone, never in the stream',
    device: EXACT(),
  },
  'no-sound': {
    layer: 'stream',
    takes: 'nothing',
    does: 'sends no sound',
    device: EXACT('It records on without sound.'),
  },
  'sound-off': {
    layer: 'stream',
    takes: 'signed-time',
    usual: '1500ms',
    does: 'says times for its sound that are off by that much',
    device: EXACT('It believes the times of the sound.'),
  },
} as const satisfies Record<string, FaultRow>;

export const PACKET_FAULTS = {
  'lost-packets': {
    layer: 'packets',
    takes: 'percent',
    usual: '2%',
    does: 'loses so many of its RTP packets',
    device: TOLD('`camera_pictures_damaged`; it stores what can be made of the packets.'),
  },
  'late-packets': {
    layer: 'packets',
    takes: 'time',
    usual: '60ms',
    does: 'sends a tenth of its RTP packets that much later, after others',
    device: TOLD('`camera_pictures_damaged`; it stores what can be made of the packets.'),
  },
  'duplicate-packets': {
    layer: 'packets',
    takes: 'percent',
    usual: '5%',
    does: 'sends so many of its RTP packets twice',
    device: EXACT('It leaves out what came before.'),
  },
  'half-open': {
    layer: 'packets',
    takes: 'nothing',
    does: 'keeps its connections, and neither sends nor answers',
    device: { verdict: 'told', says: 'No picture for 10 s is `camera_unreachable`, and it connects anew.' },
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
    does: 'answers that it is elsewhere (302)',
    device: { verdict: 'refused', says: '`camera_unreachable`; it goes to no other host.' },
  },
  'not-found': {
    layer: 'service',
    takes: 'nothing',
    group: 'answer',
    does: 'knows nothing of the stream (404)',
    device: { verdict: 'refused', says: '`camera_unreachable`; it tries again.' },
  },
  busy: {
    layer: 'service',
    takes: 'nothing',
    group: 'answer',
    does: 'has no room for another viewer (453)',
    device: { verdict: 'refused', says: '`camera_unreachable`; it tries again.' },
  },
  'udp-only': {
    layer: 'service',
    takes: 'nothing',
    group: 'answer',
    does: 'sends by UDP alone (461 for TCP)',
    device: { verdict: 'refused', says: '`camera_unreachable`: it takes TCP alone.' },
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
    does: 'leaves the parameter sets out of its description',
    device: EXACT(),
  },
  'slow-start': {
    layer: 'service',
    takes: 'time',
    usual: '3s',
    does: 'answers the first request of each connection that late',
    device: EXACT(),
  },
  dies: {
    layer: 'service',
    takes: 'time',
    usual: '10s',
    does: 'ends every connection that often, and refuses new ones for 2 s',
    device: { verdict: 'told', says: '`camera_unreachable`, then a new recording.' },
  },
  'two-cameras': {
    layer: 'service',
    takes: 'nothing',
    does: 'is two cameras at one address: the other one, which does not know the stream, takes every second connection',
    device: { verdict: 'told', says: '`camera_unreachable` every second time, then it records.' },
  },
} as const satisfies Record<string, FaultRow>;

export const FAULTS = { ...PICTURE_FAULTS, ...STREAM_FAULTS, ...PACKET_FAULTS, ...SERVICE_FAULTS };

export type FaultName = keyof typeof FAULTS;

/** A row by its name. */
export function faultRow(name: FaultName): FaultRow {
  return FAULTS[name];
}

export function isFaultName(word: string): word is FaultName {
  return Object.hasOwn(FAULTS, word);
}
