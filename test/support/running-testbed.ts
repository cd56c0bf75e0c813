// A whole running testbed (`doorsill up`) as tests drive it: its parts' processes by name, to be killed or halted; its owner's session;
// requests and grants by the product's own code; and what bridge and ledger hold in the end.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { folderHolder } from '../../device/base/folder-lock.ts';
import { type SigningKey, sha256Hex, sha256Stream } from '../../device/base/keys.ts';
import { silentLog } from '../../device/base/log.ts';
import { freshId, SystemRandom } from '../../device/base/random.ts';
import { verifyClip } from '../../device/clip/verify-clip.ts';
import type { DeviceConfigInput } from '../../device/config.ts';
import type { DeviceState, Receipt } from '../../device/contract/home-messages.ts';
import type { CommandAction } from '../../device/contract/owner-orders.ts';
import type { VerifiedNotice } from '../../device/contract/read-request-notice.ts';
import type { Window } from '../../device/contract/shared-claims.ts';
import { walkLedger } from '../../device/ledger/ledger.ts';
import { giveOrder } from '../../device/owner/give-command.ts';
import { loadOrCreateOwnerKey } from '../../device/owner/owner-key.ts';
import { OwnerSession } from '../../device/owner/owner-session.ts';
import { listPairedDevices, type PairedDevice } from '../../device/owner/paired-devices.ts';
import { makeCommand, makeGrant, type Signer } from '../../device/owner/sign-owner-messages.ts';
import { askForState } from '../../device/terminal/owner-requests.ts';
import { loadAgencyKey, postRequest, signFootageRequest } from '../../sim/officer/agency-client.ts';
import { evidenceId } from '../../sim/officer/evidence-client.ts';
import { demoAsk } from '../../sim/story/demo-request.ts';
import { sendDecision } from '../../sim/story/send-decision.ts';
import { DEMO_HOME } from '../../sim/testbed/testbed.ts';
import { readVaultClip, vaultItem } from '../../sim/testbed/vault-clip.ts';
import { Running, temporaryFolder } from './command-line.ts';
import { type OwnPorts, ownPorts } from './own-ports.ts';
import { sessionProcesses } from './processes.ts';
import { untilFound } from './until-found.ts';

export type Part = 'doorbell' | 'bridge' | 'registry' | 'vault' | 'broker';

/** A grant on its way: `sent` resolves with the device's receipt that the clip is at the bridge. */
export interface GrantUnderWay {
  jti: string;
  window: Window;
  sent: Promise<Receipt>;
}

const upLine = z.object({ bridge: z.object({ id: z.string(), url: z.string() }) });
const seams = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk(), log: silentLog() };

/** How long a step may take on a slow and busy machine before the test gives up. */
const PATIENCE_MS = 60_000;
const LOOK_AGAIN_MS = 50;
const ASK_EVERY_MS = 500;

/** What exists only once the testbed is up. */
interface Cast {
  home: PairedDevice;
  session: OwnerSession;
  signer: Signer;
  agencyKey: SigningKey;
  bridge: { id: string; url: string };
}

export class RunningTestbed {
  readonly data: string;
  /** Every receipt heard, in order. */
  readonly receipts: Receipt[] = [];
  private readonly camera: string;
  private readonly environment: NodeJS.ProcessEnv;
  private readonly folder = temporaryFolder('testbed');
  /** Processes that were killed: whatever they had started must end too. */
  private readonly killed: number[] = [];
  private readonly posting: Promise<void>[] = [];
  /** The last one heard: a state that nothing changes is not said again. */
  private state: DeviceState | null = null;
  private ports: OwnPorts | null = null;
  private up: Running | null = null;
  private facts: Cast | null = null;

  /** `environment`: variables of all its processes besides our own. */
  constructor(camera: string, environment: NodeJS.ProcessEnv = {}) {
    this.camera = camera;
    this.environment = environment;
    this.data = join(this.folder.path, 'testbed');
  }

