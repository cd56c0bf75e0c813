// The footage that is measured on, made anew in each run: 720p at 15 frames a second, noisy as a camera's, 2 Mbit/s.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const FPS = 15;

/** Something moves in all of it, and noise keeps an encoder as busy as a sensor does. */
function picture(seconds: number): string[] {
  return [
    ...['-hide_banner', '-loglevel', 'error', '-y', '-f', 'lavfi', '-i', `testsrc2=s=1280x720:r=${FPS}:d=${seconds}`],
    ...['-vf', 'noise=alls=6:allf=t,format=yuv420p'],
  ];
}

/** Motion JPEG, as a USB camera gives it: cheap to decode, so that decoding hides nothing of what is measured. */
export async function makeUncompressed(ffmpeg: string, folder: string, seconds: number): Promise<string> {
  const path = join(folder, 'camera.avi');
  await promisify(execFile)(ffmpeg, [...picture(seconds), '-c:v', 'mjpeg', '-q:v', '4', '-pix_fmt', 'yuvj420p', path]);
  return path;
}

const CAMERA_H264 = [
  ...['-c:v', 'libx264', '-preset', 'superfast', '-bf', '0', '-g', String(FPS), '-keyint_min', String(FPS)],
  ...['-sc_threshold', '0', '-b:v', '2M', '-maxrate', '2M', '-bufsize', '2M'],
];

/** H.264 in closed GOPs of a second, as a network camera gives it. */
export async function makeEncoded(ffmpeg: string, folder: string, seconds: number): Promise<string> {
  const path = join(folder, 'camera.mp4');
  await promisify(execFile)(ffmpeg, [...picture(seconds), ...CAMERA_H264, path]);
  return path;
}

/** A minute that looks like one at a door, as H.264: somebody for 20 s, then nobody. */
export async function makeLively(ffmpeg: string, folder: string): Promise<string> {
  const path = join(folder, 'minute.mp4');
  const somebody = picture(20).map((arg) => arg.replace('noise=', 'tpad=stop_mode=clone:stop_duration=40,noise='));
  await promisify(execFile)(ffmpeg, [...somebody, ...CAMERA_H264, path]);
  return path;
}
