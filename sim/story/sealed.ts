// The sealed story: a granted clip waits at the bridge, whose disk and memory are searched for it. Then the agency's vault opens it, an officer
// gets it, and its owner reads the vault's verdict. A second clip, not encrypted, shows that the search finds what is there.
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSigningKey, sha256, sha256Hex, verifySignature } from '@doorsill/base/keys';
import { utf8 } from '@doorsill/contract/bytes';
import { checkSentClip } from '@doorsill/contract/check-sent-clip';
import { askCustody, askSentClips } from '@doorsill/device/owner/pairing-client';
import { pairingSocketPath } from '@doorsill/device/owner/private-socket';
import { printBytes } from '@doorsill/device/terminal/format-units';
import { failure } from '../errors.ts';
import { allOf } from '../officer/clip-file.ts';
import { DEMO_AGENCY, enterAgency } from '../officer/registration.ts';
import { foundIn, piecesOf } from '../testbed/find-traces.ts';
import { testbedPaths } from '../testbed/testbed-folder.ts';
import { readVaultClip, type VaultClip } from '../testbed/vault-clip.ts';
import { type DemoRun, type Granted, grantOnce, handedOver, inTestbed } from './demo.ts';
import { Narrator } from './narrator.ts';
import type { StoryDeps } from './story-deps.ts';

const FOOTAGE = { camera: 'synthetic?size=320x180', fromUs: 500_000, toUs: 2_000_000 };
const DISCLOSED = 'address,email';
/** Fictional, as is the demo agency. */
const KEYLESS_AGENCY = {
  ...DEMO_AGENCY,
  ...{ name: 'Shelbyville Police Department', domain: 'police.shelbyville.example' },
};
/** Pieces of the clip that are searched for; each is 32 bytes. */
const PIECES = 6;
const VERDICT_MS_MAX = 20_000;
const SHOWN_MS_MAX = 20_000;
const CLIP_BYTES_MAX = 64 * 1024 * 1024;

