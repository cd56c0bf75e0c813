// Owns: the story `up` tells: what happens at the door, a request when somebody rings, the exact line that grants part of it,
// and what became of it. Not here: the parts (testbed/), printing under --json (the caller's output).
import { join } from 'node:path';
import {
  askConsole,
  type Clock,
  type ConsoleAddress,
  type DeviceEvent,
  type DeviceState,
  type Disk,
  type Log,
  makeCommand,
  OwnerSession,
  pairingSocketPath,
  type Random,
  type Receipt,
  recallAnswerOf,
  type Signer,
  type Timer,
  type VerifiedNotice,
  type Window,
} from '../../device/index.ts';
import { loadAgencyKey, postRequest, signRequest } from '../officer/agency-client.ts';
import { evidenceId } from '../officer/evidence-desk.ts';
import { printBytes, printFrames, printLength, printTimeOfDay } from '../terminal/format-units.ts';
import type { Output } from '../terminal/output.ts';
import {
  askForState,
  fetchNotices,
  grantLine,
  shellWord,
  showNotice,
  showSighting,
  showUpload,
} from '../terminal/owner-requests.ts';
import { DEMO_HOME, Testbed, type TestbedFacts } from '../testbed/testbed.ts';
import { evidenceFolder, testbedPaths } from '../testbed/testbed-folder.ts';
import { demoAsk } from './demo-request.ts';
import { whenHandedOver } from './when-handed-over.ts';

export interface UpOptions {
  folder: string;
  camera?: string;
  /** The first of its four ports, asked for; absent: the usual ones where they are free. */
  port?: number;
  /** Whether the demo agency asks by itself when somebody rings. */
  agencyAsks: boolean;
  /** Whether somebody can type here. */
  hasTerminal: boolean;
  /** Whether a person reads what is printed: only they are told the code that pairs a browser. */
  isRead: boolean;
  logLevel: string;
}

export interface StoryDeps {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  output: Output;
}

/** The broker's usual port; registry, bridge, vault and the doorbell's own server have the next four. */
export const PORT_USUAL = 18_830;
/** A browser that was paired finds its key by the port, so it stays the same from run to run. */
const CONSOLE_PORT_AFTER = 4;
/** The window that the agency asks about: this much before and after the press. */
const BEFORE_PRESS_US = 2_000_000;
const AFTER_PRESS_US = 2_000_000;
/** If nobody rings for this long, the agency asks about the latest seconds. */
const ASK_ANYWAY_AFTER_US = 6_000_000;
/** After a refusal or an unreachable bridge the agency waits this long before it asks about something else. */
const ASK_AGAIN_MS = 10_000;
/** If the vault has not taken over a clip by then, the owner is told that the bridge still has it. */
const HANDED_OVER_MS_MAX = 60_000;

/** A running testbed with its story. `stop` ends both. */
export class Up {
  private readonly options: UpOptions;
  private readonly deps: StoryDeps;
  private readonly testbed: Testbed;
  private facts: TestbedFacts | null = null;
  private session: OwnerSession | null = null;
  private asked = false;
  /** No session may start once this is set: nobody would end it. */
  private isStopped = false;
  private readonly stopping = new AbortController();
  private recordingSinceUs: number | null = null;
  private cameraState = '';
  private stateAsked: Timer | null = null;
  private readonly pieces = new Map<string, Window>();
  private uploads = new Map<string, string>();
  /** Receipts already printed: the device repeats them after it or the broker restarts. */
  private readonly told = new Set<string>();
  /** Pending timers, cancelled when the testbed stops. */
  private readonly timers = new Set<Timer>();

  constructor(options: UpOptions, deps: StoryDeps) {
    this.options = options;
    this.deps = deps;
    const first = options.port ?? PORT_USUAL;
    this.testbed = new Testbed(
      {
        folder: options.folder,
        kind: 'doorsill-up',
        logLevel: options.logLevel,
        port: { first, isRequired: options.port !== undefined },
        device: { console: { listen: 'this-machine', port: first + CONSOLE_PORT_AFTER } },
        ...(options.camera === undefined ? {} : { camera: options.camera }),
      },
      {
        ...deps,
        say: (text) =>
          deps.output.json ? deps.output.result({ event: 'note', text }, text) : deps.output.progress(text),
      },
    );
  }

  async start(): Promise<void> {
    const facts = await this.testbed.start();
    if (this.isStopped) return;
    this.facts = facts;
    const ownServer = await askConsole(this.deps, pairingSocketPath(testbedPaths(this.options.folder).doorbell));
    if (this.isStopped) return;
    this.introduce(facts, ownServer);
    const session = new OwnerSession(facts.home, this.deps);
    this.session = session;
    session.listen({
      returned: () => this.catchUp(session),
      state: (state) => this.onState(state),
      event: (event) => this.onEvent(event),
      notice: (notice) => this.onNotice(notice),
      sighting: (seen) =>
        this.say('sighting', showSighting(seen).join('\n'), { search: seen.request.jti, sighted: seen.sighted }),
      receipt: (receipt) => this.onReceipt(receipt),
      upload: (progress) => this.say(`upload-${progress.state}`, showUpload(progress).trim(), { ...progress }),
    });
    await session.start();
    if (!facts.isNew) await this.resume(session);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.stopping.abort();
    this.stateAsked?.cancel();
    for (const timer of this.timers) timer.cancel();
    await this.session?.stop();
    await this.testbed.stop();
  }

