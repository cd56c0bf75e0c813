// Each rule of the verdict fires when it is broken, and none does otherwise.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { FACTS } from '../../../device/contract/custody.ts';
import type { Receipt } from '../../../device/contract/home-messages.ts';
import { Request } from '../../../device/contract/request.ts';
import type { VerdictOutcome } from '../../../device/contract/sealing.ts';
import { Ledger } from '../../../device/ledger/ledger.ts';
import type { LedgerBody } from '../../../device/ledger/ledger-entry.ts';
import { evidenceId } from '../../../sim/officer/evidence-client.ts';
import { Cast, claimsOf } from '../../support/parties.ts';
import { plainMp4 } from '../../support/plain-mp4.ts';
import { FRAME_US } from './ffmpeg-twin.ts';
import { forgeClip } from './forged-clip.ts';
import { MemoryDisk } from './memory-disk.ts';
import { isAtRest, type JudgedHome, judgeRun } from './run-verdict.ts';
import type { SignedOrder } from './simulated-owner.ts';
import { type StatedClip, statementOf as signStatement } from './support/statement-of.ts';

const clock = new ManualClock(Date.UTC(2026, 9, 5, 11) * 1_000);
const random = new SeededRandom(1);
const cast = new Cast(clock, random);
const FRAMES = 10;
const bytes = clipBytes(FRAMES);

const startUs = cast.window().startUs;
const window = { startUs, endUs: startUs + FRAMES * FRAME_US };
const requestToken = cast.request();
const grantToken = cast.grant(requestToken, { jti: 'grant-1', window, disclose: [], audio: false });
const { jti: request } = Request.parse(claimsOf(requestToken));

/** A clip of `frames` pictures in the time of ten; different lengths give different bytes. */
function clipBytes(frames: number, frameBytes = 500): Uint8Array {
  const frameTicks = Math.floor((FRAMES * FRAME_US * 90_000) / 1_000_000 / frames);
  return plainMp4({ frames, audioPackets: 0, frameBytes, frameTicks });
}

/** The statement about a clip with `frames` pictures of this window. */
function statementOf(frames: number, filmed = window, content = bytes, more: Partial<StatedClip> = {}): string {
  return signStatement(cast, { clock, random }, { requestToken, grantToken, content, frames, filmed, ...more });
}

const of = { request, grant: 'grant-1' };
const clip = {
  ...{ id: 'clip-1', sha256: sha256Hex(bytes), bytes: bytes.length, frames: FRAMES, window, method: 'copy' as const },
  ...{ disclosed: [], manifestSha256: sha256Hex('') },
};
const granted: LedgerBody = { type: 'granted', body: { ...of, grantToken, requestToken, pairingToken: 'p' } };
const sealed: LedgerBody = { type: 'sealed', body: { ...of, clip } };
const presented: LedgerBody = { type: 'token-presented', body: of };
const delivered: LedgerBody = { type: 'delivered', body: { ...of, intake: 'i' } };
const revoked: LedgerBody = { type: 'revoked', body: { ...of, jti: 'revoke-1', token: 't' } };
const deleted: LedgerBody = { type: 'deleted', body: { ...of, intake: 'i' } };
const recalled: LedgerBody = { type: 'recalled', body: { ...of, intake: 'i' } };
const DELIVERED = [granted, sealed, presented, delivered];
const DELETED = [granted, sealed, presented, revoked, deleted];

const grant: SignedOrder = { kind: 'grant', jti: 'grant-1', token: grantToken, request, agency: 'agency-1', window };
const revocation: SignedOrder = { kind: 'revoke', jti: 'revoke-1', token: 't', request, grant: 'grant-1' };
const receipt = (outcome: Receipt['outcome'], answers: string, more: Partial<Receipt> = {}): Receipt => ({
  ...{ iss: 'd', aud: 'owner', iat: 0, jti: `receipt-${answers}`, device: cast.device.id, outcome, answers, request },
  ...{ ledger: { entries: 0, hash: sha256Hex('') }, lastOrder: sha256Hex('') },
  ...more,
});

const ITEM = `/vault/blobs/${evidenceId('bridge-1', 'clip-1')}`;
const SHOWN = '/bridge/clips/clip-1';
const held = (place: string, statement = statementOf(FRAMES), content = bytes) => ({
  [`${place}/clip.mp4`]: content,
  [`${place}/manifest.jws`]: Buffer.from(statement),
});
const WITH_VAULT = held(ITEM);

