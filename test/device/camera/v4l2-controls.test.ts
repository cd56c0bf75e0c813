import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { v4l2Kind } from '../../../device/camera/source-v4l2.ts';
import { faultOfControl, missingControl, setControls } from '../../../device/camera/v4l2-controls.ts';
import type { V4l2Source } from '../../../device/camera/wired-options.ts';
import { StandInPrograms } from '../hardware/stand-in-programs.ts';

/** Output of `v4l2-ctl --list-ctrls`. */
const LISTED = `
User Controls

                     brightness 0x00980900 (int)    : min=0 max=255 step=1 default=128 value=128 flags=slider
                            hue 0x00980903 (int)    : min=-128 max=128 step=1 default=0 value=0 flags=slider
                           mute 0x00980909 (bool)   : default=0 value=0
      read_only_integer_32_bits 0x0098f90c (int)    : min=0 max=255 step=1 default=0 value=0 flags=read-only
`;

function camera(query: string): V4l2Source {
  const source = v4l2Kind.parse(`v4l2:/dev/video0?${query}`, {});
  if (!source) throw new Error('not a wired camera');
  return source;
}

/** Plays v4l2-ctl: answers each run in turn, and returns the commands with the outcome. */
async function played(
  query: string,
  answers: (Parameters<StandInPrograms['last']['end']>[0] & { printed?: string })[],
  work = setControls,
) {
  const programs = new StandInPrograms();
  const outcome = work(camera(query), '/dev/video0', { programs, clock: new ManualClock(0) });
  for (const [index, { printed, ...end }] of answers.entries()) {
    while (programs.runs.length <= index) await new Promise((resolve) => setImmediate(resolve));
    if (printed) programs.last.print(printed);
    programs.last.end(end);
  }
  return { failed: await outcome, commands: programs.runs.map(({ command }) => command.join(' ')) };
}

describe("a camera's controls", () => {
  it('are set one after the other, in their configured order', async () => {
    const { failed, commands } = await played('control.hue=-4&control.brightness=140', [{ printed: LISTED }, {}, {}]);
    expect(failed).toBeNull();
    expect(commands).toEqual([
      'v4l2-ctl -d /dev/video0 --list-ctrls',
      'v4l2-ctl -d /dev/video0 --set-ctrl=hue=-4',
      'v4l2-ctl -d /dev/video0 --set-ctrl=brightness=140',
    ]);
  });

  it('run no program if none are configured', async () => {
    expect(await played('rate=10', [])).toEqual({ failed: null, commands: [] });
  });

  it.each([
    ['brightness', 140, null],
    ['hue', -128, null],
    ['mute', 1, null],
    ['brightness', 256, 'brightness=256: it takes 0 to 255'],
    ['hue', -129, 'hue=-129: it takes -128 to 128'],
    ['bright', 1, 'it has no bright'],
    ['read_only_integer_32_bits', 1, 'read_only_integer_32_bits can only be read'],
  ])('that set %s to %i have this fault: %s', (name, value, fault) => {
    expect(faultOfControl(LISTED, name, value)).toBe(fault);
  });

  it('that the camera lacks are refused before any is set', async () => {
    const { failed, commands } = await played('control.nonsense=1', [{ printed: LISTED }]);
    expect(failed).toMatchObject({ code: 'camera_control_refused', message: expect.stringContaining('no nonsense') });
    expect(commands).toHaveLength(1);
    expect((await played('control.hue=1', [{ printed: LISTED }], missingControl)).commands).toHaveLength(1);
  });

  it('that the camera refuses are reported with its message', async () => {
    const { failed } = await played('control.hue=1', [
      { printed: LISTED },
      { status: 255, words: 'VIDIOC_S_EXT_CTRLS: failed' },
    ]);
    expect(failed).toMatchObject({ code: 'camera_control_refused', message: expect.stringContaining('VIDIOC_S_EXT') });
  });

  it('report the package that they need', async () => {
    const { failed } = await played('control.hue=1', [{ missing: true, status: null }]);
    expect(failed).toMatchObject({ code: 'hardware_tool_missing', facts: { tool: 'v4l2-ctl', package: 'v4l-utils' } });
  });
});
