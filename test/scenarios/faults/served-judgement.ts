// The checks of a layout after faults: everything confirmed to homes, agencies and operators exists once, and nothing revoked is shown.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { deviceIdOf, loadDeviceKey } from '../../../device/identity.ts';
import { walkLedger } from '../../../device/ledger/ledger.ts';
import { listClipPage } from '../../../sim/officer/agency-client.ts';
import { bridgeAt } from '../../support/agency-of-fleet.ts';
import { instancePlace, openBridgeAt } from '../../support/bridge-database.ts';
import type { ServedLayout } from '../../support/served-layout.ts';
import { arrivedClips } from './fleet-agreement.ts';
import { kill } from './served-faults.ts';

const disk = new SystemDisk();
const DEPS = { clock: new SystemClock(), random: new SystemRandom(), disk };

/** The bridge's signed answers to homes, each as `device grant`. */
export interface ToldHomes {
  stored: Set<string>;
  /** Answered revocations: deleted, or recalled from the vault. */
  takenBack: Set<string>;
}

/** Reads the ledgers of a fleet's doorbells, verified by their signed heads. */
export async function toldHomes(fleet: string): Promise<ToldHomes> {
  const told: ToldHomes = { stored: new Set(), takenBack: new Set() };
  for (const name of readdirSync(join(fleet, 'doorbells'))) {
    const folder = join(fleet, 'doorbells', name);
    const key = await loadDeviceKey(disk, folder);
    if (!key) continue;
    const device = deviceIdOf(key);
    await walkLedger(disk, join(folder, 'consent'), { id: device, key: key.publicKey }, ({ type, body }) => {
      if (type === 'delivered') told.stored.add(`${device} ${body.grant}`);
      if (type === 'deleted' || type === 'recalled') told.takenBack.add(`${device} ${body.grant}`);
    });
  }
  return told;
}

const rowsSchema = z.array(
  z.object({
    place: z.string(),
    clip: z.string(),
    sha256: z.string(),
    state: z.string(),
    item: z.string(),
    handOver: z.string(),
    isRevoked: z.boolean(),
  }),
);
const ROWS = `select device || ' ' || grant_id as place, clip, clip_sha256 as sha256, intakes.state, coalesce(item, '') as item,
    coalesce(hand_overs.state, '') as "handOver", revoked_grants.receipt is not null as "isRevoked"
  from doorsill_bridge.intakes left join doorsill_bridge.hand_overs using (device, grant_id)
  left join doorsill_bridge.revoked_grants using (device, grant_id)`;
/** Including revocations of clips that had not arrived yet. */
const REVOKED = `select device || ' ' || grant_id as place from doorsill_bridge.revoked_grants`;
const UNDER_WAY = `select item, state from doorsill_bridge.hand_overs where state in ('offered', 'handed-over', 'withdrawing', 'recalling')`;
type Row = z.infer<typeof rowsSchema>[number];

/** Resolves when nothing is in transit between bridges and vault, and leftovers of killed servers in the buckets are swept. */
export async function settled(layout: ServedLayout, seconds: number): Promise<void> {
  const underWay = () => layout.primary.ask(UNDER_WAY, 'bridge');
  await expect.poll(underWay, { timeout: seconds * 1_000, interval: 500 }).toEqual([]);
  // A start sweeps when it is due.
  await layout.primary.ask('update doorsill_bridge.turns set done_s = 0', 'bridge');
  for (const name of ['a', 'vault'] as const) await kill(layout, name);
}

/** Compares database, custody log, buckets and the agency's list with each other and with the answers. Returns the number of clips. */
export async function judge(layout: ServedLayout, told: ToldHomes, codes: readonly string[]) {
  const rows = rowsSchema.parse(await layout.primary.ask(ROWS, 'bridge'));
  const byPlace = new Map(rows.map((row) => [row.place, row]));
  // Each confirmed grant exists once.
  for (const place of told.stored) {
    const row = byPlace.get(place);
    expect(row && (row.state === 'stored' || row.isRevoked), `${place} was acknowledged`).toBe(true);
  }
  const revoked = await layout.primary.ask(REVOKED, 'bridge');
  const revokedPlaces = new Set(revoked.map(({ place }) => place));
  expect(
    [...told.takenBack].filter((place) => !revokedPlaces.has(place)),
    'recalls that are lost',
  ).toEqual([]);
  expect(rows.filter(({ state, isRevoked }) => isRevoked && state !== 'deleted')).toEqual([]);
  const looker = instancePlace(layout.primary.socketUrl('bridge'), 'looker');
  const arrived = await arrivedClips(await openBridgeAt(looker));
  expect(new Set(arrived).size, 'clips that arrived twice').toBe(arrived.length);
  const stored = rows.filter(({ state }) => state === 'stored');
  const known = new Set(rows.filter(({ state, isRevoked }) => state === 'stored' || isRevoked).map(({ clip }) => clip));
  expect(
    arrived.filter((clip) => !known.has(clip)),
    'clips that arrived and are lost',
  ).toEqual([]);
  expect(
    stored.filter(({ clip }) => !arrived.includes(clip)),
    'clips that never arrived',
  ).toEqual([]);
  await bytesAgree(layout, rows);
  expect((await shown(layout)).sort(), 'what the agency is shown').toEqual(stored.map(({ clip }) => clip).sort());
  const kept = await layout.primary.ask('select secret_sha256 as code from doorsill_bridge.enrolment_codes', 'bridge');
  const keptCodes = new Set(kept.map(({ code }) => code));
  expect(
    codes.filter((code) => !keptCodes.has(code)),
    'codes that were printed and are lost',
  ).toEqual([]);
  return { arrived: arrived.length, shown: stored.length, told: told.stored.size, takenBack: told.takenBack.size };
}

