// Owns: what must hold of a simulated town when its faults are over: everything came to rest, ledgers are whole, and what bridge and vault hold is
// what was granted. Not here: what must hold meanwhile (town-watch.ts).
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { type Disk, isFailure, verifyClip, walkLedger } from '../../device/index.ts';
import { evidenceId } from '../officer/evidence-desk.ts';
import { FRAME_US } from './ffmpeg-twin.ts';
import type { SignedOrder, TownHome } from './town-home.ts';
import type { TownServices } from './town-services.ts';
import type { TownWatch } from './town-watch.ts';

const CLIP_BYTES_MAX = 64 * 1024 * 1024;
const TOKEN_BYTES_MAX = 64 * 1024;
/** Entries after which nothing is done about a grant any more. */
const ENDINGS = new Set(['delivered', 'deleted', 'recalled', 'failed', 'ended', 'revoked']);

/** What a ledger says of one grant: types of its entries in order, and the clip that was sealed. */
interface Story {
  readonly types: string[];
  readonly outcomes: string[];
  sha256: string | null;
  clip: string | null;
}

/** Walks a home's ledger; resolves with the story of each grant. Throws `consent_ledger_damaged`. */
async function storiesOf(home: TownHome): Promise<Map<string, Story>> {
  const stories = new Map<string, Story>();
  await walkLedger(home.disk, home.ledgerFolder, home.device, (entry) => {
    if (!('grant' in entry.body)) return;
    const story = stories.get(entry.body.grant) ?? { types: [], outcomes: [], sha256: null, clip: null };
    story.types.push(entry.type);
    if (entry.type === 'failed') story.outcomes.push(entry.body.code);
    if (entry.type === 'ended') story.outcomes.push(entry.body.reason);
    if (entry.type === 'sealed') {
      story.sha256 = entry.body.clip.sha256;
      story.clip = entry.body.clip.id;
    }
    stories.set(entry.body.grant, story);
  });
  return stories;
}

/** Whether every grant has come to an end, and its owner has heard of everything. Throws `consent_ledger_damaged`. */
export async function isAtRest(homes: readonly TownHome[]): Promise<boolean> {
  for (const home of homes) {
    if (!home.isUp || !home.isAnswered) return false;
    for (const { types } of (await storiesOf(home)).values()) if (!isEnded(types)) return false;
  }
  return true;
}

function isEnded(types: readonly string[]): boolean {
  const last = types.findLast((type) => type !== 'token-presented' && type !== 'revoked-ahead');
  // A revocation of a clip that was never offered needs no answer of the bridge.
  if (last === 'revoked') return !types.includes('token-presented');
  return last === undefined || ENDINGS.has(last);
}

export interface TownFacts {
  readonly homes: readonly TownHome[];
  readonly services: TownServices;
  readonly watch: TownWatch;
  readonly unlawful: ReadonlySet<string>;
}

/** Holds the town against what owners signed. Breaches are noted in the watch. Returns a line for each grant, for the trace. */
export async function judgeTown(town: TownFacts): Promise<string[]> {
  const lines: string[] = [];
  for (const home of town.homes) {
    try {
      for (const [grant, story] of await storiesOf(home)) {
        lines.push(`${home.plan.name} ${grant} ${[...story.types, ...story.outcomes].join(' ')}`);
        judgeStory(town, home, grant, story);
        await judgeClip(town, home, grant, story);
      }
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      town.watch.breach('6', `the ledger of ${home.plan.name} does not verify: ${thrown.message}`);
    }
    judgeSilence(town, home);
  }
  return lines;
}

function judgeStory({ watch, unlawful }: TownFacts, home: TownHome, grant: string, { types }: Story): void {
  const { name } = home.plan;
  const order = grantOrderOf(home, grant);
  if (!order) watch.breach('4', `${name} recorded the grant ${grant}, which its owner never signed`);
  if (order && unlawful.has(order.request)) watch.breach('4', `${name} granted an agency that must not be served`);
  for (const type of ['granted', 'sealed', 'delivered', 'token-presented']) {
    if (types.filter((one) => one === type).length > 1) watch.breach('4', `${name} recorded ${type} of ${grant} twice`);
  }
  const places = ['granted', 'sealed', 'token-presented', 'delivered']
    .map((type) => types.indexOf(type))
    .filter((at) => at >= 0);
  if (places.some((at, index) => at < (places[index - 1] ?? -1)))
    watch.breach('6', `the ledger of ${name} tells ${grant} in another order: ${types.join(' ')}`);
}

/** What bridge and vault hold of a grant. */
async function judgeClip({ services, watch }: TownFacts, home: TownHome, grant: string, story: Story): Promise<void> {
  const { disk } = services;
  if (story.clip === null) return;
  const item = evidenceId(services.part('bridge').id, story.clip);
  const places = [`${services.path('vault')}/blobs/${item}`, `${services.path('bridge')}/clips/${story.clip}`];
  const held: { place: string; bytes: Uint8Array }[] = [];
  for (const place of places) {
    const bytes = await disk.readFile(`${place}/clip.mp4`, CLIP_BYTES_MAX);
    if (bytes) held.push({ place, bytes });
  }
  const { name } = home.plan;
  const isTakenBack =
    story.types.includes('deleted') || (story.types.includes('revoked') && !story.types.includes('recalled'));
  if (isTakenBack && held.length > 0)
    watch.breach('8', `a clip of ${name} is still there although ${grant} was revoked`);
  if (story.types.at(-1) === 'delivered' && held.length === 0)
    watch.breach('7', `the clip of ${grant} of ${name} is nowhere`);
  for (const { place, bytes } of held) {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (sha256 !== story.sha256) watch.breach('7', `another clip than that of ${name}'s ledger is held under ${grant}`);
    await judgeContent({ disk, watch }, grantOrderOf(home, grant), place, bytes);
  }
}

/** 2: exactly the pictures of the window; the statement beside the clip vouches for it. */
async function judgeContent(
  { disk, watch }: { disk: Disk; watch: TownWatch },
  order: SignedOrder | undefined,
  place: string,
  bytes: Uint8Array,
): Promise<void> {
  const statement = await disk.readFile(`${place}/manifest.jws`, TOKEN_BYTES_MAX);
  if (!statement || !order?.window) return;
  try {
    const { manifest } = await verifyClip(
      Readable.from([Buffer.from(bytes)]),
      new TextDecoder().decode(statement).trim(),
      {},
    );
    const { startUs, endUs } = order.window;
    const wanted = Math.ceil((endUs - startUs) / FRAME_US);
    if (manifest.frames !== wanted)
      watch.breach('2', `a clip holds ${manifest.frames} pictures where ${wanted} were granted`);
    if (JSON.stringify(manifest.window) !== JSON.stringify(order.window))
      watch.breach('2', 'a clip tells another window');
  } catch (thrown) {
    watch.breach(
      '2',
      `a clip that is held does not verify: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    );
  }
}

/** 5: of a home that granted nothing, the bridge has heard nothing. */
function judgeSilence({ watch }: TownFacts, home: TownHome): void {
  const { name, manner } = home.plan;
  if (manner !== 'shares' && watch.toBridge(name) > 0)
    watch.breach('5', `the bridge heard ${watch.toBridge(name)} bytes of ${name}, which granted nothing`);
}

function grantOrderOf(home: TownHome, grant: string): SignedOrder | undefined {
  return home.orders.find((order) => order.kind === 'grant' && order.jti === grant);
}
