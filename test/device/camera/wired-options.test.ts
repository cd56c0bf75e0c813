import { describe, expect, it } from 'vitest';
import { readWiredOptions } from '../../../device/camera/wired-options.ts';

describe("a wired camera's options", () => {
  it('default to the size nearest to 1280x720 at 15 frames a second without sound', () => {
    expect(readWiredOptions('', true)).toEqual({
      size: null,
      rate: 15,
      format: null,
      controls: new Map(),
      microphone: null,
    });
  });

  it('set size, rate, format, controls in their order, and a microphone', () => {
    const query =
      'size=640x360&rate=10&format=mjpeg&mic=alsa:hw:1,0&mic-rate=16000&control.auto_exposure=1&control.hue=-4';
    const options = readWiredOptions(query, true);
    expect(options).toEqual({
      size: { width: 640, height: 360 },
      rate: 10,
      format: 'mjpeg',
      controls: new Map([
        ['auto_exposure', 1],
        ['hue', -4],
      ]),
      microphone: { device: 'hw:1,0', sampleRate: 16_000, required: false },
    });
  });

  it('set whether sound is left out or required', () => {
    expect(readWiredOptions('mic=alsa:default&audio=off', true)).toMatchObject({ microphone: null });
    expect(readWiredOptions('mic=alsa:default', false)).toMatchObject({ microphone: null });
    expect(readWiredOptions('mic=alsa:default&audio=on', false)).toMatchObject({ microphone: { required: false } });
    expect(readWiredOptions('mic=alsa:plughw:CARD=C920,DEV=0&audio=required', true)).toMatchObject({
      microphone: { device: 'plughw:CARD=C920,DEV=0', required: true },
    });
  });

  it.each([
    ['size=640', /^size: WIDTHxHEIGHT/],
    ['size=8x8', /^size:/],
    ['size=9999x9999', /^size: from/],
    ['rate=0', /^rate:/],
    ['rate=121', /^rate:/],
    ['rate=9.5', /^rate: a whole number/],
    ['format=h265', /^format:/],
    ['sise=640x360', /there is no "sise" here \(did you mean "size"/],
    ['__proto__=1', /there is no "__proto__"|cannot be said/],
    ['controls=1', /controls is not an option/],
    ['size=640x360&size=320x180', /size is not an option, or is given twice/],
    ['control.hue=1&control.hue=2', /control\.hue is not an option, or is given twice/],
    ['control.hue=red', /^control\.hue: a whole number/],
    ['control.hue=9999999999', /^control\.hue:/],
    ['control.hue,gain=1', /^control\./],
    ['control.-d=1', /^control\./],
    [Array.from({ length: 25 }, (_, n) => `control.c${n}=1`).join('&'), /at most 24 controls/],
    ['mic=hw:1,0', /^mic: alsa:DEVICE/],
    ['mic=alsa:file:/etc/passwd', /^mic:/],
    ['mic=alsa:hw:1 -i /etc/passwd', /^mic:/],
    ['mic=alsa:tee:hw,/tmp/x', /^mic:/],
    ['mic=alsa:hw:1,0&mic-rate=12345', /^mic-rate:/],
    ['audio=required', /needs a microphone/],
    ['audio=loud', /^audio:/],
  ])('are refused as %j, with the reason', (query, why) => {
    expect(readWiredOptions(query, true)).toMatch(why);
  });
});
