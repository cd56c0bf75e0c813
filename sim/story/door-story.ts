// Owns: what `up` tells of one doorbell: what happens at the door, each request with the exact line that grants part of it, and what became
// of it. Not here: the testbed, and when the agency asks (up.ts).
import { join } from 'node:path';
import type { Timer } from '@doorsill/base/clock';
import type { SigningKey } from '@doorsill/base/keys';
import type { DeviceEvent, DeviceState, Receipt } from '@doorsill/contract/home-messages';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import { recallAnswerOf } from '@doorsill/contract/recall-answer';
import type { Window } from '@doorsill/contract/shared-claims';
import { OwnerSession } from '@doorsill/device/owner/owner-session';
import { makeCommand, type Signer } from '@doorsill/device/owner/sign-owner-messages';
import { printBytes, printFrames, printLength, printTimeOfDay } from '@doorsill/device/terminal/format-units';
import {
  askForState,
  fetchNotices,
  grantLine,
  showNotice,
  showSighting,
  showUpload,
} from '@doorsill/device/terminal/owner-requests';
import { calledAs, shellWord } from '@doorsill/device/terminal/shell-words';
import { evidenceId } from '../officer/evidence-desk.ts';
import type { RunningDoorbell } from '../testbed/testbed-doorbells.ts';
import { evidenceFolder, testbedPaths } from '../testbed/testbed-folder.ts';
import type { StoryDeps } from './story-deps.ts';
import { whenHandedOver } from './when-handed-over.ts';

/** What a door's story needs of the testbed around it. */
export interface DoorSurroundings extends StoryDeps {
  folder: string;
  bridge: string;
  ownerKey: SigningKey;
  hasTerminal: boolean;
  /** Whether there are other doors now: then each line says which one it is about. */
  isOneOfSeveral(): boolean;
  /** Whether the agency would still ask by itself. */
  mayAsk(): boolean;
  /** The agency's turn: something happened, or there is footage of this time. */
  ask(about: Window): void;
  /** A request has come; what it is about, if the testbed's own agency asked. */
  asked(request: string): Window | undefined;
}

/** The window that the agency asks about: this much before and after the press. */
const BEFORE_PRESS_US = 2_000_000;
const AFTER_PRESS_US = 2_000_000;
/** If nobody rings for this long, the agency asks about the latest seconds. */
const ASK_ANYWAY_AFTER_US = 6_000_000;
/** If the vault has not taken over a clip by then, the owner is told that the bridge still has it. */
const HANDED_OVER_MS_MAX = 60_000;

/** A doorbell's session with its owner, told. */
export class DoorStory {
  readonly doorbell: RunningDoorbell;
  private readonly around: DoorSurroundings;
  private readonly session: OwnerSession;
  private readonly signer: Signer;
  private readonly stopping = new AbortController();
  private recordingSinceUs: number | null = null;
  private cameraState = '';
  private stateAsked: Timer | null = null;
  private readonly uploads = new Set<string>();
  /** Receipts already printed: the device repeats them after it or the broker restarts. */
  private readonly told = new Set<string>();
  /** Pending timers, cancelled when the story stops. */
  private readonly timers = new Set<Timer>();

  constructor(doorbell: RunningDoorbell, around: DoorSurroundings) {
    this.doorbell = doorbell;
    this.around = around;
    this.session = new OwnerSession(doorbell.home, around);
    this.signer = { key: around.ownerKey, clock: around.clock, random: around.random };
  }

  async start(): Promise<void> {
    this.session.listen({
      returned: () => this.catchUp(),
      state: (state) => this.onState(state),
      event: (event) => this.onEvent(event),
      notice: (notice) => this.onNotice(notice),
      sighting: (seen) =>
        this.say('sighting', showSighting(seen).join('\n'), { search: seen.request.jti, sighted: seen.sighted }),
      receipt: (receipt) => this.onReceipt(receipt),
      upload: (progress) => this.say(`upload-${progress.state}`, showUpload(progress).trim(), { ...progress }),
    });
    await this.session.start();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.stateAsked?.cancel();
    for (const timer of this.timers) timer.cancel();
    await this.session.stop();
  }

  /** Rings the bell, as a key on the terminal does. */
  async ring(): Promise<void> {
    const { session, signer } = this;
    await session.command(makeCommand(signer, session.home.device, { action: 'press', button: 'front' }).token);
  }

  /** Fetches requests that are still open from an earlier run. */
  async resume(): Promise<void> {
    await fetchNotices(this.session, this.signer);
  }