  /** Rings the bell, as a key on the terminal does. */
  async ring(): Promise<void> {
    const { session, signer } = this;
    if (!session || !signer) return;
    await session.command(makeCommand(signer, session.home.device, { action: 'press', button: 'front' }).token);
  }

  private get signer(): Signer | null {
    return this.facts ? { key: this.facts.ownerKey, clock: this.deps.clock, random: this.deps.random } : null;
  }

  private introduce(facts: TestbedFacts, ownServer: ConsoleAddress | null): void {
    const { output } = this.deps;
    const { folder } = this.options;
    output.result(
      {
        event: 'up',
        folder,
        device: facts.home.device,
        broker: facts.home.account.url,
        bridge: facts.bridge,
        registry: facts.registry,
        vault: facts.vault,
        console: ownServer?.url ?? null,
        isNew: facts.isNew,
      },
      [
        facts.isNew
          ? 'doorsill is up: a new testbed on this machine.'
          : 'doorsill is up again, with the data of last time.',
        `  doorbell   ${facts.home.device}`,
        `  broker     ${facts.home.account.url}`,
        `  registry   ${facts.registry.url}`,
        `  bridge     ${facts.bridge.url}`,
        `  neighbors  ${facts.bridge.url}/neighbors (what everybody can read)`,
        `  vault      ${facts.vault.url}`,
        `  data       ${folder}`,
        ...this.consoleLines(ownServer),
        'Every frame stays on the device until you grant a part of it.',
        ...(this.options.hasTerminal ? ['Press b to ring the bell, Ctrl-C to end.'] : []),
        '',
      ].join('\n'),
    );
  }

  /** Where the door can be seen. The link holds a secret, so it is for a person's eyes, never for a log. */
  private consoleLines(ownServer: ConsoleAddress | null): string[] {
    if (!ownServer) return ['  console    not there: another program has its port, see console in device.json'];
    if (!this.options.isRead) return [`  console    ${ownServer.url}`];
    return [
      '',
      'See your door, ring it, and look back in time. This link pairs a browser on this machine, once:',
      `  ${ownServer.pairingUrl}`,
      '',
    ];
  }

  /** Asks the device to repeat what this session missed while it was offline. */
  private catchUp(session: OwnerSession): void {
    if (this.signer) askForState(session, this.signer);
  }

  /** On a later run: reports the clips already stored, and fetches requests that are still open. */
  private async resume(session: OwnerSession): Promise<void> {
    const clips = (await this.deps.disk.list(join(testbedPaths(this.options.folder).vault, 'blobs'))).length;
    this.say('resumed', `The vault holds ${clips} clip${clips === 1 ? '' : 's'} of earlier grants.`, { clips });
    const { signer } = this;
    if (signer) await fetchNotices(session, signer);
  }

  private onState(state: DeviceState): void {
    const key = `${state.camera.state} ${state.camera.detail ?? ''}`;
    const isNews = key !== this.cameraState && (this.cameraState !== '' || state.camera.state !== 'off');
    if (isNews) {
      this.cameraState = key;
      const detail = state.camera.detail ? ` (${state.camera.detail})` : '';
      this.say('camera', `camera ${state.camera.source}: ${state.camera.state}${detail}`, {
        state: state.camera.state,
        ...(state.camera.code === undefined ? {} : { code: state.camera.code }),
      });
    }
    const { session } = this;
    const newest = state.ring.coverage.at(-1);
    if (!newest) return;
    this.recordingSinceUs ??= newest.endUs;
    const missingUs = this.recordingSinceUs + ASK_ANYWAY_AFTER_US - newest.endUs;
    if (missingUs <= 0) this.ask({ startUs: newest.endUs - 4_000_000, endUs: newest.endUs });
    else if (!this.asked && this.options.agencyAsks && session) {
      // Unasked, the device reports only now and then how far its footage reaches.
      this.stateAsked?.cancel();
      this.stateAsked = this.deps.clock.after(Math.max(1_000, missingUs / 1_000), () => this.catchUp(session));
    }
  }

  private onEvent(event: DeviceEvent): void {
    if (event.type === 'ring') {
      this.say('ring', `ding-dong: the ${event.button} button`, { button: event.button, source: event.source });
      const about = { startUs: event.atUs - BEFORE_PRESS_US, endUs: event.atUs + AFTER_PRESS_US };
      this.later((AFTER_PRESS_US + 100_000) / 1000, () => this.ask(about));
    } else if (event.type === 'motion-start') this.say('motion', 'motion at the door', {});
    else if (event.type === 'tamper') this.say('tamper', `${event.what}: ${event.detail}`, { what: event.what });
  }

  private later(delayMs: number, call: () => void): void {
    const timer = this.deps.clock.after(delayMs, () => {
      this.timers.delete(timer);
      call();
    });
    this.timers.add(timer);
  }

