// A fleet with requests, grants and revocations while its services are killed in turn, and the checks at its end.
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, type TestContext } from 'vitest';
import { z } from 'zod';
import { partArguments } from '../../../sim/deploy/part-arguments.ts';
import { Running } from '../../support/command-line.ts';
import { descendants } from '../../support/processes.ts';
import { proved } from '../../support/proved.ts';
import { agreed, goesOn } from './fleet-agreement.ts';

const PROFILE = `
scenes: { porch: { camera: "synthetic?size=640x360", width: 320, height: 180, kbitPerS: 200 } }
ramp: 2s
owners: { share: 50, decline: 20, revoke: 30 }
answerAfter: { from: 0s, to: 2s }
revokeAfter: { from: 0s, to: 4s }
`;
export const PARTS = ['registry', 'vault', 'broker', 'bridge'] as const;
type Part = (typeof PARTS)[number];
const PATIENCE_S = 120;
const LOOK_AGAIN_MS = 20;

const portsSchema = z.object({ ports: z.record(z.enum(PARTS), z.int().positive()) });

/** The process of a part of the fleet's testbed, or null. */
function pidOf(fleet: Running, part: Part): number | null {
  const isPart = (pid: number) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`entry.js\0${partArguments(part).join('\0')}\0--`);
    } catch {
      return false;
    }
  };
  return descendants(fleet.child.pid ?? 0).find(isPart) ?? null;
}

/** Whether a port of this machine is open. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** Kills a part. Returns for how long its port was closed. */
async function kill(fleet: Running, part: Part, data: string): Promise<number> {
  const { ports } = portsSchema.parse(JSON.parse(readFileSync(join(data, 'town.json'), 'utf8')));
  const pid = pidOf(fleet, part);
  if (pid === null) throw new Error(`no ${part} runs`);
  process.kill(pid, 'SIGKILL');
  const killedMs = performance.now();
  const patience = { timeout: PATIENCE_S * 1_000, interval: LOOK_AGAIN_MS };
  // A dying process has no command line any more while it still listens: wait for another one.
  await expect.poll(() => [null, pid].includes(pidOf(fleet, part)), patience).toBe(false);
  await expect.poll(() => listens(ports[part]), patience).toBe(true);
  return performance.now() - killedMs;
}

export interface FleetOfFaults {
  /** The parent of all folders; the caller removes it. */
  folder: string;
  doorbells: number;
  parts: readonly Part[];
  /** Interval of requests. */
  askS: number;
  /** Called with the fleet, so that it can be ended in any case. */
  running: (fleet: Running) => void;
}

/** Kills each of these parts once, and compares the result with what was acknowledged. */
export async function killUnderFleet(test: TestContext, { folder, doorbells, parts, askS, running }: FleetOfFaults) {
  const data = join(folder, 'data');
  const profile = join(folder, 'profile.yaml');
  await writeFile(profile, PROFILE);
  const size = ['--doorbells', String(doorbells), '--seed', '3', '--profile', profile, '--ask', `${askS}s`];
  const fleet = new Running(['fleet', ...size, '--data', data, '--json']);
  running(fleet);
  await fleet.line('all doorbells', ({ event, up }) => event === 'second' && up === doorbells, PATIENCE_S);
  await goesOn(fleet, 'the start', PATIENCE_S);
  for (const part of parts) {
    const awayMs = await kill(fleet, part, data);
    await goesOn(fleet, `the ${part} was killed`, PATIENCE_S);
    const figure = `away ${(awayMs / 1_000).toFixed(1)} s, clips and recalls go on`;
    console.log(`${part} killed under a fleet of ${doorbells}: ${figure}`);
    proved(test, `${part} killed under a fleet of ${doorbells}`, figure);
  }
  fleet.child.kill('SIGINT');
  const status = await fleet.ended(PATIENCE_S);
  const ended = fleet.lines.find(({ event }) => event === 'ended');
  expect(ended).toMatchObject({ up: doorbells, failed: 0, died: 0, unbelieved: 0, clipsUnderWay: 0, segmentsLost: 0 });
  expect(status).toBe(0);
  const { arrived, shown } = await agreed(data);
  const { clipsStored, clipsShown } = z.object({ clipsStored: z.int(), clipsShown: z.int() }).parse(ended);
  // For each of these an owner has its doorbell's signed receipt.
  expect(arrived).toBeGreaterThanOrEqual(clipsStored);
  expect(clipsShown).toBe(shown);
  const figure = `${clipsStored} clips acknowledged, 0 lost, 0 twice, 0 shown after a recall`;
  proved(test, `each part killed under a fleet of ${doorbells}`, figure);
}
