// @module-tag long
// Holds: while a fleet's agency asks and its owners share and take back, each part that it relies on is killed in turn. What a bridge has
// acknowledged stays, no clip is there twice, none is shown after it was taken back, and the log of custody is whole.
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { sha256Hex } from '../../../device/base/keys.ts';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import { type Line, Running, temporaryFolder } from '../../support/command-line.ts';
import { descendants } from '../../support/processes.ts';
import { proved } from '../../support/proved.ts';
import { wholeLog } from './bridge-rounds.ts';

const DOORBELLS = 30;
const PROFILE = `
scenes: { porch: { camera: "synthetic?size=640x360", width: 320, height: 180, kbitPerS: 200 } }
ramp: 2s
owners: { share: 50, decline: 20, revoke: 30 }
answerAfter: { from: 0s, to: 2s }
revokeAfter: { from: 0s, to: 4s }
`;
const PARTS = ['registry', 'vault', 'broker', 'bridge'] as const;
type Part = (typeof PARTS)[number];
const PATIENCE_S = 120;
const LOOK_AGAIN_MS = 20;

const portsSchema = z.object({ ports: z.record(z.enum(PARTS), z.int().positive()) });
const secondSchema = z.object({ asked: z.int(), clipsStored: z.int(), revocations: z.int() });

const folder = temporaryFolder('fleet-faults');
const data = join(folder.path, 'data');
let running: Running | null = null;
afterAll(async () => {
  await running?.stop();
  folder.dispose();
});

/** The process of a part of the fleet's testbed; null while there is none. */
function pidOf(fleet: Running, part: Part): number | null {
  const isPart = (pid: number) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`entry.js\0${part}\0`);
    } catch {
      return false;
    }
  };
  return descendants(fleet.child.pid ?? 0).find(isPart) ?? null;
}

/** Whether somebody listens at a port of this machine. */
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

/** Kills a part as a power cut does. Returns for how long nobody listened at its port. */
async function kill(fleet: Running, part: Part): Promise<number> {
  const { ports } = portsSchema.parse(JSON.parse(readFileSync(join(data, 'town.json'), 'utf8')));
  const pid = pidOf(fleet, part);
  if (pid === null) throw new Error(`no ${part} runs`);
  process.kill(pid, 'SIGKILL');
  const killedMs = performance.now();
  const patience = { timeout: PATIENCE_S * 1_000, interval: LOOK_AGAIN_MS };
  // A process that is dying shows no command line any more while it still listens: what counts is another one.
  await expect.poll(() => [null, pid].includes(pidOf(fleet, part)), patience).toBe(false);
  await expect.poll(() => listens(ports[part]), patience).toBe(true);
  return performance.now() - killedMs;
}

const secondsOf = (lines: readonly Line[]) => lines.filter(({ event }) => event === 'second');

/** Waits until the agency has asked again and the bridge has clips, and recalls, that it had not. */
async function goesOn(fleet: Running, what: string): Promise<void> {
  const from = fleet.lines.length;
  const before = secondSchema.parse(secondsOf(fleet.lines).at(-1));
  const isMore = (line: Line) => {
    const now = secondSchema.safeParse(line).data;
    if (line['event'] !== 'second' || !now) return false;
    const names = ['asked', 'clipsStored', 'revocations'] as const;
    return names.every((name) => now[name] > before[name]);
  };
  await fleet.line(`new clips after ${what}`, isMore, PATIENCE_S, from);
}

