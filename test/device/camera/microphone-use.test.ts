import { describe, expect, it } from 'vitest';
import { MicrophoneUse } from '../../../device/camera/microphone-use.ts';

const BARREN = { barren: true };
const MISSING = '[alsa @ 0x1] [error] cannot open audio device hw:1,0 (No such file or directory)';
const GONE = '[in#1/alsa @ 0x5] [error] Error during demuxing: No such device';
const use = (required = false) => new MicrophoneUse({ device: 'hw:1,0', sampleRate: 48_000, required });
const channelsOf = (each: MicrophoneUse) => {
  const { options = [] } = each.forRun()?.(null) ?? {};
  return options[options.indexOf('-channels') + 1];
};

describe("a camera's microphone", () => {
  it('is left out of the run after a failure, and tried again in the next run', () => {
    const microphone = use();
    expect(channelsOf(microphone)).toBe('1');
    expect(microphone.endedBy(MISSING)).toBeNull();
    expect(microphone.learn(BARREN)).toBe(true);
    expect(microphone.forRun()).toBeNull();
    expect(microphone.trouble).toMatchObject({ code: 'microphone_unusable' });
    expect(microphone.learn(BARREN)).toBe(false);
    expect(channelsOf(microphone)).toBe('1');
    expect(microphone.trouble).toBeNull();
  });

  it('is the reason why nothing is recorded if it is required', () => {
    const microphone = use(true);
    microphone.forRun();
    microphone.endedBy(MISSING);
    expect(microphone.learn(BARREN)).toBe(false);
    expect(microphone.ended).toMatchObject({ code: 'microphone_unusable' });
    expect(microphone.forRun()).not.toBeNull();
    expect(microphone.ended).toBeNull();
  });

  it('ends the run in which it is removed, and is the reason for that end only', () => {
    const microphone = use();
    microphone.forRun();
    expect(microphone.endedBy(GONE)).toContain('hw:1,0 has gone');
    expect(microphone.ended).toMatchObject({ code: 'microphone_unusable', facts: { detail: 'it has gone' } });
    microphone.forRun();
    expect(microphone.ended).toBeNull();
  });

  it('is not blamed for a run with segments, nor for messages about other inputs', () => {
    const microphone = use();
    microphone.forRun();
    microphone.endedBy(MISSING);
    expect(microphone.learn({ barren: false })).toBe(false);
    const other = use();
    other.forRun();
    expect(other.endedBy('[in#0/video4linux2,v4l2 @ 0x5] [error] Error during demuxing: No such device')).toBeNull();
    expect(other.learn(BARREN)).toBe(false);
  });

  it('is absent if none is configured', () => {
    const none = new MicrophoneUse(null);
    expect([none.forRun(), none.endedBy(GONE), none.ended, none.learn(BARREN)]).toEqual([null, null, null, false]);
  });
});
