// Random pictures and sound, so that no piece occurs elsewhere by chance.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFfmpeg } from '../../../../device/camera/find-ffmpeg.ts';

/** A file of random footage, a GOP a second, about 300 kbit/s; returns its path. */
export async function makeNoise(folder: string, seconds: number): Promise<string> {
  const path = join(folder, `noise-${seconds}.mp4`);
  const { path: ffmpeg } = await findFfmpeg();
  await promisify(execFile)(ffmpeg, [
    ...['-v', 'error', '-y', '-f', 'rawvideo', '-pix_fmt', 'gray', '-s', '40x24', '-r', '15', '-i', '/dev/urandom'],
    ...['-f', 's16le', '-ar', '16000', '-ac', '1', '-i', '/dev/urandom', '-vf', 'scale=320:192,format=yuv420p'],
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-g',
      '15',
      '-bf',
      '0',
      '-b:v',
      '300k',
      '-c:a',
      'aac',
      '-b:a',
      '32k',
    ],
    ...['-t', String(seconds), path],
  ]);
  return path;
}

/** A network camera with random pictures and sound, as a GStreamer launch line. */
export const NOISE_CAMERA = [
  '( videotestsrc is-live=true pattern=snow ! video/x-raw,width=160,height=120,framerate=15/1',
  'x264enc speed-preset=ultrafast tune=zerolatency bframes=0 key-int-max=15 bitrate=300 ! video/x-h264,profile=main',
  'h264parse ! rtph264pay config-interval=1 name=pay0',
]
  .join(' ! ')
  .concat(
    ' audiotestsrc is-live=true wave=white-noise ! audioconvert ! audioresample ! audio/x-raw,rate=16000,channels=1',
    ' ! voaacenc ! rtpmp4gpay name=pay1 )',
  );
