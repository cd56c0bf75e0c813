import { expect, it } from 'vitest';
import { thisMachine } from '../../../device/update/this-machine.ts';

const on = (platform: NodeJS.Platform, header: object): NodeJS.Process =>
  Object.create(process, {
    platform: { value: platform },
    report: { value: { getReport: () => ({ header }) } },
  });

it('tells Linux with glibc from Linux with musl, for which there is no release', () => {
  expect(thisMachine(on('linux', { glibcVersionRuntime: '2.41' })).platform).toBe('linux');
  expect(thisMachine(on('linux', {})).platform).toBe('linux-musl');
  expect(thisMachine(on('darwin', {})).platform).toBe('darwin');
});

it.runIf(process.platform === 'linux')('reads this machine from Node’s own report', () => {
  expect(thisMachine()).toEqual({
    platform: expect.stringMatching(/^linux/),
    arch: process.arch,
    node: process.versions.node,
  });
});
