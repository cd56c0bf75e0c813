// Makes hostile files: disguised scripts, references to other files and hosts, excessive counts and sizes, compression bombs, and paths
// that are not files.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '../../../../device/base/random.ts';
import { concatBytes } from '../../../../device/contract/bytes.ts';
import { grown, patched } from '../../../support/plain-mp4.ts';
import { boxBombs, chunk, FTYP, u32, u64 } from './hostile-boxes.ts';

/** Expected result of a file: `plays` if its media is recorded, else a refusal of the camera. */
export type Outcome = 'plays' | 'camera_refused_format' | 'camera_no_video' | 'camera_failed' | 'camera_not_found';

export interface HostileFile {
  name: string;
  path: string;
  /** More than one if it depends on how far a version of ffmpeg reads. */
  outcomes: readonly Outcome[];
}

/** Targets that the files try to reach. */
export interface Bait {
  /** A valid video that none of them may open. */
  secret: string;
  /** A port to which nothing may connect. */
  port: number;
}

const SPARSE_BYTES = 10 * 1024 ** 3;

/** Makes them in a folder, their media with `ffmpeg`; the slow ones only with `slow`. */
export function makeHostileFiles(ffmpeg: string, folder: string, bait: Bait, slow: boolean): HostileFile[] {
  mkdirSync(folder);
  const files: HostileFile[] = [];
  const run = (...args: string[]) =>
    execFileSync(ffmpeg, ['-v', 'error', '-nostdin', '-y', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  const at = (name: string) => join(folder, name);
  const add = (name: string, outcomes: Outcome | readonly Outcome[], bytes?: Uint8Array | string) => {
    const path = at(name);
    if (bytes !== undefined) writeFileSync(path, bytes);
    files.push({ name, path, outcomes: typeof outcomes === 'string' ? [outcomes] : outcomes });
  };

  const good = at('good.mp4');
  const source = ['-f', 'lavfi', '-i', 'testsrc2=s=160x120:r=10:d=1'];
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '0'];
  for (const path of [good, bait.secret]) run(...source, ...x264, path);
  const plain = new Uint8Array(readFileSync(good));

  for (const [name, text] of scripts(bait)) {
    add(`${name}.mp4`, 'camera_refused_format', text);
    add(`${name}-behind-ftyp.mp4`, 'camera_no_video', concatBytes([FTYP, Buffer.from(text)]));
    if (slow) add(`${name}-as-packets.ts`, 'camera_no_video', asPackets(text));
  }
  addReferences(files, folder, bait, run, plain);
  for (const [name, bytes] of boxBombs(plain)) add(`${name}.mp4`, ['camera_no_video', 'plays'], bytes);
  for (const [name, bytes] of pictureBombs()) add(name, 'camera_no_video', bytes);

  if (slow) {
    for (const [name, size, outcome] of [
      ['png-of-35-megapixels.mov', '8190x4320', 'plays'],
      ['png-of-256-megapixels.mov', '16000x16000', 'camera_no_video'],
    ] as const) {
      run('-f', 'lavfi', '-i', `color=black:s=${size}:r=5:d=0.6`, '-c:v', 'png', at(name));
      add(name, outcome);
    }
  }

  const random = new SeededRandom(7);
  for (const [name, magic] of slow ? MAGICS : MAGICS.slice(0, 3))
    add(name, 'camera_no_video', concatBytes([magic, random.bytes(300_000)]));

  add('empty.mp4', 'camera_refused_format', '');
  add('one-byte.mp4', 'camera_refused_format', '\0');
  add('header-of-eight-bytes.mp4', 'camera_no_video', FTYP.subarray(0, 8));
  for (const [name, head, outcome] of SPARSE) {
    if (name.startsWith('stream') && !slow) continue;
    add(name, outcome, head);
    truncateSync(at(name), SPARSE_BYTES);
  }
  addNoFiles(files, folder);
  return files;
}

function scripts({ secret, port }: Bait): [string, string][] {
  const away = `http://127.0.0.1:${port}`;
  return [
    ['ffconcat', `ffconcat version 1.0\nfile '${secret}'\nfile '${away}/x.mp4'\n`],
    ['hls', `#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:2,\n${secret}\n#EXTINF:2,\n${away}/x.ts\n#EXT-X-ENDLIST\n`],
    [
      'dash',
      `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>${away}/</BaseURL><SegmentList duration="2"><Initialization sourceURL="i"/><SegmentURL media="a"/></SegmentList></Representation></AdaptationSet></Period></MPD>`,
    ],
    ['smooth', `<?xml version="1.0"?><SmoothStreamingMedia><StreamIndex Url="${away}/x"/></SmoothStreamingMedia>`],
    [
      'sdp',
      `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video ${port} RTP/AVP 96\na=rtpmap:96 H264/90000\n`,
    ],
    [
      'svg',
      `<svg xmlns="http://www.w3.org/2000/svg"><image href="${away}/x.png"/><image href="file://${secret}"/></svg>`,
    ],
    [
      'ass',
      `[Script Info]\nScriptType: v4.00+\n[V4+ Styles]\nStyle: Default,${away}/font.ttf,20\n[Fonts]\nfontname: ${secret}\n`,
    ],
    ['subfile', `subfile,,start,0,end,0,,:${secret}`],
    ['ffmetadata', `;FFMETADATA1\ntitle=${away}\n`],
    ['vobsub', `# VobSub index file, v7\nid: en, index: 0\nfile: ${secret}\n`],
    ['asx', `<ASX version="3.0"><ENTRY><REF HREF="${away}/x.asf"/></ENTRY></ASX>`],
    ['rtsp-text', `RTSPtextRTSP://127.0.0.1:${port}/x`],
  ];
}

/** A text in place of a transport stream's payload; only the sync bytes are valid. */
function asPackets(text: string): Uint8Array {
  const out = Buffer.alloc(188 * 12);
  for (let packet = 0; packet < 12; packet += 1) {
    out[packet * 188] = 0x47;
    out.write(text.slice(packet * 180, packet * 180 + 180), packet * 188 + 4, 'latin1');
  }
  return out;
}

/** Media whose container refers to other files. Media in the file itself may play. */
function addReferences(
  files: HostileFile[],
  folder: string,
  { secret, port }: Bait,
  run: (...args: string[]) => void,
  plain: Uint8Array,
): void {
  const add = (name: string, bytes?: Uint8Array) => {
    const path = join(folder, name);
    if (bytes) writeFileSync(path, bytes);
    files.push({ name, path, outcomes: ['plays', 'camera_no_video'] });
  };
  const dref = ['moov', 'trak', 'mdia', 'minf', 'dinf', 'dref', 'url '];
  for (const [name, address] of [
    ['data-reference-to-a-file.mp4', `file://${secret}\0`],
    ['data-reference-to-a-host.mp4', `http://127.0.0.1:${port}/x\0`],
  ] as const) {
    const referring = grown(plain, dref, Buffer.from(address));
    // Bit 0 of the flags: the media is in this file.
    add(name, patched(referring, Buffer.from(referring).indexOf('url ', 0, 'latin1') + 7, [0]));
  }
  const alias = Buffer.from(plain);
  alias.write('alis', alias.indexOf('url ', 0, 'latin1'), 'latin1');
  add(
    'alias.mp4',
    grown(
      patched(alias, alias.indexOf('alis', 0, 'latin1') + 7, [0]),
      [...dref.slice(0, -1), 'alis'],
      aliasRecord(secret),
    ),
  );
  const good = join(folder, 'good.mp4');
  const font = ['-attach', secret, '-metadata:s:t', 'mimetype=application/x-truetype-font'];
  run('-i', good, '-c', 'copy', ...font, join(folder, 'attachment.mkv'));
  add('attachment.mkv');
  run('-i', good, '-c', 'copy', join(folder, 'linked.mkv'));
  const linked = readFileSync(join(folder, 'linked.mkv'));
  // In place of the `Void` that ffmpeg leaves for the index: NextUID and NextFilename (Matroska, RFC 9559 §5.1.2.5 and 6).
  const name = Buffer.from(secret);
  const link = concatBytes([
    Uint8Array.of(0x3e, 0xb9, 0x23, 0x90, ...Array.from({ length: 16 }, (_, n) => n)),
    Uint8Array.of(0x3e, 0x83, 0xbb, 0x80 | name.length),
    name,
  ]);
  const info = linked.lastIndexOf(Uint8Array.of(0x15, 0x49, 0xa9, 0x66));
  add(
    'linked.mkv',
    concatBytes([
      linked.subarray(0, info),
      Uint8Array.of(0x15, 0x49, 0xa9, 0x66, 0x80 | link.length),
      link,
      linked.subarray(info),
    ]),
  );
  // Names that ffmpeg would interpret if it were allowed to; here they are plain files.
  for (const odd of [
    'subfile,,start,0,end,9,,:x.mp4',
    'concat:a|b.mp4',
    'data:text,x.mp4',
    'frame-%d.mp4',
    '-i.mp4',
    'cache:x.mp4',
  ])
    add(odd, plain);
}

/** A version 2 alias record with an absolute path, as ffmpeg's parser of `alis` accepts it. */
function aliasRecord(path: string): Uint8Array {
  const fixed = Buffer.alloc(150);
  fixed.writeUInt16BE(2, 6);
  const name = Buffer.from(path.length % 2 === 0 ? path : `${path}\0`);
  const entry = Buffer.alloc(4);
  entry.writeUInt16BE(18, 0);
  entry.writeUInt16BE(name.length, 2);
  return concatBytes([fixed, entry, name, Uint8Array.of(0xff, 0xff, 0, 0)]);
}

/** Streams that claim pictures of 65535 by 65535 pixels. */
function pictureBombs(): [string, Uint8Array][] {
  const ivf = Buffer.alloc(32 + 12 + 16);
  ivf.write('DKIF\0\0 \0VP80', 0, 'latin1');
  ivf.writeUInt16LE(0xffff, 12);
  ivf.writeUInt16LE(0xffff, 14);
  ivf.writeUInt32LE(10, 16);
  ivf.writeUInt32LE(1, 20);
  ivf.writeUInt32LE(16, 32);
  ivf.set([0x10, 2, 0, 0x9d, 1, 0x2a, 0xff, 0x3f, 0xff, 0x3f], 44);
  const jpeg = Uint8Array.of(
    0xff,
    0xd8,
    0xff,
    0xc0,
    0,
    11,
    8,
    0xff,
    0xff,
    0xff,
    0xff,
    1,
    1,
    0x11,
    0,
    0xff,
    0xda,
    0,
    8,
    1,
    1,
    0,
    0,
    63,
    0,
    1,
    0xff,
    0xd9,
  );
  return [
    ['picture-of-4-gigapixels.ivf', ivf],
    ['picture-of-4-gigapixels.mjpeg', jpeg],
    [
      'picture-of-4-gigapixels.gif',
      Buffer.from(
        'GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02D\x01\x00;',
        'latin1',
      ),
    ],
    ['picture-of-4-gigapixels.y4m', Buffer.from('YUV4MPEG2 W65535 H65535 F25:1 Ip A1:1 C420\nFRAME\nxxxx')],
  ];
}

/** The first bytes of every allowed container, followed by noise. */
const MAGICS: readonly [string, Uint8Array][] = [
  ['noise.mkv', Uint8Array.of(0x1a, 0x45, 0xdf, 0xa3)],
  ['noise.avi', chunk('RIFF', Buffer.from('AVI '))],
  ['noise.flv', Buffer.from('FLV\x01\x05\0\0\0\x09\0\0\0\0', 'latin1')],
  ['noise.ogg', Buffer.from('OggS\0\x02', 'latin1')],
  ['noise.asf', Uint8Array.of(0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11)],
  ['noise.nut', Buffer.from('nut/multimedia container\0', 'latin1')],
  ['noise.mxf', Buffer.from('\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02', 'latin1')],
  ['noise.mpg', Uint8Array.of(0, 0, 1, 0xba)],
  ['noise.mp4', FTYP],
];

const SPARSE: readonly [string, Uint8Array, readonly Outcome[]][] = [
  ['zeros-of-10-gb.mp4', new Uint8Array(0), ['camera_refused_format']],
  [
    'media-of-10-gb.mp4',
    concatBytes([FTYP, u32([1]), Buffer.from('mdat'), u64(SPARSE_BYTES - FTYP.length)]),
    ['camera_no_video'],
  ],
  [
    'header-of-10-gb.mp4',
    concatBytes([FTYP, u32([1]), Buffer.from('moov'), u64(SPARSE_BYTES - FTYP.length)]),
    ['camera_no_video'],
  ],
  ['stream-of-10-gb.h264', Uint8Array.of(0, 0, 0, 1, 0x67), ['camera_no_video']],
  ['stream-of-10-gb.mkv', Uint8Array.of(0x1a, 0x45, 0xdf, 0xa3, 0x80), ['camera_no_video']],
  ['stream-of-10-gb.ts', Buffer.alloc(188 * 5).fill(0x47), ['camera_no_video']],
];

/** Paths that are not regular files. */
function addNoFiles(files: HostileFile[], folder: string): void {
  const at = (name: string) => join(folder, name);
  execFileSync('mkfifo', [at('fifo.mp4')]);
  mkdirSync(at('folder.mp4'));
  symlinkSync('loop-b.mp4', at('loop-a.mp4'));
  symlinkSync('loop-a.mp4', at('loop-b.mp4'));
  symlinkSync('nowhere', at('dangling.mp4'));
  symlinkSync('/dev/zero', at('zero.mp4'));
  for (const [name, outcome] of [
    ['fifo.mp4', 'camera_refused_format'],
    ['folder.mp4', 'camera_refused_format'],
    ['zero.mp4', 'camera_refused_format'],
    ['loop-a.mp4', 'camera_failed'],
    ['dangling.mp4', 'camera_not_found'],
  ] as const)
    files.push({ name, path: at(name), outcomes: [outcome] });
}
