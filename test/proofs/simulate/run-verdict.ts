// The checks at the end of a run: everything has come to rest, ledgers verify, and bridge and vault hold exactly what was granted.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { SealingKeyPair } from '@doorsill/base/hpke';
import { sha256Hex } from '@doorsill/base/keys';
import { readSealingKeys } from '@doorsill/base/sealing-keys';
import { type ClipLeaves, CustodyEntry, FACTS } from '@doorsill/contract/custody';
import { parseToken } from '@doorsill/contract/jws';
import { Grant } from '@doorsill/contract/owner-orders';
import { parseJson } from '@doorsill/contract/parse-json';
import { Verdict } from '@doorsill/contract/verdict';
import { walkLedger } from '@doorsill/device/ledger/ledger';
import { isFailure } from 'doorsill/errors';
import { evidenceId } from 'doorsill/officer/evidence-client';
import { FollowedRequests } from './coverage.ts';
import { FRAME_US } from './ffmpeg-twin.ts';
import { readHeldClip } from './held-clip.ts';
import type { NetworkWatch } from './network-watch.ts';
import type { SimulatedAgencies } from './simulated-agencies.ts';
import type { SimulatedHome } from './simulated-home.ts';
import type { SignedOrder } from './simulated-owner.ts';
import type { SimulatedServices } from './simulated-services.ts';

const CLIP_BYTES_MAX = 64 * 1024 * 1024;
const TOKEN_BYTES_MAX = 64 * 1024;
/** Outcomes of a decision. */
const DECIDED = new Set<string>(['granted', 'denied', 'revoked']);
/** Entries after which a grant is finished. */
const ENDINGS = new Set(['delivered', 'deleted', 'recalled', 'failed', 'ended', 'revoked']);

/** The judged parts of a home, of the services, and of the observations. */
export type JudgedHome = Pick<
  SimulatedHome,
  'device' | 'disk' | 'facts' | 'isUp' | 'ledgerFolder' | 'orders' | 'receipts'
> & {
  readonly plan: Pick<SimulatedHome['plan'], 'manner' | 'name'>;
  readonly owner: Pick<SimulatedHome['owner'], 'isAnswered' | 'leavesOf'>;
};
export type JudgedServices = Pick<SimulatedServices, 'bridgeId' | 'disk' | 'path'>;
type Watched = Pick<
  NetworkWatch,
  'breach' | 'forged' | 'keptByBridge' | 'officersRead' | 'stolen' | 'toBridge' | 'uploads'
>;
type JudgedAgencies = Pick<SimulatedAgencies, 'forgotten' | 'shownAtVault' | 'shownBeyond' | 'unlawful'>;

/** A ledger's entries about one grant: their types in order, and the sealed clip. */
interface GrantEntries {
  readonly types: string[];
  readonly outcomes: string[];
  sha256: string | null;
  clip: string | null;
}

type EntriesByGrant = ReadonlyMap<string, GrantEntries>;

/** A home's ledger: the entries of each grant, the orders and denied requests in it, and its coverage. */
interface LedgerContents {
  readonly reached: readonly string[];
  readonly grants: Map<string, GrantEntries>;
  readonly orders: Set<string>;
}

/** Reads a home's ledger. Throws `consent_ledger_damaged`. */
async function readLedger(home: JudgedHome): Promise<LedgerContents> {
  const grants = new Map<string, GrantEntries>();
  const orders = new Set<string>();
  const requests = new FollowedRequests();
  await walkLedger(home.disk, home.ledgerFolder, home.device, (entry) => {
    requests.entry(entry);
    if ('jti' in entry.body) orders.add(entry.body.jti);
    if (entry.type === 'denied') orders.add(entry.body.request);
    if (!('grant' in entry.body)) return;
    if (entry.type === 'granted') orders.add(entry.body.grant);
    const entries = grants.get(entry.body.grant) ?? { types: [], outcomes: [], sha256: null, clip: null };
    entries.types.push(entry.type);
    if (entry.type === 'failed') entries.outcomes.push(entry.body.code);
    if (entry.type === 'ended') entries.outcomes.push(entry.body.reason);
    if (entry.type === 'sealed') {
      entries.sha256 = entry.body.clip.sha256;
      entries.clip = entry.body.clip.id;
    }
    grants.set(entry.body.grant, entries);
  });
  return { grants, orders, reached: requests.reached };
}