  /** Gives the doorbell other settings besides those it has, and starts it again. */
  async configure(settings: Partial<DeviceConfigInput>): Promise<void> {
    const path = join(this.data, 'doorbell/device.json');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...settings }));
    await this.restarted('doorbell', await this.signal('doorbell', 'SIGKILL'));
  }

  /** Starts a testbed on a new folder, without an agency that asks by itself, and its owner's session. */
  async start(): Promise<void> {
    this.ports ??= await ownPorts();
    const words = ['up', '--separate', '--no-ask', '--camera', this.camera, '--data', this.data, '--json'];
    this.up = new Running([...words, '--port', String(this.ports.first)], this.environment);
    const { bridge } = upLine.parse(await this.up.line('the testbed', (line) => line['event'] === 'up'));
    const owner = join(this.data, 'owner');
    const [home] = await listPairedDevices(seams.disk, owner);
    if (!home) throw new Error('no home is paired');
    const session = new OwnerSession(home, seams);
    session.listen({
      receipt: (receipt) => this.receipts.push(receipt),
      state: (state) => {
        this.state = state;
      },
      returned: () => void this.announce().catch(() => undefined),
    });
    await session.start();
    const key = await loadOrCreateOwnerKey(seams.disk, seams.random, join(owner, 'owner.key'));
    const agencyKey = await loadAgencyKey(seams, join(this.data, 'agency'));
    this.facts = { home, session, signer: { ...seams, key }, agencyKey, bridge };
  }

  /** Ends everything; what is on disk stays until `dispose`. */
  async stop(): Promise<void> {
    await this.facts?.session.stop();
    await this.up?.stop();
  }

  dispose(): void {
    this.ports?.release();
    this.folder.dispose();
  }

  get session(): OwnerSession {
    return this.cast.session;
  }

  get supervisor(): Running {
    if (!this.up) throw new Error('the testbed is not started');
    return this.up;
  }

  /** The bridge and the home of a testbed that runs. */
  get parts(): Pick<Cast, 'bridge' | 'home'> {
    return this.cast;
  }

  private get cast(): Cast {
    if (!this.facts) throw new Error('the testbed is not up');
    return this.facts;
  }

  /** What was said and logged last, for a failing test's message. */
  story(): string {
    const folder = join(this.data, 'logs');
    const logs = readdirSync(folder).map(
      (name) => `${name}:\n${readFileSync(join(folder, name), 'utf8').slice(-1_500)}`,
    );
    const heard = this.receipts.slice(-8).map(({ outcome, grant, code }) => `heard ${outcome} ${grant} ${code ?? ''}`);
    const lines = this.supervisor.lines.slice(-15).map((line) => JSON.stringify(line).slice(0, 300));
    return [...lines, ...heard, this.supervisor.stderr.slice(-1_500), ...logs].join('\n');
  }

  /** The process of a part right now; null while it is down. */
  pidOf(part: Part): number | null {
    return folderHolder(join(this.data, part));
  }

  /** Sends a signal to a part's process and returns its id; waits for one that is just being started again. */
  async signal(part: Part, name: NodeJS.Signals): Promise<number> {
    const pid = await this.until(`process of the ${part}`, () => this.pidOf(part));
    process.kill(pid, name);
    if (name === 'SIGKILL') this.killed.push(pid);
    return pid;
  }

  /** Resolves when another process than `before` is the part. */
  async restarted(part: Part, before: number): Promise<void> {
    await this.until(`other process of the ${part}`, () => {
      const pid = this.pidOf(part);
      return pid !== before ? pid : null;
    });
  }

  /** Resolves when nothing runs any more that a killed process had started: each part leads a session of its own. */
  async orphansGone(): Promise<void> {
    const left = () => this.killed.flatMap((pid) => sessionProcesses(pid));
    await this.until(`end of ${left()}`, () => (left().length === 0 ? true : null));
  }

  /** Polls until `look` finds something. */
  until<Found>(what: string, look: () => Found | null): Promise<Found> {
    const missing = () => `no ${what}\n${this.story()}`;
    return untilFound(look, { mostMs: PATIENCE_MS, everyMs: LOOK_AGAIN_MS, missing });
  }

  /** Waits until the ring holds `lengthUs` of footage without a gap, newer than `afterUs`; returns the end of it. */
  async footage(lengthUs: number, afterUs = 0): Promise<Window> {
    const { session, signer } = this.cast;
    const asking = setInterval(() => askForState(session, signer), ASK_EVERY_MS);
    return session
      .waitFor<Window>('the footage', PATIENCE_MS, (found) => ({
        state: ({ ring }) => {
          const last = ring.coverage.at(-1);
          if (last && last.endUs - Math.max(last.startUs, afterUs) >= lengthUs)
            found({ startUs: last.endUs - lengthUs, endUs: last.endUs });
        },
      }))
      .finally(() => clearInterval(asking));
  }

  /** Resolves when the device says that its camera is in `state`. */
  async cameraIs(state: string): Promise<void> {
    await this.until(`camera that is ${state}`, () => (this.state?.camera.state === state ? true : null));
  }

  /** A new request of the agency about the last quarter of an hour, posted as often as it takes, heard by the owner. */
  async ask(): Promise<VerifiedNotice> {
    const { agencyKey, bridge } = this.cast;
    const nowUs = seams.clock.wallUs();
    const ask = demoAsk(seams.clock, DEMO_HOME.place, { startUs: nowUs, endUs: nowUs }, 'address-and-email');
    // An investigation may be posted twice at most.
    const investigation = freshId(seams.random, 'case');
    const { id, token } = signFootageRequest(seams, agencyKey, bridge.id, { ...ask, investigation });
    return this.session.waitFor<VerifiedNotice>(
      `request ${id}`,
      PATIENCE_MS,
      (found) => ({ notice: (notice) => notice.request.jti === id && found(notice) }),
      () => {
        const posting = this.post(token);
        this.posting.push(posting);
        return posting;
      },
    );
  }

  /** Resolves when every request that was asked is at the bridge, whether or not anyone has heard of it. */
  async posted(): Promise<void> {
    await Promise.all(this.posting);
  }

  private async post(token: string): Promise<void> {
    const endMs = seams.clock.monotonicMs() + PATIENCE_MS;
    for (;;) {
      try {
        await postRequest(this.cast.bridge.url, token);
        return;
      } catch (thrown) {
        if (seams.clock.monotonicMs() > endMs) throw thrown;
        await seams.clock.sleep(LOOK_AGAIN_MS);
      }
    }
  }

  /** The owner grants a window of a request; does not wait. */
  grant(notice: VerifiedNotice, window: Window): GrantUnderWay {
    const { session, signer } = this.cast;
    const grant = makeGrant(signer, notice, { window });
    const sent = sendDecision(session, 'grant', grant, PATIENCE_MS, ['sent']).catch((thrown: Error) => {
      throw new Error(`${grant.jti}: ${thrown.message}\n${this.story()}`);
    });
    // Whoever awaits it hears of a failure; until then it must not end the process.
    sent.catch(() => undefined);
    return { jti: grant.jti, window, sent };
  }

  /** Has the owner order something; resolves once the device has confirmed it, rejects with its refusal. */
  async command(action: CommandAction): Promise<void> {
    const { session, signer } = this.cast;
    await giveOrder(session, signer, action, PATIENCE_MS);
  }

  private async announce(): Promise<void> {
    const { session, signer, home } = this.cast;
    await session.command(makeCommand(signer, home.device, { action: 'announce' }).token);
  }

  /** Names of the clips in the vault, and of those at the bridge that wait for it. */
  clips(): string[] {
    const waiting = readdirSync(join(this.data, 'bridge', 'clips')).filter((name) => name.startsWith('clip-'));
    return [...readdirSync(join(this.data, 'vault', 'blobs')), ...waiting];
  }

  /** The SHA-256 of each clip in the vault, opened. */
  async vaultedHashes(): Promise<string[]> {
    const blobs = join(this.data, 'vault', 'blobs');
    const hashes: string[] = [];
    for (const item of readdirSync(blobs)) {
      if (!existsSync(join(blobs, item, 'clip.mp4'))) continue;
      const hash = sha256Stream();
      for await (const part of (await readVaultClip(seams.disk, vaultItem(this.data, item))).read()) hash.update(part);
      hashes.push(hash.digestHex());
    }
    return hashes;
  }

  /**
   * Waits for a delivered clip in the vault, opens it and checks it as a stranger would: clip, manifest and the bridge's receipt vouch for one another; and every
   * receipt of the device about this grant names the same bytes. Returns its manifest.
   */
  async verify({ jti, window }: GrantUnderWay, receipt: Receipt) {
    const { home } = this.cast;
    const { bridge } = this.cast;
    const item = evidenceId(bridge.id, receipt.clip?.id ?? 'none');
    const folder = join(this.data, 'vault', 'blobs', item);
    const left = join(this.data, 'bridge', 'clips', receipt.clip?.id ?? 'none');
    await this.until(`clip in the vault as ${item}`, () => (existsSync(folder) && !existsSync(left) ? true : null));
    const { token, read } = await readVaultClip(seams.disk, vaultItem(this.data, item));
    const { manifest } = await verifyClip(read(), token, {
      ...(home.trust ? { bridgeKey: home.trust.bridgeKey } : {}),
      ...(receipt.intake === undefined ? {} : { receipt: receipt.intake }),
    });
    const hashes = this.receipts.filter((one) => one.grant === jti).flatMap(({ clip }) => (clip ? [clip.sha256] : []));
    const found = {
      grant: 'home' in manifest ? manifest.grant : null,
      window: manifest.window,
      sha256: sha256Hex(readFileSync(join(folder, 'clip.mp4'))),
      hasIntake: receipt.intake !== undefined,
      hashes: [...new Set(hashes)],
    };
    const wanted = { grant: jti, window, sha256: manifest.clipSha256, hasIntake: true, hashes: [manifest.clipSha256] };
    if (JSON.stringify(found) !== JSON.stringify(wanted))
      throw new Error(`found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);
    return manifest;
  }

  /** Walks the device's ledger; resolves with the types of the entries about each grant, in order. Throws when it is damaged. */
  async ledger(): Promise<Map<string, string[]>> {
    const { home } = this.cast;
    const types = new Map<string, string[]>();
    const device = { id: home.device, key: home.deviceKey };
    await walkLedger(seams.disk, join(this.data, 'doorbell', 'consent'), device, ({ type, body }) => {
      if ('grant' in body) types.set(body.grant, [...(types.get(body.grant) ?? []), type]);
    });
    return types;
  }
}