/** The vault's key, and a grant of a clip that is encrypted to it. */
const vault = generateSealingKey(random);
const sealing = { key: vault.publicKey, keeper: 'vault' } as const;
const recipient = { kind: 'agency', key: cast.agency.key.publicKey, sealing } as const;
const sealedToken = cast.grant(requestToken, { jti: 'grant-1', window, disclose: [], audio: false, recipient });
const sealedOrder: SignedOrder = { ...grant, token: sealedToken };
const encrypted = await forgeClip(null, sealedOrder, sealing, { clock, random, clip: bytes });
const sealedStatement = statementOf(FRAMES, window, bytes, { grantToken: sealedToken, sealed: encrypted });
const sealedEntry: LedgerBody = {
  type: 'sealed',
  body: { ...of, clip: { ...clip, sha256: sha256Hex(encrypted.file) } },
};
const KEYS = { '/vault/sealing.keys': Buffer.from(`${vault.exportSecret()}\n`) };

/** What the log says about the encrypted clip. */
function leavesWith(...outcomes: VerdictOutcome[]) {
  const said = { iss: cast.registry.key.publicKey, aud: 'bridge-1', iat: 0, grant: 'grant-1', clip: 'clip-1' };
  const hashes = { clipSha256: sha256Hex(''), statementSha256: sha256Hex('') };
  const verdicts = outcomes.map((outcome, at) =>
    cast.sign('doorsill-verdict+jws', { ...said, ...hashes, jti: `verdict-${at}`, outcome }, cast.registry),
  );
  const facts = outcomes.map((outcome, at) =>
    FACTS.opening.parse({
      ...{ grant: 'grant-1', clip: 'clip-1', by: 'vault', outcome, verdictSha256: sha256Hex(verdicts[at] ?? '') },
    }),
  );
  const leaf = { leaf: 1, salt: '', path: [], head: '', cosignatures: [] };
  const entry = JSON.stringify({ kind: 'opening', atS: 1, commitment: sha256Hex('') });
  return { receipt: null, verdicts, leaves: facts.map((each) => ({ ...leaf, entry, facts: JSON.stringify(each) })) };
}

/** A clip that was encrypted, delivered and opened. */
const SEALED = {
  ...{ entries: [granted, sealedEntry, presented, delivered], orders: [sealedOrder] },
  ...{ files: { ...KEYS, ...held(ITEM, sealedStatement, encrypted.file) } },
  ...{ leaves: leavesWith('as-granted'), shown: bytes },
} satisfies Partial<Found>;

/** The final state of a run with one home; by default with one delivered clip. */
interface Found {
  readonly entries: readonly LedgerBody[];
  readonly orders: readonly SignedOrder[];
  readonly receipts: readonly Receipt[];
  readonly files: Record<string, Uint8Array>;
  readonly manner: JudgedHome['plan']['manner'];
  readonly uploads: readonly [string, string][];
  readonly stolen: readonly string[];
  readonly toBridge: number;
  readonly unlawful: readonly string[];
  readonly shownBeyond: readonly string[];
  readonly forgotten: readonly string[];
  /** What the log says about the clip, and what the vault shows of it. */
  readonly leaves: ReturnType<typeof leavesWith>;
  readonly shown: Uint8Array | string;
  /** Files that the watch reports. */
  readonly exposed: readonly string[];
  readonly forged: readonly string[];
  readonly isCaptured: boolean;
  /** Whether a bit of the ledger has flipped. */
  readonly isWorn: boolean;
  readonly isUp: boolean;
  readonly isAnswered: boolean;
}
const GOOD: Found = {
  ...{ entries: DELIVERED, orders: [grant], receipts: [receipt('granted', 'grant-1')], files: WITH_VAULT },
  ...{ manner: 'shares', uploads: [['upload-1', 'grant-1']], stolen: [], toBridge: 1_000, unlawful: [] },
  ...{ leaves: leavesWith(), shown: 'evidence_unknown', exposed: [], forged: [] },
  ...{ shownBeyond: [], forgotten: [], isCaptured: false, isWorn: false, isUp: true, isAnswered: true },
};