/**
 * Whether every grant has ended, its owner has got every receipt, and its clip has one holder and is not in transit. Throws
 * `consent_ledger_damaged`.
 */
export async function isAtRest(homes: readonly JudgedHome[], services: JudgedServices): Promise<boolean> {
  for (const home of homes) {
    if (!home.isUp || !home.owner.isAnswered) return false;
    for (const { types } of (await readLedger(home)).grants.values()) if (!isEnded(types)) return false;
  }
  const { clips, items, bridgeId, ready, arriving } = await heldBy(services);
  if (ready.length > 0 || arriving.length > 0) return false;
  return clips.every((clip) => !items.includes(evidenceId(bridgeId, clip)));
}

/** What bridge and vault hold, by name: visible clips and items, and prepared, staged and incoming ones. */
async function heldBy(services: JudgedServices) {
  const { disk, bridgeId } = services;
  const [bridge, vault] = [services.path('bridge'), services.path('vault')];
  return {
    bridgeId,
    clips: await disk.list(`${bridge}/clips`),
    items: await disk.list(`${vault}/blobs`),
    ready: await disk.list(`${bridge}/ready`),
    staged: await disk.list(`${bridge}/staging`),
    arriving: await disk.list(`${vault}/staging`),
  };
}

function isEnded(types: readonly string[]): boolean {
  const last = types.findLast((type) => type !== 'token-presented' && type !== 'revoked-ahead');
  // The bridge need not confirm the revocation of a clip that was never offered.
  if (last === 'revoked') return !types.includes('token-presented');
  return last === undefined || ENDINGS.has(last);
}

export interface RunFacts {
  readonly homes: readonly JudgedHome[];
  readonly services: JudgedServices;
  readonly watch: Watched;
  readonly agencies: JudgedAgencies;
  /** Whether the bridge lies: then its contents are not judged. */
  readonly isCaptured: boolean;
}

/** Judges a run against its owners' orders. Breaches are added to the watch. Returns a line for each grant, and the coverage. */
export async function judgeRun(run: RunFacts): Promise<{ lines: string[]; reached: string[] }> {
  const lines: string[] = [];
  const reached: string[] = [];
  /** Each grant's entries in the ledgers. */
  const all = new Map<string, GrantEntries>();
  const keys = await vaultKeys(run.services);
  for (const home of run.homes) {
    try {
      const { grants, orders, ...contents } = await readLedger(home);
      reached.push(...contents.reached);
      judgeReceipts(run, home, orders);
      for (const [grant, entries] of grants) {
        lines.push(`${home.plan.name} ${grant} ${[...entries.types, ...entries.outcomes].join(' ')}`);
        reached.push(...[...entries.types, ...entries.outcomes].map((what) => `ledger ${what}`));
        all.set(grant, entries);
        judgeEntries(run, home, grant, entries);
        if (!run.isCaptured) await judgeClip(run, home, grant, entries, keys);
      }
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      run.watch.breach('6', `the ledger of ${home.plan.name} does not verify: ${thrown.message}`);
    }
    judgeSilence(run, home);
    reached.push(...answersTo(home));
  }
  if (!run.isCaptured) {
    await judgeHolders(run, all);
    await judgeOutOfSight(run, all);
    for (const path of await filesIn(run.services.disk, run.services.path('bridge')))
      run.watch.keptByBridge(path, (await run.services.disk.readFile(path, CLIP_BYTES_MAX)) ?? new Uint8Array(0));
    reached.push(...(await judgeShown(run, keys)));
  }
  return { lines, reached };
}

/** A home's answers, with the orders that they answer. */
function answersTo({ receipts, orders }: JudgedHome): string[] {
  return receipts.flatMap(({ outcome, code, answers }) => {
    const kind = orders.find(({ jti }) => jti === answers)?.kind ?? 'none';
    const why = code === undefined ? '' : ` ${code}`;
    return [`answer ${outcome}`, `receipt ${outcome}${why}`, `order ${kind} ${outcome}${why}`];
  });
}