/** Each clip's bytes are in exactly one bucket, the bridges' or the vault's; a revoked clip's in none. */
async function bytesAgree(layout: ServedLayout, rows: readonly Row[]): Promise<void> {
  const [clips, evidence] = [await objectsIn(layout, 'clips'), await objectsIn(layout, 'evidence')];
  for (const { clip, item, sha256, state, handOver } of rows) {
    const atBridge = clips.get(clip);
    const atVault = item === '' ? undefined : evidence.get(item);
    if (state === 'stored') {
      const [bucket, key] = atVault === undefined ? ['clips', atBridge] : ['evidence', atVault];
      expect(key, `${clip} is in no bucket`).toBeDefined();
      expect(await hashOf(layout, bucket, key ?? ''), `${clip} has other bytes`).toBe(sha256);
    } else expect(atBridge, `${clip} is ${state}`).toBeUndefined();
    if (['withdrawn', 'recalled'].includes(handOver)) expect(atVault, `${clip} was taken back`).toBeUndefined();
  }
}

/** Keys of clips in a bucket, by their clip or item. */
async function objectsIn({ moto }: ServedLayout, bucket: string): Promise<Map<string, string>> {
  const keys: string[] = [];
  for (let more = true; more; ) {
    const after = encodeURIComponent(keys.at(-1) ?? '');
    const { text } = await moto.call('GET', `/${bucket}?list-type=2&max-keys=1000&start-after=${after}`);
    const page = [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key);
    keys.push(...page);
    more = page.length === 1_000;
  }
  const clips = keys.filter((key) => key.includes('/') && !key.endsWith('.jws'));
  const byName = new Map(clips.map((key) => [key.split('/')[0] ?? '', key]));
  expect(byName.size, `clips that are twice in ${bucket}`).toBe(clips.length);
  return byName;
}

async function hashOf({ moto }: ServedLayout, bucket: string, key: string): Promise<string> {
  const answer = await moto.ask('GET', `/${bucket}/${key}`);
  return createHash('sha256')
    .update(new Uint8Array(await answer.arrayBuffer()))
    .digest('hex');
}

/** The clips that the agency is shown. */
async function shown({ urls, agency }: ServedLayout): Promise<string[]> {
  const bridge = await bridgeAt(urls.bridge);
  const clips: string[] = [];
  for (let cursor: string | null = null; ; ) {
    const who = { officer: 'chaos', reason: 'what is shown' };
    const page: Awaited<ReturnType<typeof listClipPage>> = await listClipPage(DEPS, agency.key, bridge, who, cursor);
    clips.push(...page.clips.map(({ clip }) => clip));
    if (page.next === null) return clips;
    cursor = page.next;
  }
}

export interface Tampering {
  what: string;
  /** `codes`: hashes of the acknowledged ones. Resolves with a function that undoes the tampering. */
  tamper(layout: ServedLayout, codes: readonly string[]): Promise<() => Promise<unknown>>;
}

/** Violations that the checks must detect. */
export const TAMPERINGS: readonly Tampering[] = [
  {
    what: 'a write that was acknowledged is lost',
    tamper: async ({ primary }, [code = '']) => {
      const set = (from: string, to: string) =>
        primary.ask(
          `update doorsill_bridge.enrolment_codes set secret_sha256 = '${to}' where secret_sha256 = '${from}'`,
          'bridge',
        );
      await set(code, 'lost');
      return () => set('lost', code);
    },
  },
  {
    what: 'a clip that was taken back is shown',
    tamper: async ({ primary }) => {
      const revoked = 'doorsill_bridge.revoked_grants';
      const one = `(select max(clip) from doorsill_bridge.intakes where state = 'stored')`;
      await primary.ask(
        `insert into ${revoked} (device, grant_id, owner_key, grant_sha256, receipt, revoked_s)
         select device, grant_id, owner_key, grant_sha256, 'tampered', 0 from doorsill_bridge.intakes where clip = ${one}`,
        'bridge',
      );
      return () => primary.ask(`delete from ${revoked} where receipt = 'tampered'`, 'bridge');
    },
  },
  {
    what: 'evidence has other bytes',
    tamper: async (layout) => {
      const { moto } = layout;
      const [key = ''] = (await objectsIn(layout, 'evidence')).values();
      const bytes = new Uint8Array(await (await moto.ask('GET', `/evidence/${key}`)).arrayBuffer());
      await moto.ask('PUT', `/evidence/${key}`, bytes.slice(1));
      return () => moto.ask('PUT', `/evidence/${key}`, bytes);
    },
  },
  {
    what: 'a clip is there twice',
    tamper: async (layout) => {
      const [item = ''] = (await objectsIn(layout, 'evidence')).keys();
      const again = `/evidence/${item}/again.mp4`;
      await layout.moto.call('PUT', again, 'x');
      return () => layout.moto.call('DELETE', again);
    },
  },
];