async function runWith(changes: Partial<Found>) {
  const found = { ...GOOD, ...changes };
  const disk = new MemoryDisk({ clock, random });
  const ledger = new Ledger({ disk, clock, folder: '/consent', device: cast.device, boot: 'boot-1' });
  await ledger.start(() => undefined);
  for (const entry of found.entries) await ledger.append(entry);
  await ledger.stop();
  if (found.isWorn) disk.flipBit('/consent');
  const own = new MemoryDisk({ clock, random });
  for (const [path, content] of Object.entries(found.files)) {
    await own.makeFolder(path.replace(/\/[^/]+$/, ''));
    await own.replaceFile(path, content);
  }
  const broken: string[] = [];
  const home: JudgedHome = {
    ...{ plan: { name: 'home-1', manner: found.manner }, disk, ledgerFolder: '/consent', isUp: found.isUp },
    ...{ device: { id: cast.device.id, key: cast.device.key.publicKey }, facts: {} },
    owner: { isAnswered: found.isAnswered, leavesOf: async () => found.leaves },
    ...{ orders: found.orders, receipts: found.receipts },
  };
  const services = { disk: own, bridgeId: 'bridge-1', path: (name: string) => `/${name}` };
  const agencies = {
    unlawful: new Set(found.unlawful),
    shownAtVault: async () => found.shown,
    shownBeyond: async () => [...found.shownBeyond],
    forgotten: async () => [...found.forgotten],
  };
  const watch = {
    stolen: new Set(found.stolen),
    forged: new Set(found.forged),
    officersRead: () => undefined,
    keptByBridge: (path: string) => void (found.exposed.includes(path) && broken.push(`9: ${path} is exposed`)),
    uploads: new Map(found.uploads),
    toBridge: () => found.toBridge,
    breach: (rule: string, what: string) => void broken.push(`${rule}: ${what}`),
  };
  const { isCaptured } = found;
  return { broken, facts: { homes: [home], services, agencies, watch, isCaptured } };
}

async function brokenIn(changes: Partial<Found>): Promise<string[]> {
  const { broken, facts } = await runWith(changes);
  await judgeRun(facts);
  return broken;
}

const staged = { '/bridge/staging/upload-1': bytes };
const ready = { '/bridge/ready/clip-1/clip.mp4': bytes };

it.each<[string, Partial<Found>]>([
  ['a clip that the vault has', {}],
  ['a clip that the bridge has', { files: held(SHOWN) }],
  ['a clip that was taken back', { entries: DELETED, orders: [grant, revocation], files: {} }],
  [
    'a clip that the vault keeps after a recall',
    { entries: [...DELIVERED, revoked, recalled], orders: [grant, revocation] },
  ],
  [
    'a denial',
    {
      entries: [{ type: 'denied', body: { request, jti: 'deny-1', token: 't', requestToken } }],
      orders: [],
      files: {},
      receipts: [receipt('denied', 'deny-1')],
    },
  ],
  [
    'a revocation of nothing',
    {
      entries: [{ type: 'revoked-ahead', body: { ...of, jti: 'revoke-1', token: 't' } }],
      orders: [],
      receipts: [],
      files: {},
    },
  ],
  [
    'part of a clip whose grant has ended',
    { entries: [granted, sealed, presented, { type: 'ended', body: { ...of, reason: 'expired' } }], files: staged },
  ],
  [
    'an upload of which its home was never told',
    { files: { ...WITH_VAULT, '/bridge/staging/upload-2': new Uint8Array(0) } },
  ],
  ['a home that grants nothing', { manner: 'declines', toBridge: 0, entries: [], orders: [], receipts: [], files: {} }],
  [
    'whatever a captured bridge holds',
    { isCaptured: true, files: { ...held(SHOWN), ...staged, ...ready }, forgotten: ['x'] },
  ],
  ['an encrypted clip that the vault has', SEALED],
  [
    'an encrypted clip that the bridge has',
    { ...SEALED, files: { ...KEYS, ...held(SHOWN, sealedStatement, encrypted.file) } },
  ],
  ['an encrypted clip that is restricted', { ...SEALED, shown: 'evidence_unknown' }],
  ['a forged clip at the vault', { files: { ...WITH_VAULT, ...held('/bridge/clips/clip-9') }, forged: ['clip-9'] }],
  [
    'an upload that somebody with its key has begun, who was cut off',
    { files: { ...WITH_VAULT, ...staged }, uploads: [], stolen: ['upload-1'] },
  ],
])('accepts %s', async (_what, changes) => {
  expect(await brokenIn(changes)).toEqual([]);
});