it('loses nothing that was acknowledged, whichever part is killed', { timeout: 900_000 }, async (test) => {
  const profile = join(folder.path, 'profile.yaml');
  await writeFile(profile, PROFILE);
  const size = ['--doorbells', String(DOORBELLS), '--seed', '3', '--profile', profile, '--ask', '6s'];
  const fleet = new Running(['fleet', ...size, '--data', data, '--json']);
  running = fleet;
  await fleet.line('all doorbells', ({ event, up }) => event === 'second' && up === DOORBELLS, PATIENCE_S);
  await goesOn(fleet, 'the start');
  for (const part of PARTS) {
    const awayMs = await kill(fleet, part);
    await goesOn(fleet, `the ${part} was killed`);
    const figure = `away ${(awayMs / 1_000).toFixed(1)} s, clips and recalls go on`;
    console.log(`${part} killed under a fleet of ${DOORBELLS}: ${figure}`);
    proved(test, `${part} killed under a fleet of ${DOORBELLS}`, figure);
  }
  fleet.child.kill('SIGINT');
  const status = await fleet.ended(PATIENCE_S);
  const ended = fleet.lines.find(({ event }) => event === 'ended');
  expect(ended).toMatchObject({ up: DOORBELLS, failed: 0, died: 0, unbelieved: 0, clipsUnderWay: 0, segmentsLost: 0 });
  expect(status).toBe(0);
  const { arrived, shown } = await agreed();
  const { clipsStored, clipsShown } = z.object({ clipsStored: z.int(), clipsShown: z.int() }).parse(ended);
  // For each of these an owner has its doorbell's signed receipt.
  expect(arrived).toBeGreaterThanOrEqual(clipsStored);
  expect(clipsShown).toBe(shown);
  const figure = `${clipsStored} clips acknowledged, 0 lost, 0 twice, 0 shown after a recall`;
  proved(test, `each part killed under a fleet of ${DOORBELLS}`, figure);
});

const rowsSchema = z.array(
  z.object({
    clip: z.string(),
    sha256: z.string(),
    state: z.string(),
    item: z.string(),
    handOver: z.string(),
    refusal: z.string(),
  }),
);
const CLIPS = `select clip, clip_sha256 as sha256, intakes.state, coalesce(item, '') as item, coalesce(hand_overs.state, '') as handOver,
    coalesce(refusal, '') as refusal
  from intakes left join hand_overs using (device, grant_id)`;
const TAKEN_BACK = `select count(*) as n from intakes join revoked_grants using (device, grant_id) where intakes.state <> 'deleted'`;

/**
 * Holds custody, the bridge's tables, its folder and the vault's to each other. Returns how many clips have ever arrived, and how many of
 * them the agency is shown.
 */
async function agreed(): Promise<{ arrived: number; shown: number }> {
  const path = join(data, 'bridge', 'bridge.sqlite');
  const arrived = await arrivals(path);
  expect(new Set(arrived).size).toBe(arrived.length);
  const file = new Sqlite(path, { readonly: true });
  try {
    expect(file.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    expect(file.prepare(TAKEN_BACK).get()).toEqual({ n: 0 });
    const clips = rowsSchema.parse(file.prepare(CLIPS).all());
    const stored = clips.filter(({ state }) => state === 'stored');
    for (const { clip, state, item, handOver, sha256 } of clips) {
      const atVault = join(data, 'vault', 'blobs', item, 'clip.mp4');
      const atBridge = join(data, 'bridge', 'clips', clip, 'clip.mp4');
      if (state === 'stored') {
        expect(arrived).toContain(clip);
        expect(sha256Hex(readFileSync(existsSync(atBridge) ? atBridge : atVault))).toBe(sha256);
      }
      if (state !== 'stored') expect(existsSync(atBridge), `${clip} is ${state}`).toBe(false);
      if (['withdrawn', 'recalled'].includes(handOver))
        expect(existsSync(atVault), `${item} was taken back`).toBe(false);
    }
    // What has arrived is there, or its owner took it back.
    const isRight = ({ state, refusal }: (typeof clips)[number]) => state === 'stored' || refusal === 'intake_revoked';
    const known = new Set(clips.filter(isRight).map(({ clip }) => clip));
    expect(arrived.filter((clip) => !known.has(clip))).toEqual([]);
    return { arrived: arrived.length, shown: stored.length };
  } finally {
    file.close();
  }
}

/** The clips that the log of custody says have arrived, in its order. */
async function arrivals(path: string): Promise<string[]> {
  const { custody, close } = await openBridgeDatabase(path);
  const clips: string[] = [];
  try {
    for (const { leaf, entry } of await wholeLog(custody)) {
      if (JSON.parse(entry).kind !== 'intake') continue;
      const opened = await custody.opened(leaf);
      clips.push(z.object({ clip: z.string() }).parse(JSON.parse(opened?.facts ?? '')).clip);
    }
    return clips;
  } finally {
    await close();
  }
}