/** 6: every decision in a receipt is in the ledger. */
function judgeReceipts({ watch }: RunFacts, home: JudgedHome, orders: ReadonlySet<string>): void {
  for (const { outcome, answers, request = '' } of home.receipts) {
    if (answers === undefined || !DECIDED.has(outcome)) continue;
    if (orders.has(outcome === 'denied' ? request : answers)) continue;
    watch.breach('6', `${home.plan.name} answered ${outcome}, and its ledger does not contain ${answers}`);
  }
}

/** 7: bridge and vault hold only what a home has sealed, once. 4: the bridge shows an agency only what was granted to it. */
async function judgeHolders({ services, watch, agencies }: RunFacts, all: EntriesByGrant): Promise<void> {
  const { bridgeId, ...held } = await heldBy(services);
  const [clips, items] = [new Set(held.clips), new Set(held.items)];
  for (const { clip } of all.values()) {
    if (clip === null) continue;
    const isHandedOver = items.delete(evidenceId(bridgeId, clip));
    if (clips.delete(clip) && isHandedOver) watch.breach('7', `the bridge still has ${clip}, which the vault has, too`);
  }
  // The bridge cannot read an encrypted clip, so that it takes in a forged one.
  for (const clip of watch.forged) {
    clips.delete(clip);
    items.delete(evidenceId(bridgeId, clip));
  }
  for (const name of [...clips, ...items]) watch.breach('7', `${name} is held, and no home has sealed it`);
  for (const line of await agencies.shownBeyond()) watch.breach('4', line);
  for (const line of await agencies.forgotten()) watch.breach('what was answered stays', line);
}

/** 7: nothing is in transit any more. 8: no part of a revoked clip remains. */
async function judgeOutOfSight({ services, watch }: RunFacts, all: EntriesByGrant): Promise<void> {
  const { ready, staged, arriving } = await heldBy(services);
  for (const name of arriving) watch.breach('7', `${name} is still on its way into the vault`);
  for (const name of ready) {
    const [grant, entries] = [...all].find(([, { clip }]) => clip === name) ?? [];
    if (entries && isRevoked(entries))
      watch.breach('8', `the clip of ${grant} is still prepared, although it was revoked`);
    else watch.breach('7', `${name} is made ready, and the bridge does not store it`);
  }
  for (const upload of staged) {
    if (watch.stolen.has(upload)) continue;
    const grant = watch.uploads.get(upload) ?? '';
    const entries = all.get(grant);
    // If the bridge's answer was lost, an upload unknown to any home remains, and is empty.
    if (!entries && ((await services.disk.sizeOf(`${services.path('bridge')}/staging/${upload}`)) ?? 0) > 0)
      watch.breach('7', `${upload} is staged, and no home has sent it`);
    if (entries && isRevoked(entries))
      watch.breach('8', `a part of the clip of ${grant} is staged, although it was revoked`);
    else if (entries?.types.includes('delivered'))
      watch.breach('7', `the clip of ${grant} was delivered, and is staged`);
  }
}

function isRevoked({ types }: GrantEntries): boolean {
  return types.includes('deleted') || (types.includes('revoked') && !types.includes('recalled'));
}

function judgeEntries({ watch, agencies }: RunFacts, home: JudgedHome, grant: string, { types }: GrantEntries): void {
  const { name } = home.plan;
  const order = grantOrderOf(home, grant);
  if (order?.mistake !== undefined) watch.breach('4', `${name} recorded ${grant}, which is ${order.mistake}`);
  // A revocation without a grant is recorded, too.
  const isActing = types.some((type) => type !== 'revoked-ahead');
  if (!order && isActing) watch.breach('4', `${name} recorded the grant ${grant}, which its owner never signed`);
  const granted = Grant.safeParse(order && parseToken(order.token)?.claims);
  if (granted.success && agencies.unlawful.has(granted.data.requestSha256))
    watch.breach('4', `${name} granted an agency that must not be served`);
  for (const type of ['granted', 'sealed', 'delivered', 'token-presented']) {
    if (types.filter((one) => one === type).length > 1) watch.breach('4', `${name} recorded ${type} of ${grant} twice`);
  }
  const places = ['granted', 'sealed', 'token-presented', 'delivered']
    .map((type) => types.indexOf(type))
    .filter((at) => at >= 0);
  if (places.some((at, index) => at < (places[index - 1] ?? -1)))
    watch.breach('6', `the ledger of ${name} has ${grant} in another order: ${types.join(' ')}`);
}