  /** The demo agency asks once a run, unless a request is waiting already. */
  private ask(about: Window): void {
    const { facts } = this;
    if (!facts || this.asked || !this.options.agencyAsks) return;
    this.asked = true;
    this.post(facts, about).catch((thrown: Error) => {
      this.later(ASK_AGAIN_MS, () => {
        this.asked = false;
      });
      this.say('request-failed', `the agency could not ask: ${thrown.message}`, { detail: thrown.message });
    });
  }

  /** Signs with the agency's current key: it may have been rotated since the start. */
  private async post(facts: TestbedFacts, about: Window): Promise<void> {
    const key = await loadAgencyKey(this.deps, testbedPaths(this.options.folder).agency);
    const ask = demoAsk(this.deps.clock, DEMO_HOME.place, about, 'address-and-email');
    const { id, token } = signRequest(this.deps, key, facts.bridge.id, ask);
    this.pieces.set(id, about);
    await postRequest(facts.bridge.url, token);
  }

  private onNotice(notice: VerifiedNotice): void {
    const id = notice.request.jti;
    const last = notice.coverage.at(-1);
    const piece =
      this.pieces.get(id) ?? (last && { startUs: Math.max(last.startUs, last.endUs - 4_000_000), endUs: last.endUs });
    this.asked = true;
    if (!piece || this.uploads.has(id)) return;
    this.uploads.set(id, 'shown');
    const keys = notice.askedKeys.filter((key) => notice.wouldDisclose[key] !== undefined);
    const grant = grantLine(id, piece, keys);
    const ownFolder =
      this.options.folder === join(process.cwd(), '.doorsill') ? '' : ` --data ${shellWord(this.options.folder)}`;
    const waits = this.options.hasTerminal
      ? 'In another terminal, grant'
      : 'No terminal here, so this waits. Elsewhere, grant';
    const about = printLength(piece.endUs - piece.startUs);
    this.deps.output.result(
      { event: 'request', request: id, window: piece, grant: `${grant}${ownFolder}` },
      [
        '',
        ...showNotice(notice),
        '',
        `${waits} ${about} of it and what it wants to know:`,
        '',
        `    ${grant}${ownFolder}`,
        '',
        '  with sound: add --audio',
        `  or say no:  npx doorsill deny ${id}${ownFolder}`,
        '',
      ].join('\n'),
    );
  }

  private onReceipt(receipt: Receipt): void {
    const { clip, outcome } = receipt;
    if (outcome === 'command-done') return;
    const name = `${outcome} ${receipt.grant ?? receipt.request}`;
    if (outcome !== 'refused' && this.told.has(name)) return;
    this.told.add(name);
    if (outcome === 'sent' && clip) void this.tellArrival(receipt, clip);
    else {
      const answer = recallAnswerOf(receipt);
      const said = answer ? `, the vault says ${answer.decision}${answer.reason ? `: ${answer.reason}` : ''}` : '';
      this.say(outcome, `${outcome}${receipt.code ? ` (${receipt.code})` : ''}: ${receipt.request ?? ''}${said}`, {
        request: receipt.request,
        code: receipt.code,
        ...(answer ? { decision: answer.decision, reason: answer.reason } : {}),
      });
    }
  }

  /** The bridge has the clip: prints its place in the vault once handed over, or at the bridge if that takes too long. */
  private async tellArrival(receipt: Receipt, clip: NonNullable<Receipt['clip']>): Promise<void> {
    const { facts } = this;
    if (!facts) return;
    const item = evidenceId(facts.bridge.id, clip.id);
    const { folder } = this.options;
    const found = await whenHandedOver(
      this.deps,
      folder,
      { item, clip: clip.id },
      HANDED_OVER_MS_MAX,
      this.stopping.signal,
    ).catch(() => false);
    if (this.isStopped) return;
    const place = found ? evidenceFolder(folder, item) : join(testbedPaths(folder).bridge, 'clips', clip.id);
    this.showArrival(receipt, clip, place, found ? 'in the vault' : 'at the bridge, which waits for the vault');
  }

  private showArrival(receipt: Receipt, clip: NonNullable<Receipt['clip']>, folder: string, where: string): void {
    this.deps.output.result(
      { event: 'sent', request: receipt.request, clip, folder },
      [
        '',
        `The clip is ${where}: exactly ${printFrames(clip.frames)}, ${printBytes(clip.bytes)} (${clip.method}).`,
        `  disclosed  ${clip.disclosed.join(', ') || 'nothing'}`,
        `  sha256     ${clip.sha256}`,
        `  files      ${folder}`,
        '  Only the agency that asked can fetch it. Check it yourself:',
        `    npx doorsill verify ${shellWord(join(folder, 'clip.mp4'))} ${shellWord(join(folder, 'manifest.jws'))}`,
        '',
      ].join('\n'),
    );
  }

  private say(event: string, text: string, facts: object): void {
    const atUs = this.deps.clock.wallUs();
    this.deps.output.result({ event, atUs, ...facts }, `${printTimeOfDay(atUs)}  ${text}`);
  }
}
