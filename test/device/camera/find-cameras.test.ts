import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import type { Programs } from '../../../device/base/system-programs.ts';
import { findCameras, findMicrophones } from '../../../device/camera/find-cameras.ts';
import { readWiredOptions } from '../../../device/camera/wired-options.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { npmFfmpeg } from '../../support/each-ffmpeg.ts';

const folder = temporaryFolder('find-cameras');
afterAll(() => folder.dispose());
const machine = { dev: join(folder.path, 'dev'), sysfs: join(folder.path, 'sys'), proc: join(folder.path, 'proc') };

/** Writes a file with the folders above it. */
function put(path: string, text: string): void {
  mkdirSync(join(folder.path, path, '..'), { recursive: true });
  writeFileSync(join(folder.path, path), text);
}

/** A machine where one program prints this; others are missing. */
function withProgram(name: string, printed: string): Programs {
  return {
    run: ([program], output) => {
      const isThere = program === name;
      if (isThere) output?.(Buffer.from(printed));
      return {
        stop: () => undefined,
        ended: Promise.resolve({ missing: !isThere, status: isThere ? 0 : null, words: '' }),
      };
    },
  };
}

const LIST = `Available cameras
-----------------
0 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)
    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
1 : ov5647 [2592x1944 10-bit GBRG] (/base/soc/i2c0mux/i2c@0/ov5647@36)
`;

const look = (programs: Programs) => findCameras({ clock: new SystemClock(), ffmpeg: npmFfmpeg, programs }, machine);

describe('cameras', () => {
  it('are the modules that a Pi’s program lists, under its current and its older name', async () => {
    const wanted = [
      { source: 'rpicam:0', label: 'imx708', sizes: ['640x480', '1280x720', '1920x1080'] },
      { source: 'rpicam:1', label: 'ov5647', sizes: ['640x480', '1280x720', '1920x1080'] },
    ];
    for (const name of ['rpicam-vid', 'libcamera-vid']) expect(await look(withProgram(name, LIST))).toEqual(wanted);
  });

  it('are none on a machine without any', async () => {
    expect(await look(withProgram('none', ''))).toEqual([]);
  });

  it('are no parts of a processor’s pipeline, and no nodes that are no camera', async () => {
    for (const [node, name] of [
      ['video10', 'bcm2835-codec-decode'],
      ['video13', 'bcm2835-isp-output0'],
      ['video20', 'pispbe-input'],
      ['video21', 'rp1-cfe-csi2_ch0'],
      // A file answers no question about formats.
      ['video2', 'USB Camera: Metadata'],
    ]) {
      put(`dev/${node}`, '');
      put(`sys/class/video4linux/${node}/name`, `${name}\n`);
    }
    expect(await look(withProgram('none', ''))).toEqual([]);
  });
});

describe('microphones', () => {
  it('are the inputs of sound cards, by names that settings accept', async () => {
    put('proc/asound/card0/id', 'vc4hdmi\n');
    put('proc/asound/card0/pcm0p/info', 'name: MAI PCM i2s-hifi-0\n');
    put('proc/asound/card1/id', 'C920\n');
    put('proc/asound/card1/pcm0c/info', 'card: 1\ndevice: 0\nname: USB Audio\n');
    put('proc/asound/card2/id', 'bad name?mic=x\n');
    put('proc/asound/card2/pcm0c/info', 'name: x\n');
    const found = await findMicrophones(machine);
    expect(found).toEqual([{ device: 'alsa:plughw:CARD=C920,DEV=0', label: 'USB Audio (C920)' }]);
    expect(readWiredOptions(`mic=${found[0]?.device}`, true)).toMatchObject({
      microphone: { device: 'plughw:CARD=C920,DEV=0' },
    });
  });

  it('are none on a machine without sound', async () => {
    expect(await findMicrophones({ ...machine, proc: '/nowhere' })).toEqual([]);
  });
});