/** 9: the vault shows its officers exactly the encrypted clips that are as granted. Returns the coverage. */
async function judgeShown({ services, watch, agencies }: RunFacts, keys: readonly SealingKeyPair[]): Promise<string[]> {
  const { disk } = services;
  const blobs = `${services.path('vault')}/blobs`;
  const reached: string[] = [];
  watch.officersRead();
  for (const item of await disk.list(blobs)) {
    const { bytes, token } = await filesOf(disk, `${blobs}/${item}`);
    // What cannot be read at all is reported where it was granted.
    const held = bytes && token !== null ? await readHeldClip(bytes, token, keys).catch(() => null) : null;
    if (!held?.outcome) continue;
    const { outcome, good } = held;
    const shown = await agencies.shownAtVault(item);
    const isShown = typeof shown !== 'string';
    reached.push(`verdict ${outcome}`, `evidence ${isShown ? 'shown' : shown}`);
    if (isShown && (!good || Buffer.compare(shown, good.clip) !== 0))
      watch.breach('9', `the vault shows ${item}, which is not what was granted: ${outcome}`);
    if (shown === 'evidence_unopened' && good) watch.breach('9', `the vault refuses ${item}, which is as granted`);
  }
  return reached;
}

/** What bridge and vault hold for a grant. */
async function judgeClip(
  { services, watch }: RunFacts,
  home: JudgedHome,
  grant: string,
  entries: GrantEntries,
  keys: readonly SealingKeyPair[],
): Promise<void> {
  const { disk } = services;
  if (entries.clip === null) return;
  const item = evidenceId(services.bridgeId, entries.clip);
  const places = [`${services.path('vault')}/blobs/${item}`, `${services.path('bridge')}/clips/${entries.clip}`];
  const held: { place: string; bytes: Uint8Array; token: string | null }[] = [];
  for (const place of places) {
    const { bytes, token } = await filesOf(disk, place);
    if (bytes) held.push({ place, bytes, token });
  }
  const { name } = home.plan;
  const isGone = isRevoked(entries);
  if (isGone && held.length > 0) watch.breach('8', `a clip of ${name} is still there although ${grant} was revoked`);
  if (!isGone && held.length > 0 && !entries.types.includes('recalled') && wasRevoked(home, grant))
    watch.breach('8', `a clip of ${name} is held although its owner had revoked ${grant} before`);
  if (entries.types.at(-1) === 'delivered' && held.length === 0)
    watch.breach('7', `the clip of ${grant} of ${name} is nowhere`);
  for (const { place, bytes, token } of held) {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (sha256 !== entries.sha256)
      watch.breach('7', `another clip than that of ${name}'s ledger is held under ${grant}`);
    if (token === null) watch.breach('2', 'a clip is held without its statement');
    else await judgeContent(watch, home, grant, { bytes, token, keys, isAtVault: place === places[0] });
  }
}

/** Answers after which a revoked grant can never act. */
const REFUSED_FOR_GOOD = new Set<string>(['consent_nothing_to_revoke', 'consent_revocation_unrecorded']);

/** Whether the owner has revoked a grant, and the home has answered. */
function wasRevoked({ orders, receipts }: JudgedHome, grant: string): boolean {
  const revocation = orders.find((order) => order.kind === 'revoke' && order.grant === grant);
  const answered = receipts.filter(({ answers }) => answers !== undefined && answers === revocation?.jti);
  return answered.some(({ outcome, code }) => outcome !== 'refused' || REFUSED_FOR_GOOD.has(code ?? ''));
}

