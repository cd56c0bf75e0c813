// Claims about a testbed of real processes whose doorbell's traffic is recorded: an agency asks, the owner grants a clip, which is verified,
// then revokes another in the middle of its upload.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Hex } from '@doorsill/base/keys';
import type { Programs } from '@doorsill/base/system-programs';
import { utf8 } from '@doorsill/contract/bytes';
import type { DeviceState, Receipt } from '@doorsill/contract/home-messages';
import type { DisclosureKey } from '@doorsill/contract/shared-claims';
import { runFfmpeg } from '@doorsill/device/camera/ffmpeg-run';
import { findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { countFrames } from '@doorsill/device/clip/hidden-frame-count';
import { verifyClip } from '@doorsill/device/clip/verify-clip';
import { PROOF_NAME, RECEIPT_NAME } from '@doorsill/device/owner/fetch-custody-proof';
import { makeGrant, makeRevoke } from '@doorsill/device/owner/sign-owner-messages';
import { asFailure } from '@doorsill/device/terminal/output';
import { askForState } from '@doorsill/device/terminal/owner-requests';
import { failure, isFailure } from '../errors.ts';
import { listClips, postRequest, signFootageRequest } from '../officer/agency-client.ts';
import { DEMO_AGENCY } from '../officer/registration.ts';
import { numbersIn } from '../scenario/running/clip-pictures.ts';
import { type DemoRun, grantOnce, handedOver, inTestbed, layOut, noticeOf } from '../story/demo.ts';
import { demoAsk } from '../story/demo-request.ts';
import type { StoryDeps } from '../story/story-deps.ts';
import { DEMO_HOME } from '../testbed/testbed.ts';
import { evidenceFolder, testbedPaths } from '../testbed/testbed-folder.ts';
import { CLIP_NAME, STATEMENT_NAME } from '../testbed/vault-clip.ts';
import { broken, type Check, type Claim, judged, leftOut } from './claim.ts';
import { DoorbellWatch, type OtherTraffic, type RecordedLink } from './doorbell-watch.ts';
import {
  type AfterGrant,
  type BeforeGrant,
  checkBefore,
  checkGranted,
  checkNamed,
  checkRevoked,
  type NamedFacts,
  type Revoked,
  type Traffic,
} from './judge-leaving.ts';
import { type TestbedClaimId, testbedTexts } from './testbed-texts.ts';
import { checkCopies } from './verify-copies.ts';

/** The drawn porch with its sound, at a size at which a clip of all of it takes several chunks; times on its timeline. */
const FOOTAGE = { camera: 'synthetic?size=1280x720', fromUs: 1_000_000, toUs: 17_000_000 };
/** The granted span: from the middle of one GOP to the middle of another. */
const GRANTED = { fromUs: 2_430_000, toUs: 5_410_000 };
const NAMED: readonly DisclosureKey[] = ['address'];
/** In the middle of the second chunk of an upload (device/upload), when the first one is acknowledged. */
const HELD_AFTER_BYTES = 300_000;
const STEP_MS_MAX = 60_000;
const OFFICER = { officer: DEMO_AGENCY.contact.name, reason: 'a proof of what doorsill claims' };
const COUNT_BYTES_MAX = 1_000_000;
/** Failures of a clip that is not what its statement says. */
const OF_THE_CLIP: ReadonlySet<string> = new Set(['verify_failed', 'clip_unopened']);

export interface ProveDeps extends StoryDeps {
  programs: Programs;
  logLevel: string;
}

type WithoutTraffic<Seen> = Omit<Seen, 'traffic'>;

/** The records so far; a claim whose record is missing could not be examined. */
interface Seen {
  before?: WithoutTraffic<BeforeGrant>;
  granted?: WithoutTraffic<AfterGrant>;
  named?: WithoutTraffic<NamedFacts>;
  copies?: { checks: Check[]; isAlone: boolean };
  revoked?: WithoutTraffic<Revoked>;
}

/**
 * Runs the testbed, judges its traffic and removes everything. Throws the signal's reason, and errors that keep a testbed from starting; a
 * later error makes the claims that it affects false.
 */
export async function proveOnTestbed(deps: ProveDeps, wantsNamespace: boolean, signal: AbortSignal): Promise<Claim[]> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-prove-'));
  const seen: Seen = {};
  let fault: unknown = null;
  try {
    const watch = await DoorbellWatch.open(deps, wantsNamespace);
    const options = { ...FOOTAGE, logLevel: deps.logLevel, folder: join(folder, 'testbed'), network: watch };
    let hasBegun = false;
    let otherTraffic: OtherTraffic;
    try {
      await inTestbed(options, deps, signal, (scene) => {
        hasBegun = true;
        return new Play(scene, watch, join(folder, 'kept'), deps, seen).run();
      });
    } catch (thrown) {
      if (signal.aborted || !hasBegun) throw thrown;
      fault = thrown;
    } finally {
      otherTraffic = await watch.end();
    }
    const { broker, bridge } = watch.links;
    const places = [broker, bridge].flatMap(({ place }) => place ?? []);
    return judge(
      seen,
      { broker: broker.sent, bridge: bridge.sent, bridgeAnswers: bridge.answers, places, otherTraffic },
      fault,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The claims in order. */
function judge({ before, granted, named, copies, revoked }: Seen, traffic: Traffic, fault: unknown): Claim[] {
  const texts = testbedTexts(traffic.otherTraffic, copies?.isAlone ?? false);
  const claim = (id: TestbedClaimId, checks: Check[] | undefined) =>
    checks ? judged(texts[id], checks) : broken(texts[id], fault);
  const { otherTraffic } = traffic;
  return [
    otherTraffic.means === 'none'
      ? leftOut(texts['nothing-before-a-grant'], otherTraffic.why)
      : claim('nothing-before-a-grant', before && checkBefore({ ...before, traffic })),
    claim('exactly-the-granted', granted && checkGranted({ ...granted, traffic })),
    claim('only-what-was-named', named && checkNamed({ ...named, traffic })),
    claim('revocation-wins', revoked && checkRevoked({ ...revoked, traffic })),
    claim('verified-offline', copies?.checks),
  ];
}

class Play {
  private readonly scene: DemoRun;
  private readonly bridgeLink: RecordedLink;
  private readonly kept: string;
  private readonly deps: ProveDeps;
  private readonly seen: Seen;
  private bridgeKey = '';

  /** `kept`: the folder for the clip and its documents; `seen` is filled step by step. */
  constructor(scene: DemoRun, watch: DoorbellWatch, kept: string, deps: ProveDeps, seen: Seen) {
    this.scene = scene;
    this.bridgeLink = watch.links.bridge;
    this.kept = kept;
    this.deps = deps;
    this.seen = seen;
  }

  /** A clip that does not verify makes the claims about it false, not that about the revocation. */
  async run(): Promise<void> {
    const refused = await this.verify().catch((thrown: unknown) => {
      if (isFailure(thrown) && OF_THE_CLIP.has(thrown.code)) return thrown;
      throw thrown;
    });
    await this.revoke();
    if (refused) throw refused;
  }

  private async verify(): Promise<void> {
    await this.grant();
    const { output, programs } = this.deps;
    output.progress('Verifying the clip and its documents without a network, and changed copies of each ...');
    this.seen.copies = await checkCopies(this.kept, this.bridgeKey, programs);
  }

  /** An agency asks, the owner grants a part of the footage, and the clip goes to the vault. */
  private async grant(): Promise<void> {
    const { scene, deps, seen } = this;
    const readyUs = deps.clock.wallUs();
    const { ring } = await this.state();
    const recorded = {
      bytes: ring.bytes,
      us: ring.coverage.reduce((sum, { startUs, endUs }) => sum + endUs - startUs, 0),
    };
    const sourceUs = scene.window.startUs - FOOTAGE.fromUs;
    const window = { startUs: sourceUs + GRANTED.fromUs, endUs: sourceUs + GRANTED.toUs };
    let grantedUs = 0;
    const onGrant = () => {
      grantedUs = deps.clock.wallUs();
    };
    const granted = await grantOnce({ ...scene, window, onGrant }, NAMED.join(), false);
    const storedUs = deps.clock.wallUs();
    const item = await handedOver(scene, granted);
    const laid = await layOut(scene, granted, item, this.kept);
    this.bridgeKey = laid.bridgeKey;
    const names = [CLIP_NAME, STATEMENT_NAME, RECEIPT_NAME, PROOF_NAME];
    const received = await Promise.all(names.map((name) => readFile(join(this.kept, name))));
    const [clip = Buffer.alloc(0), statementFile = Buffer.alloc(0)] = received;
    const file = await readFile(join(evidenceFolder(scene.testbed.folder, item), CLIP_NAME));
    seen.before = { readyUs, grantedUs, storedUs, recorded, clip, file };
    const statement = await verifyClip(inOnePiece(clip), statementFile.toString('utf8').trim()).then(
      ({ manifest }) => manifest,
      (thrown: unknown) => ({ refused: asFailure(thrown).message }),
    );
    const ffmpeg = await findFfmpeg();
    const numbers = await numbersIn(clip, { ffmpeg, clock: deps.clock });
    const path = join(this.kept, CLIP_NAME);
    const { held } = await countFrames(path, { ffmpeg, clock: deps.clock, signal: scene.signal });
    seen.granted = {
      grantedUs,
      storedUs,
      window,
      source: GRANTED,
      ...{ clip, file },
      numbers,
      held,
      statement,
    };
    const streams = await this.streamsOf(path);
    const values = DEMO_HOME.disclosure;
    const { audioPackets } = 'refused' in statement ? { audioPackets: 0 } : statement;
    const all = [...received, utf8(JSON.stringify(laid.disclosed))];
    seen.named = { values, named: NAMED, disclosed: Object.keys(laid.disclosed), received: all, streams, audioPackets };
  }

  /** The kinds of all streams in a file, as the demuxer reports them. */
  private async streamsOf(path: string): Promise<string[]> {
    const listing = await runFfmpeg(await findFfmpeg(), {
      doing: 'listing the streams of a clip',
      args: ['-f', 'mov', '-i', `file:${path}`, '-map', '0', '-c', 'copy', '-f', 'framecrc', 'pipe:1'],
      stdoutBytesMax: COUNT_BYTES_MAX,
      timeoutMs: STEP_MS_MAX,
      clock: this.deps.clock,
      signal: this.scene.signal,
    });
    const text = new TextDecoder().decode(listing);
    return [...text.matchAll(/^#media_type \d+: (\w+)/gm)].map((match) => match[1] ?? '');
  }

  private state(): Promise<DeviceState> {
    const { session, signer, signal } = this.scene;
    const ask = async () => askForState(session, signer);
    return session.waitFor<DeviceState>(
      'the doorbell’s state',
      STEP_MS_MAX,
      (found) => ({ state: found }),
      ask,
      signal,
    );
  }

  /** The agency asks again; the owner grants all of the footage, and revokes when the bridge has a part of the clip. */
  private async revoke(): Promise<void> {
    const { scene, deps, bridgeLink } = this;
    const { facts, session, signer, window, testbed, signal } = scene;
    deps.output.progress('A second request; the owner grants it, and revokes in the middle of the upload ...');
    const vaulted = await deps.disk.list(join(testbedPaths(testbed.folder).vault, 'blobs'));
    const ask = { ...demoAsk(deps.clock, DEMO_HOME.place, window, 'nothing'), investigation: 'SPD-2026-0002' };
    const { id, token } = signFootageRequest(deps, facts.agencyKey, facts.bridge.id, ask);
    const notice = await noticeOf(session, id, () => postRequest(facts.bridge.url, token), signal);
    const grant = makeGrant(signer, notice, { window, disclose: [], audio: false });
    const outcomes: Receipt['outcome'][] = [];
    let clipBytes = 0;
    const stop = session.listen({
      receipt: (receipt) => receipt.grant === grant.jti && void outcomes.push(receipt.outcome),
      upload: (progress) => {
        if (progress.grant === grant.jti) clipBytes = progress.totalBytes;
      },
    });
    try {
      const grantedUs = deps.clock.wallUs();
      const held = bridgeLink.proxy.holdBack(HELD_AFTER_BYTES);
      await session.answer(id, 'grant', grant.token);
      await this.within('the middle of the upload', held);
      const revokedUs = deps.clock.wallUs();
      const order = { request: id, grant: grant.jti, grantSha256: sha256Hex(grant.token) };
      const { token: revocation } = makeRevoke(signer, session.home.device, order);
      await this.heardOf(grant.jti, 'revoked', () => session.answer(id, 'revoke', revocation));
      const answered = this.heardOf(grant.jti, 'deleted');
      bridgeLink.proxy.release();
      await answered;
      const listed = await listClips(deps, facts.agencyKey, facts.bridge, OFFICER);
      const inVault = await deps.disk.list(join(testbedPaths(testbed.folder).vault, 'blobs'));
      const shown = { isListed: listed.includes(id), isInVault: inVault.length > vaulted.length };
      this.seen.revoked = { grantedUs, revokedUs, clipBytes, outcomes, ...shown };
    } finally {
      bridgeLink.proxy.release();
      stop();
    }
  }

  /** Waits for the doorbell's receipt about a grant with this outcome. Throws `timed_out`. */
  private heardOf(grant: string, outcome: Receipt['outcome'], begin?: () => Promise<void>): Promise<void> {
    const isIt = (receipt: Receipt) => receipt.grant === grant && receipt.outcome === outcome;
    return this.scene.session.waitFor<void>(
      `the receipt “${outcome}”`,
      STEP_MS_MAX,
      (found) => ({ receipt: (receipt) => isIt(receipt) && found() }),
      begin,
      this.scene.signal,
    );
  }

  private async within(what: string, work: Promise<void>): Promise<void> {
    const patience = new AbortController();
    const signal = AbortSignal.any([patience.signal, this.scene.signal]);
    const late = this.deps.clock.sleep(STEP_MS_MAX, signal).then(() => {
      throw failure('timed_out', { what, seconds: STEP_MS_MAX / 1_000 });
    });
    late.catch(() => undefined);
    try {
      await Promise.race([work, late]);
    } finally {
      patience.abort();
    }
  }
}

async function* inOnePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
