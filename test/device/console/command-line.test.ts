import { expect, it } from 'vitest';
import { shownCommandLine } from '../../../device/console/command-line.ts';

const NODE = '/usr/bin/node';
const PROGRAM = '/opt/doorsill/current/device/cli/doorsill-device.mjs';
const BOARD = { program: PROGRAM, folder: '/var/lib/doorsill', calledAs: undefined };

it('names a board’s installed program and its service’s folder, with sudo', () => {
  expect(shownCommandLine({ ...BOARD, node: NODE })).toEqual({
    program: `sudo ${NODE} ${PROGRAM}`,
    folder: '/var/lib/doorsill',
  });
});

it.each([
  ['a checkout at home', NODE, '/home/alex/doorsill/sim/cli/doorsill.mjs', '/home/alex/porch'],
  ['a folder at home', NODE, PROGRAM, '/home/alex/porch'],
  ['another program', NODE, '/opt/other/main.mjs', '/var/lib/doorsill'],
  ['a path that a shell would read otherwise', NODE, '/opt/$(id)/sim/cli/doorsill.mjs', '/var/lib/doorsill'],
  ['a path out of the system’s folders', NODE, PROGRAM, 'relative'],
])('reveals no path of %s', (_what, node, program, folder) => {
  expect(shownCommandLine({ node, program, folder, calledAs: undefined })).toEqual({
    program: 'npx doorsill',
    folder: null,
  });
});

it('omits the path of a node in a home folder', () => {
  const { program } = shownCommandLine({ ...BOARD, node: '/home/alex/.nvm/node' });
  expect(program).toBe(`sudo node ${PROGRAM}`);
});

it('names what calls it from outside its container, and no folder in there', () => {
  const calledAs = 'docker exec doorsill doorsill';
  expect(shownCommandLine({ ...BOARD, node: NODE, calledAs })).toEqual({ program: calledAs, folder: null });
});