/** Runs it with real processes. Throws `story_failed` when a check fails. */
export async function runSealedStory(deps: StoryDeps & { logLevel: string }, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-sealed-'));
  const options = { ...FOOTAGE, logLevel: deps.logLevel, folder: join(folder, 'testbed') };
  try {
    await inTestbed(options, deps, signal, async (scene) => {
      const story = new Narrator(deps.output, 'sealed');
      const granted = await encrypted(scene, story);
      await opened(scene, story, granted);
      await control(scene, story);
      story.proved(
        'a granted clip and its facts can be read by its owner and by the vault that the agency named, not by the bridge that carries it; and its owner learns whether it was what was granted.',
      );
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** While the vault stands still, the bridge holds an encrypted clip. */
async function encrypted(scene: DemoRun, story: Narrator): Promise<Granted> {
  return whileVaultStands(scene, async () => {
    const granted = await grantOnce(scene, DISCLOSED, false, { investigation: 'SPD-2026-0001' });
    const clip = await atBridge(scene, granted);
    story.tell(
      `The vault stands still, so the bridge holds a granted clip of ${granted.facts.frames} frames: encrypted to the vault’s key, with the address and the email.`,
      clip.statement.sealed !== undefined && Object.keys(clip.statement.disclosed).length === 0,
    );
    const plain = await allOf(clip.read());
    story.tell(
      'Opened here with the vault’s key, the bridge’s own copy is that clip.',
      sha256Hex(plain) === granted.facts.sha256 && clip.disclosed.email === granted.facts.disclosed['email'],
    );
    const found = await search(scene, granted, plain);
    story.tell(
      `Its bytes and facts, searched for plain, in hex and in base64 in ${found.what}: not one is there.`,
      found.disk === 0 && found.memory === 0,
    );
    return granted;
  });
}

/** The vault goes on. */
async function opened(scene: DemoRun, story: Narrator, granted: Granted): Promise<void> {
  const { evidence } = scene.facts;
  const who = { officer: DEMO_AGENCY.contact.name, reason: 'a granted clip has come' };
  const item = await handedOver(scene, granted);
  if (!(await evidence.whenItem(item, who, () => true, SHOWN_MS_MAX, scene.signal)))
    throw failure('timed_out', { what: 'the evidence in the vault', seconds: SHOWN_MS_MAX / 1000 });
  const downloaded = await allOf((await evidence.clip(item, who, CLIP_BYTES_MAX)).parts);
  story.tell(
    'The vault goes on, opens it, checks it, and shows it to the agency’s officers: what was granted, to the byte.',
    sha256Hex(downloaded) === granted.facts.sha256,
  );
  const verdict = await verdictOf(scene, granted);
  story.tell(
    `Its owner reads the vault’s signed verdict in the bridge’s log: “${verdict}”.`,
    verdict === 'vault: as-granted',
  );
}

/** An agency that gives no key. */
async function control(scene: DemoRun, story: Narrator): Promise<void> {
  const { facts, testbed, deps } = scene;
  const { registry } = facts;
  const where = { registryUrl: registry.url, registry: registry.id, folder: testbedPaths(testbed.folder).registry };
  const agencyKey = generateSigningKey(deps.random);
  await enterAgency(deps, where, agencyKey, KEYLESS_AGENCY);
  await whileVaultStands(scene, async () => {
    const asked = { ...scene, facts: { ...facts, agencyKey } };
    const contact = { ...KEYLESS_AGENCY.contact, email: `rivera@${KEYLESS_AGENCY.domain}` };
    const granted = await grantOnce(asked, DISCLOSED, false, { investigation: 'SHPD-2026-0001', contact });
    const clip = await atBridge(scene, granted);
    const found = await search(scene, granted, await allOf(clip.read()));
    story.tell(
      `Another agency gives no key, so its clip is not encrypted: the same search finds ${found.disk} of ${found.of} of its pieces and facts on the bridge’s disk, ${found.memory} in its memory.`,
      clip.statement.sealed === undefined && found.disk === found.of && (found.memory > 0 || !found.isMemoryRead),
    );
  });
}

async function whileVaultStands<Result>({ testbed }: DemoRun, work: () => Promise<Result>): Promise<Result> {
  const vault = testbed.part('vault').pid;
  if (!vault) throw failure('internal', { detail: 'the vault does not run' });
  process.kill(vault, 'SIGSTOP');
  try {
    return await work();
  } finally {
    process.kill(vault, 'SIGCONT');
  }
}

/** The bridge's copy of a clip, opened with the vault's key. */
function atBridge({ testbed, deps }: DemoRun, { clipId }: Granted): Promise<VaultClip> {
  const { bridge, vault } = testbedPaths(testbed.folder);
  return readVaultClip(deps.disk, { folder: join(bridge, 'clips', clipId), keyFolders: [vault] });
}

/** How many pieces of a clip, and how many of its facts, are on the bridge's disk or in its memory. */
async function search({ testbed }: DemoRun, { facts }: Granted, clip: Uint8Array) {
  const pieces = piecesOf(clip, PIECES);
  const values = Object.values(facts.disclosed).map(utf8);
  const secrets = [...pieces, ...values];
  const found = { disk: new Set<Uint8Array>(), memory: new Set<Uint8Array>() };
  const look = (place: Set<Uint8Array>, bytes: Uint8Array) => {
    for (const secret of foundIn(secrets, [bytes])) place.add(secret);
  };
  let [files, disk, memory] = [0, 0, 0];
  const folder = testbedPaths(testbed.folder).bridge;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    files += 1;
    disk += bytes.length;
    look(found.disk, bytes);
  }
  for await (const bytes of memoryOf(testbed.part('bridge').pid ?? 0)) {
    memory += bytes.length;
    look(found.memory, bytes);
  }
  const ofMemory =
    memory === 0 ? '; its memory could not be read on this machine' : ` and ${printBytes(memory)} of its memory`;
  const what = `${files} files of the bridge (${printBytes(disk)})${ofMemory}`;
  return { disk: found.disk.size, memory: found.memory.size, of: secrets.length, isMemoryRead: memory > 0, what };
}

const MEMORY_PIECE_BYTES = 16 * 1024 * 1024;
/** So that nothing is missed where two pieces meet: more than the longest form of a secret. */
const OVERLAP_BYTES = 1_024;

/** The writable memory of a process of this user, in pieces (proc(5)); nothing on systems without it. */
async function* memoryOf(pid: number): AsyncGenerator<Uint8Array> {
  const maps = await readFile(`/proc/${pid}/maps`, 'latin1').catch(() => '');
  const memory = await open(`/proc/${pid}/mem`).catch(() => null);
  if (!memory) return;
  try {
    for (const [, from = '', to = ''] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm)) {
      const end = Number.parseInt(to, 16);
      for (let at = Number.parseInt(from, 16); at < end; at += MEMORY_PIECE_BYTES) {
        const bytes = new Uint8Array(Math.min(MEMORY_PIECE_BYTES + OVERLAP_BYTES, end - at));
        // A part of it may be gone by now.
        const read = await memory.read(bytes, 0, bytes.length, at).catch(() => null);
        if (read) yield bytes.subarray(0, read.bytesRead);
      }
    }
  } finally {
    await memory.close();
  }
}

/** What the bridge's log tells the owner of whoever opened the clip, as the owner's doorbell verifies it. Throws `timed_out`. */
async function verdictOf({ testbed, deps, signal }: DemoRun, { grant }: Granted): Promise<string> {
  const socket = pairingSocketPath(testbedPaths(testbed.folder).doorbell);
  const endMs = deps.clock.monotonicMs() + VERDICT_MS_MAX;
  for (;;) {
    const { departures } = await askSentClips(deps, socket, null);
    const sent = departures.find((one) => one.grant === grant);
    if (!sent) throw failure('departure_unknown');
    const { shown, device, bridgeKey } = await askCustody(deps, socket, grant);
    const { findings } = checkSentClip(
      sent,
      shown,
      { device, bridgeKey },
      { sha256, sha256Hex, verify: verifySignature },
    );
    for (const finding of findings) {
      if (!finding.ok) return finding.why;
      if (finding.of === 'leaf' && finding.leaf.kind === 'opening')
        return `${finding.leaf.facts.by}: ${finding.leaf.facts.outcome}`;
    }
    if (deps.clock.monotonicMs() > endMs)
      throw failure('timed_out', { what: 'the vault’s verdict in the bridge’s log', seconds: VERDICT_MS_MAX / 1_000 });
    await deps.clock.sleep(100, signal);
  }
}