/** 2: the clip contains exactly the window's pictures, and its statement vouches for it. 3: it discloses exactly the granted facts. */
async function judgeContent(
  watch: Watched,
  home: JudgedHome,
  grant: string,
  file: { bytes: Uint8Array; token: string; keys: readonly SealingKeyPair[]; isAtVault: boolean },
): Promise<void> {
  const order = grantOrderOf(home, grant);
  if (!order?.window) return;
  try {
    const { statement, outcome, good } = await readHeldClip(file.bytes, file.token, file.keys);
    if (!good) watch.breach('2', `a clip that is held is not what its statement says: ${outcome}`);
    const { startUs, endUs } = order.window;
    const wanted = Math.ceil((endUs - startUs) / FRAME_US);
    if (statement.frames !== wanted)
      watch.breach('2', `a clip holds ${statement.frames} pictures where ${wanted} were granted`);
    if (JSON.stringify(statement.window) !== JSON.stringify(order.window))
      watch.breach('2', 'a clip states another window');
    const granted = (order.disclose ?? []).map((key) => [key, home.facts[key as keyof typeof home.facts]]);
    if (good && JSON.stringify(Object.entries(good.disclosed).sort()) !== JSON.stringify(granted.sort()))
      watch.breach('3', `a clip discloses other facts than ${grant} grants`);
    const { sealing } = Grant.parse(parseToken(order.token)?.claims).recipient;
    if (statement.sealed?.recipientKey !== sealing?.key) watch.breach('9', `a clip is not encrypted as ${grant} says`);
    if (outcome === null || !file.isAtVault) return;
    const said = vaultVerdictsIn(await home.owner.leavesOf(grant));
    if (said.join() !== outcome)
      watch.breach(
        '9',
        `the bridge’s log says ${said.join() || 'nothing'} of the clip of ${grant}, which is ${outcome}`,
      );
  } catch (thrown) {
    watch.breach(
      '2',
      `a clip that is held does not verify: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    );
  }
}

/** The outcomes of a vault's verdicts, which are in the bridge's log and beside it. */
function vaultVerdictsIn({ leaves, verdicts = [] }: ClipLeaves): string[] {
  const claims = new Map(verdicts.map((token) => [sha256Hex(token), Verdict.parse(parseToken(token)?.claims)]));
  return leaves.flatMap(({ entry, facts }) => {
    if (CustodyEntry.parse(parseJson(entry)).kind !== 'opening') return [];
    const { by, outcome, verdictSha256 } = FACTS.opening.parse(parseJson(facts));
    if (by !== 'vault') return [];
    return [claims.get(verdictSha256)?.outcome === outcome ? outcome : `${outcome} without a verdict`];
  });
}

/** A held clip's file and statement; null for what is not there. */
async function filesOf(disk: Disk, place: string): Promise<{ bytes: Uint8Array | null; token: string | null }> {
  const bytes = await disk.readFile(`${place}/clip.mp4`, CLIP_BYTES_MAX);
  const statement = await disk.readFile(`${place}/manifest.jws`, TOKEN_BYTES_MAX);
  return { bytes, token: statement && new TextDecoder().decode(statement).trim() };
}

/** All files below a folder. */
async function filesIn(disk: Disk, folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await disk.list(folder)) {
    const path = join(folder, name);
    const inside = await filesIn(disk, path).catch(() => null);
    found.push(...(inside ?? [path]));
  }
  return found;
}

/** The keys that clips are encrypted to, also the former ones. Throws `state_damaged`. */
async function vaultKeys(services: JudgedServices): Promise<readonly SealingKeyPair[]> {
  return (await readSealingKeys(services.disk, join(services.path('vault'), 'sealing.keys'))) ?? [];
}

/** 5: the bridge got nothing from a home that granted nothing. */
function judgeSilence({ watch }: RunFacts, home: JudgedHome): void {
  const { name, manner } = home.plan;
  if (manner !== 'shares' && watch.toBridge(name) > 0)
    watch.breach('5', `the bridge got ${watch.toBridge(name)} bytes of ${name}, which granted nothing`);
}

function grantOrderOf(home: JudgedHome, grant: string): SignedOrder | undefined {
  return home.orders.find((order) => order.kind === 'grant' && order.jti === grant);
}
