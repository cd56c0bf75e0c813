import { describe, expect, it } from 'vitest';
import {
  cameraFault,
  microphoneEnded,
  microphoneFault,
  wantsTwoChannels,
} from '../../../device/camera/wired-faults.ts';

describe("ffmpeg's messages about a wired camera", () => {
  it.each([
    ['Cannot open video device /dev/video0: No such file or directory', 'camera_gone'],
    ['ioctl(VIDIOC_DQBUF): No such device', 'camera_gone'],
    ['it ended the stream', 'camera_gone'],
    ['Error opening input: Device or resource busy', 'camera_busy'],
    ['Cannot open video device /dev/video0: Permission denied', 'camera_denied'],
    ['Not a video capture device.; Error opening input: No such device', 'camera_not_capture'],
    ['Error opening input: Immediate exit requested; Error opening input file /dev/video2.', 'camera_not_capture'],
    ["Cannot find a proper format for codec 'mjpeg' (id 7), pixel format 'none' (id -1)", 'camera_format_unsupported'],
    ['ioctl(VIDIOC_STREAMON): Input/output error', 'camera_unreachable'],
    ['it had stalled', 'camera_unreachable'],
  ])('%j mean %s', (words, code) => {
    const failed = cameraFault('v4l2:/dev/video0', words);
    expect(failed.code).toBe(code);
    expect(failed.message).toContain('v4l2:/dev/video0');
  });

  it('about its microphone are distinguished from those about the camera', () => {
    const said = (line: string) => microphoneFault('hw:1,0', line)?.message;
    expect(said('[alsa @ 0x1] [error] cannot open audio device hw:1,0 (No such file or directory)')).toContain(
      'there is no such device',
    );
    expect(said('[alsa @ 0x1] [error] cannot open audio device hw:1,0 (Device or resource busy)')).toContain('busy');
    expect(said('[alsa @ 0x1] [error] cannot set sample rate to 44100 (Invalid argument)')).toContain('plughw:');
    expect(said('[error] Error opening input file hw:1,0.')).toContain('cannot be opened');
    expect(said('[error] Error opening input file /dev/video0.')).toBeUndefined();
    expect(wantsTwoChannels('cannot set channel count to 1 (Invalid argument)')).toBe(true);
    expect(wantsTwoChannels('cannot set channel count to 16 (Invalid argument)')).toBe(false);
  });

  it('about a microphone removed while it was read are known for new and old ffmpeg', () => {
    expect(microphoneEnded('[in#1/alsa @ 0x5] [error] Error during demuxing: No such device', 'hw:1,0')).toBe(true);
    expect(microphoneEnded('[error] hw:1,0: Input/output error', 'hw:1,0')).toBe(true);
    expect(
      microphoneEnded('[in#0/video4linux2,v4l2 @ 0x5] [error] Error during demuxing: No such device', 'hw:1,0'),
    ).toBe(false);
  });
});
