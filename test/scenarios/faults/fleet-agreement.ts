// Checks a fleet under faults: whether clips and recalls go on, and whether its testbed's stored data agrees at the end.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import { sha256Hex } from '../../../device/base/keys.ts';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import type { Line, Running } from '../../support/command-line.ts';
import { Sqlite } from '../../support/sqlite.ts';
import { wholeLog } from './bridge-rounds.ts';

const countsSchema = z.object({ requests: z.int(), clipsStored: z.int(), revocations: z.int() });

/** Waits until owners have seen another request, the bridge has stored another clip, and another was revoked. */
export async function goesOn(fleet: Running, what: string, patienceS: number): Promise<void> {
  const from = fleet.lines.length;
  const before = countsSchema.parse(fleet.lines.findLast(({ event }) => event === 'second'));
  const isMore = (line: Line) => {
    const now = countsSchema.safeParse(line).data;
    if (line['event'] !== 'second' || !now) return false;
    return (['requests', 'clipsStored', 'revocations'] as const).every((name) => now[name] > before[name]);
  };
  await fleet.line(`new clips after ${what}`, isMore, patienceS, from);
}

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
 * Compares custody log, bridge tables and folders of bridge and vault. Returns how many clips have ever arrived, and how many the agency is
 * shown.
 */
export async function agreed(data: string): Promise<{ arrived: number; shown: number }> {
  const path = join(data, 'bridge', 'bridge.sqlite');
  const arrived = await arrivedClips(await openBridgeDatabase(path));
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
    // An arrived clip is present, or its owner revoked it.
    const isRight = ({ state, refusal }: (typeof clips)[number]) => state === 'stored' || refusal === 'intake_revoked';
    const known = new Set(clips.filter(isRight).map(({ clip }) => clip));
    expect(arrived.filter((clip) => !known.has(clip))).toEqual([]);
    return { arrived: arrived.length, shown: stored.length };
  } finally {
    file.close();
  }
}

/** The clips that arrived according to the custody log, in its order; throws if the log is incomplete. Closes the database. */
export async function arrivedClips(database: Awaited<ReturnType<typeof openBridgeDatabase>>): Promise<string[]> {
  const { custody } = database;
  const clips: string[] = [];
  try {
    for (const { leaf, entry } of await wholeLog(custody)) {
      if (JSON.parse(entry).kind !== 'intake') continue;
      const opened = await custody.opened(leaf);
      clips.push(z.object({ clip: z.string() }).parse(JSON.parse(opened?.facts ?? '')).clip);
    }
    return clips;
  } finally {
    await database.close();
  }
}