const mistake: SignedOrder = { ...grant, mistake: 'a second grant' };
const other = clipBytes(FRAMES, 501);
const longer = clipBytes(11);
const sealedLonger: LedgerBody = { type: 'sealed', body: { ...of, clip: { ...clip, sha256: sha256Hex(longer) } } };

it.each<[string, string, Partial<Found>]>([
  [
    '2',
    'a clip holds 11 pictures where 10 were granted',
    {
      entries: [granted, sealedLonger, presented, delivered],
      files: held(ITEM, statementOf(11, window, longer), longer),
    },
  ],
  [
    '2',
    'a clip states another window',
    { files: held(ITEM, statementOf(FRAMES, { ...window, endUs: window.endUs + 1 })) },
  ],
  [
    '2',
    'a clip that is held does not verify: ',
    { files: { ...WITH_VAULT, [`${ITEM}/manifest.jws`]: Buffer.from('nothing') } },
  ],
  ['2', 'a clip is held without its statement', { files: { [`${ITEM}/clip.mp4`]: bytes } }],
  ['4', `home-1 recorded grant-1, which is a second grant`, { orders: [mistake] }],
  ['4', 'home-1 recorded the grant grant-1, which its owner never signed', { orders: [] }],
  ['4', 'home-1 granted an agency that must not be served', { unlawful: [sha256Hex(requestToken)] }],
  ['4', 'home-1 recorded granted of grant-1 twice', { entries: [granted, ...DELIVERED] }],
  ['4', 'home-1 recorded sealed of grant-1 twice', { entries: [granted, sealed, sealed, presented, delivered] }],
  [
    '4',
    'home-1 recorded token-presented of grant-1 twice',
    { entries: [granted, sealed, presented, presented, delivered] },
  ],
  ['4', 'home-1 recorded delivered of grant-1 twice', { entries: [...DELIVERED, delivered] }],
  ['4', 'agency 2 is shown a clip of request-1', { shownBeyond: ['agency 2 is shown a clip of request-1'] }],
  ['5', 'the bridge got 1000 bytes of home-1, which granted nothing', { manner: 'ignores' }],
  [
    '6',
    `home-1 answered granted, and its ledger does not contain grant-9`,
    { receipts: [receipt('granted', 'grant-9')] },
  ],
  ['6', `home-1 answered denied, and its ledger does not contain deny-9`, { receipts: [receipt('denied', 'deny-9')] }],
  [
    '6',
    'home-1 answered revoked, and its ledger does not contain revoke-9',
    { receipts: [receipt('revoked', 'revoke-9')] },
  ],
  ['6', 'the ledger of home-1 has grant-1 in another order: ', { entries: [granted, presented, sealed, delivered] }],
  ['7', 'the clip of grant-1 of home-1 is nowhere', { files: {} }],
  [
    '7',
    `another clip than that of home-1's ledger is held under grant-1`,
    { files: held(ITEM, statementOf(FRAMES, window, other), other) },
  ],
  ['7', 'the bridge still has clip-1, which the vault has, too', { files: { ...WITH_VAULT, ...held(SHOWN) } }],
  ['7', 'clip-9 is held, and no home has sealed it', { files: { ...WITH_VAULT, ...held('/bridge/clips/clip-9') } }],
  ['7', 'item-9 is held, and no home has sealed it', { files: { ...WITH_VAULT, ...held('/vault/blobs/item-9') } }],
  [
    '7',
    'staged-9 is still on its way into the vault',
    { files: { ...WITH_VAULT, '/vault/staging/staged-9/clip.mp4': bytes } },
  ],
  ['7', 'clip-1 is made ready, and the bridge does not store it', { files: { ...WITH_VAULT, ...ready } }],
  ['7', 'the clip of grant-1 was delivered, and is staged', { files: { ...WITH_VAULT, ...staged } }],
  ['7', 'upload-1 is staged, and no home has sent it', { files: { ...WITH_VAULT, ...staged }, uploads: [] }],
  [
    '8',
    'a part of the clip of grant-1 is staged, although it was revoked',
    { entries: DELETED, orders: [grant, revocation], files: staged },
  ],
  [
    '8',
    'the clip of grant-1 is still prepared, although it was revoked',
    { entries: DELETED, orders: [grant, revocation], files: ready },
  ],
  [
    '8',
    'a clip of home-1 is still there although grant-1 was revoked',
    { entries: DELETED, orders: [grant, revocation] },
  ],
  [
    '8',
    'a clip of home-1 is still there although grant-1 was revoked',
    { entries: DELETED, orders: [grant, revocation], files: held(SHOWN) },
  ],
  [
    '8',
    'a clip of home-1 is held although its owner had revoked grant-1 before',
    { orders: [grant, revocation], receipts: [receipt('refused', 'revoke-1', { code: 'consent_nothing_to_revoke' })] },
  ],
  ['3', 'a clip discloses other facts than grant-1 grants', { orders: [{ ...grant, disclose: ['address'] }] }],
  ['9', 'a clip is not encrypted as grant-1 says', { orders: [sealedOrder] }],
  ['9', 'a clip is not encrypted as grant-1 says', { ...SEALED, orders: [grant] }],
  [
    '9',
    'the bridge’s log says nothing of the clip of grant-1, which is as-granted',
    { ...SEALED, leaves: leavesWith() },
  ],
  [
    '9',
    'the bridge’s log says clip of the clip of grant-1, which is as-granted',
    { ...SEALED, leaves: leavesWith('clip') },
  ],
  [
    '9',
    'the bridge’s log says as-granted without a verdict of the clip of grant-1',
    { ...SEALED, leaves: { ...leavesWith('as-granted'), verdicts: leavesWith('clip').verdicts } },
  ],
  ['9', 'the vault shows item-', { ...SEALED, shown: other }],
  ['9', 'the vault refuses item-', { ...SEALED, shown: 'evidence_unopened' }],
  ['9', `${SHOWN}/clip.mp4 is exposed`, { files: held(SHOWN), exposed: [`${SHOWN}/clip.mp4`] }],
  [
    'what was answered stays',
    'the bridge had accepted request-1',
    { forgotten: ['the bridge had accepted request-1'] },
  ],
])('%s: reports that %s', async (rule, what, changes) => {
  const broken = await brokenIn(changes);
  expect(broken).toEqual(expect.arrayContaining([expect.stringContaining(`${rule}: ${what}`)]));
  // No other promise is reported.
  expect(broken.filter((line) => !line.startsWith(`${rule}: `))).toEqual([]);
});