  /** Asks the device to repeat what this session missed while it was offline. */
  private catchUp(): void {
    askForState(this.session, this.signer);
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
    const newest = state.ring.coverage.at(-1);
    if (!newest) return;
    this.recordingSinceUs ??= newest.endUs;
    const missingUs = this.recordingSinceUs + ASK_ANYWAY_AFTER_US - newest.endUs;
    if (missingUs <= 0) this.around.ask({ startUs: newest.endUs - 4_000_000, endUs: newest.endUs });
    else if (this.around.mayAsk()) {
      // Unasked, the device reports only now and then how far its footage reaches.
      this.stateAsked?.cancel();
      this.stateAsked = this.around.clock.after(Math.max(1_000, missingUs / 1_000), () => this.catchUp());
    }
  }

  private onEvent(event: DeviceEvent): void {
    if (event.type === 'ring') {
      this.say('ring', `ding-dong: the ${event.button} button`, { button: event.button, source: event.source });
      const about = { startUs: event.atUs - BEFORE_PRESS_US, endUs: event.atUs + AFTER_PRESS_US };
      this.later((AFTER_PRESS_US + 100_000) / 1000, () => this.around.ask(about));
    } else if (event.type === 'motion-start') this.say('motion', 'motion at the door', {});
    else if (event.type === 'tamper') this.say('tamper', `${event.what}: ${event.detail}`, { what: event.what });
  }

  private later(delayMs: number, call: () => void): void {
    const timer = this.around.clock.after(delayMs, () => {
      this.timers.delete(timer);
      call();
    });
    this.timers.add(timer);
  }

  private onNotice(notice: VerifiedNotice): void {
    const id = notice.request.jti;
    const last = notice.coverage.at(-1);
    const about = this.around.asked(id);
    const piece = about ?? (last && { startUs: Math.max(last.startUs, last.endUs - 4_000_000), endUs: last.endUs });
    if (!piece || this.uploads.has(id)) return;
    this.uploads.add(id);
    const keys = notice.askedKeys.filter((key) => notice.wouldDisclose[key] !== undefined);
    const { name } = this.doorbell;
    const { folder, hasTerminal } = this.around;
    const isSeveral = this.around.isOneOfSeveral();
    const more = [
      isSeveral ? ` --device ${shellWord(name)}` : '',
      folder === join(process.cwd(), '.doorsill') ? '' : ` --data ${shellWord(folder)}`,
    ].join('');
    const grant = `${grantLine(id, piece, keys)}${more}`;
    const waits = hasTerminal
      ? 'In another terminal, in this folder, grant'
      : 'No terminal here, so this waits. Elsewhere, grant';
    const length = printLength(piece.endUs - piece.startUs);
    this.around.output.result(
      { event: 'request', ...this.which, request: id, window: piece, grant },
      [
        '',
        ...(isSeveral ? [`${name}:`] : []),
        ...showNotice(notice),
        '',
        `${waits} ${length} of it and what it wants to know:`,
        '',
        `    ${grant}`,
        '',
        '  with sound: add --audio',
        `  or say no:  ${calledAs()} deny ${id}${more}`,
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
    const { folder, bridge } = this.around;
    const item = evidenceId(bridge, clip.id);
    const { signal } = this.stopping;
    const wanted = { item, clip: clip.id };
    const found = await whenHandedOver(this.around, folder, wanted, HANDED_OVER_MS_MAX, signal).catch(() => false);
    if (signal.aborted) return;
    const place = found ? evidenceFolder(folder, item) : join(testbedPaths(folder).bridge, 'clips', clip.id);
    this.showArrival(receipt, clip, place, found ? 'in the vault' : 'at the bridge, which waits for the vault');
  }

  private showArrival(receipt: Receipt, clip: NonNullable<Receipt['clip']>, folder: string, where: string): void {
    const from = this.around.isOneOfSeveral() ? ` of ${this.doorbell.name}` : '';
    this.around.output.result(
      { event: 'sent', ...this.which, request: receipt.request, clip, folder },
      [
        '',
        `The clip${from} is ${where}: exactly ${printFrames(clip.frames)}, ${printBytes(clip.bytes)} (${clip.method}).`,
        `  disclosed  ${clip.disclosed.join(', ') || 'nothing'}`,
        `  sha256     ${clip.sha256}`,
        `  files      ${folder}`,
        '  Only the agency that asked can fetch it. Check it yourself:',
        `    ${calledAs()} verify ${shellWord(join(folder, 'clip.mp4'))} ${shellWord(join(folder, 'manifest.jws'))}`,
        '',
      ].join('\n'),
    );
  }

  private get which(): { doorbell: string; device: string } {
    return { doorbell: this.doorbell.name, device: this.doorbell.home.device };
  }

  private say(event: string, text: string, facts: object): void {
    const atUs = this.around.clock.wallUs();
    const door = this.around.isOneOfSeveral() ? `${this.doorbell.name}: ` : '';
    this.around.output.result({ event, atUs, ...this.which, ...facts }, `${printTimeOfDay(atUs)}  ${door}${text}`);
  }
}
