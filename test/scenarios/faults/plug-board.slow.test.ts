// @module-tag ffmpeg
// @module-tag long
// @module-tag namespaces
// @module-tag root
// @module-tag systemd
// The same as plug.test.ts, with the doorbell on a separate board that loses its power: in the rig of DOORSILL_PI_RIG by `npm run check:pi
// -- --plugs N`, or natively under its own systemd, where the kernel's buffers are not lost.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../layout/source-tree.ts';
import { PackedProject } from '../../sim/setup/support/packed-project.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';
import { PulledBoard } from '../../support/pulled-board.ts';
import { pullPlugsOf } from './plug-rounds.ts';

const FILE = 'test/scenarios/faults/plug-board.slow.test.ts';
const OWN = join(root, 'test/support/own-systemd.sh');
/** systemd starts first, and an emulated processor is slow. */
const NATIVE = 2;
const EMULATED = 12;
const PULL_MINUTES_MAX = 30;

const rig = process.env['DOORSILL_PI_RIG'];
/** The npm installation for the rig's processor, from check-pi.mjs. */
const installed = process.env['DOORSILL_PI_INSTALLED'];
const pulls = Number(process.env['DOORSILL_PI_PULLS'] ?? (rig ? 5 : 2));

async function pullOn(board: PulledBoard): Promise<void> {
  try {
    const figure = await pullPlugsOf(board, pulls, FILE);
    console.log(`board: ${board.machine}, ${figure}`);
  } finally {
    board.close();
  }
}

async function pullNatively(): Promise<void> {
  const project = await PackedProject.make();
  try {
    await pullOn(new PulledBoard(OWN, project.folder, NATIVE));
  } finally {
    await project.dispose();
  }
}

it(
  'a doorbell on a board whose plug is pulled keeps decisions and footage, and sends no clip twice',
  async (test) => {
    if (rig === undefined) {
      await pullNatively();
    } else if (installed !== undefined) {
      await pullOn(new PulledBoard(rig, installed, EMULATED));
    } else {
      const args = [join(root, 'test/tools/check-pi.mjs'), '--plugs', String(pulls)];
      const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
      expect(status, stdout).toBe(0);
      proved(test, 'a board whose plug was pulled', /Pulled plugs: .*$/m.exec(stdout)?.[0] ?? '');
    }
  },
  (pulls + 2) * PULL_MINUTES_MAX * 60_000,
);

it('treats a line truncated by the power cut as the end, and one lost by the console as a failure', async () => {
  const folder = temporaryFolder('console');
  const program = join(folder.path, 'installed');
  mkdirSync(program);
  const ends = async (...said: string[]) => {
    const console = join(folder.path, 'console.sh');
    writeFileSync(console, `#!/bin/sh\nprintf '%s\\n' ${said.map((line) => `'${line}'`).join(' ')}\n`, { mode: 0o755 });
    const board = new PulledBoard(console, program, NATIVE);
    try {
      mkdirSync(board.outside, { recursive: true });
      return await board.board.start([], []).stop();
    } finally {
      board.close();
    }
  };
  const torn = 'DOOR {"err":"half a li';
  try {
    expect(await ends('DOOR {"machine":"x"}', 'the kernel speaks', 'DOOR {"ended":"status 0"}')).toBe('status 0');
    expect(await ends('DOOR {"machine":"x"}', torn)).toBe('pulled');
    await expect(ends(torn, 'DOOR {"ended":"status 0"}')).rejects.toThrow('a line of the console was broken');
  } finally {
    folder.dispose();
  }
}, 120_000);