it('6: reports a ledger that does not verify', async () => {
  expect(await brokenIn({ isWorn: true, receipts: [] })).toEqual(
    expect.arrayContaining([expect.stringMatching(/^6: the ledger of home-1 does not verify: /)]),
  );
});

it.each<[string, boolean, Partial<Found>]>([
  ['everything has come to its end', true, {}],
  ['a part of a grant that has ended is staged', true, { files: { ...WITH_VAULT, ...staged } }],
  ['a home is down', false, { isUp: false }],
  ['an owner was not answered', false, { isAnswered: false }],
  ['a clip is under way', false, { entries: [granted, sealed, presented] }],
  ['a revocation was not answered', false, { entries: [granted, sealed, presented, revoked] }],
  ['what was never offered was taken back', true, { entries: [granted, revoked] }],
  ['bridge and vault have the same clip', false, { files: { ...WITH_VAULT, ...held(SHOWN) } }],
  ['a clip is made ready', false, { files: ready }],
  ['a clip is on its way into the vault', false, { files: { '/vault/staging/staged-1/clip.mp4': bytes } }],
])('detects rest: when %s it is %s', async (_when, isRest, changes) => {
  const { facts } = await runWith(changes);
  expect(await isAtRest(facts.homes, facts.services)).toBe(isRest);
});

const lie = await forgeClip('contents', sealedOrder, sealing, { clock, random, clip: bytes });
const FORGED: Partial<Found> = {
  ...SEALED,
  entries: [
    granted,
    { type: 'sealed', body: { ...of, clip: { ...clip, sha256: sha256Hex(lie.file) } } },
    presented,
    delivered,
  ],
  files: {
    ...KEYS,
    ...held(ITEM, statementOf(FRAMES, window, bytes, { grantToken: sealedToken, sealed: lie }), lie.file),
  },
  leaves: leavesWith('contents'),
};

it('9: reports an encrypted clip that the vault shows although it is not as granted', async () => {
  const sent = '2: a clip that is held is not what its statement says: contents';
  expect(await brokenIn({ ...FORGED, shown: 'evidence_unopened' })).toEqual([sent]);
  expect(await brokenIn({ ...FORGED, shown: bytes })).toEqual([
    sent,
    expect.stringMatching(/^9: the vault shows item-\w+, which is not what was granted: contents$/),
  ]);
});
