// The output of `up` about one doorbell: events at the door, each request with the exact command that grants part of it, and the outcome.
import { join } from 'node:path';
import type { Timer } from '@doorsill/base/clock';
import type { SigningKey } from '@doorsill/base/keys';
import { recallAnswerOf } from '@doorsill/contract/hand-over-documents';
import type { DeviceEvent, DeviceState, Receipt } from '@doorsill/contract/home-messages';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
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
import { SEALING_KEYS_NAME } from '../officer/agency-sealing.ts';
import { evidenceId } from '../officer/evidence-client.ts';
import type { RunningDoorbell } from '../testbed/testbed-doorbells.ts';
import { evidenceFolder, testbedPaths } from '../testbed/testbed-folder.ts';
import { CLIP_NAME, STATEMENT_NAME } from '../testbed/vault-clip.ts';
import type { StoryDeps } from './story-deps.ts';
import { whenHandedOver } from './when-handed-over.ts';

/** The testbed of a door's story. */
export interface DoorContext extends StoryDeps {
  folder: string;
  bridge: string;
  ownerKey: SigningKey;
  hasTerminal: boolean;
  /** Whether there are other doors now: then each line names its door. */
  isOneOfSeveral(): boolean;
  /** Whether the agency will still ask by itself. */
  mayAsk(): boolean;
  /** Lets the agency ask for footage of this window. */
  ask(about: Window): void;
  /** Called when a request has come; returns its window if the testbed's own agency asked. */
  asked(request: string): Window | undefined;
}

/** The agency asks for this much before and after a press. */
const BEFORE_PRESS_US = 2_000_000;
const AFTER_PRESS_US = 2_000_000;
/** If nobody rings for this long, the agency asks for the latest seconds. */
const ASK_ANYWAY_AFTER_US = 6_000_000;
/** After this time without a hand-over to the vault, the clip's folder at the bridge is printed. */
const HANDED_OVER_MS_MAX = 60_000;

/** Who gets a clip that has left, by who decrypts it. */
const READERS = {
  vault: 'Only the agency that asked can fetch it, and only its vault can decrypt it',
  recipient: 'Only the agency that asked can fetch it, and only the agency can decrypt it',
  anybody: 'Only the agency that asked can fetch it; it was not encrypted for the way',
} as const;

/** Prints a doorbell's session with its owner. */
export class DoorStory {
  readonly doorbell: RunningDoorbell;
  private readonly context: DoorContext;
  private readonly session: OwnerSession;
  private readonly signer: Signer;
  private readonly stopping = new AbortController();
  private recordingSinceUs: number | null = null;
  private cameraState = '';
  private stateAsked: Timer | null = null;
  private readonly uploads = new Set<string>();
  /** Receipts already printed: the device repeats them after it or the broker restarts. */
  private readonly printed = new Set<string>();
  /** Pending timers, cancelled when the story stops. */
  private readonly timers = new Set<Timer>();

  constructor(doorbell: RunningDoorbell, context: DoorContext) {
    this.doorbell = doorbell;
    this.context = context;
    this.session = new OwnerSession(doorbell.home, context);
    this.signer = { key: context.ownerKey, clock: context.clock, random: context.random };
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

  /** Asks the device to repeat messages that this session has missed. */
  private catchUp(): void {
    askForState(this.session, this.signer);
  }

  private onState(state: DeviceState): void {
    const key = `${state.camera.state} ${state.camera.detail ?? ''}`;
    const isChanged = key !== this.cameraState && (this.cameraState !== '' || state.camera.state !== 'off');
    if (isChanged) {
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
    if (missingUs <= 0) this.context.ask({ startUs: newest.endUs - 4_000_000, endUs: newest.endUs });
    else if (this.context.mayAsk()) {
      // Without being asked, the device reports its coverage only now and then.
      this.stateAsked?.cancel();
      this.stateAsked = this.context.clock.after(Math.max(1_000, missingUs / 1_000), () => this.catchUp());
    }
  }

  private onEvent(event: DeviceEvent): void {
    if (event.type === 'ring') {
      this.say('ring', `ding-dong: the ${event.button} button`, { button: event.button, source: event.source });
      const about = { startUs: event.atUs - BEFORE_PRESS_US, endUs: event.atUs + AFTER_PRESS_US };
      this.later((AFTER_PRESS_US + 100_000) / 1000, () => this.context.ask(about));
    } else if (event.type === 'motion-start') this.say('motion', 'motion at the door', {});
    else if (event.type === 'tamper') this.say('tamper', `${event.what}: ${event.detail}`, { what: event.what });
  }

  private later(delayMs: number, call: () => void): void {
    const timer = this.context.clock.after(delayMs, () => {
      this.timers.delete(timer);
      call();
    });
    this.timers.add(timer);
  }

  private onNotice(notice: VerifiedNotice): void {
    const id = notice.request.jti;
    const last = notice.coverage.at(-1);
    const about = this.context.asked(id);
    const piece = about ?? (last && { startUs: Math.max(last.startUs, last.endUs - 4_000_000), endUs: last.endUs });
    if (!piece || this.uploads.has(id)) return;
    this.uploads.add(id);
    const keys = notice.askedKeys.filter((key) => notice.wouldDisclose[key] !== undefined);
    const { name } = this.doorbell;
    const { folder, hasTerminal } = this.context;
    const isSeveral = this.context.isOneOfSeveral();
    const more = [
      isSeveral ? ` --device ${shellWord(name)}` : '',
      folder === join(process.cwd(), '.doorsill') ? '' : ` --data ${shellWord(folder)}`,
    ].join('');
    const grant = `${grantLine(id, piece, keys)}${more}`;
    const waits = hasTerminal
      ? 'In another terminal, in this folder, grant'
      : 'No terminal here, so this waits. Elsewhere, grant';
    const length = printLength(piece.endUs - piece.startUs);
    this.context.output.result(
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
    if (outcome !== 'refused' && this.printed.has(name)) return;
    this.printed.add(name);
    if (outcome === 'sent' && clip) void this.printArrival(receipt, clip);
    else {
      const answer = recallAnswerOf(receipt);
      const vaultAnswer = answer
        ? `, the vault says ${answer.decision}${answer.reason ? `: ${answer.reason}` : ''}`
        : '';
      this.say(
        outcome,
        `${outcome}${receipt.code ? ` (${receipt.code})` : ''}: ${receipt.request ?? ''}${vaultAnswer}`,
        {
          request: receipt.request,
          code: receipt.code,
          ...(answer ? { decision: answer.decision, reason: answer.reason } : {}),
        },
      );
    }
  }

  /** Prints where the clip is: in the vault once it is handed over, or at the bridge if that takes too long. */
  private async printArrival(receipt: Receipt, clip: NonNullable<Receipt['clip']>): Promise<void> {
    const { folder, bridge } = this.context;
    const item = evidenceId(bridge, clip.id);
    const { signal } = this.stopping;
    const wanted = { item, clip: clip.id };
    const found = await whenHandedOver(this.context, folder, wanted, HANDED_OVER_MS_MAX, signal).catch(() => false);
    if (signal.aborted) return;
    const place = found ? evidenceFolder(folder, item) : join(testbedPaths(folder).bridge, 'clips', clip.id);
    this.showArrival(receipt, clip, place, found ? 'in the vault' : 'at the bridge, which waits for the vault');
  }

  private showArrival(receipt: Receipt, clip: NonNullable<Receipt['clip']>, folder: string, where: string): void {
    const from = this.context.isOneOfSeveral() ? ` of ${this.doorbell.name}` : '';
    const { vault, agency } = testbedPaths(this.context.folder);
    const keys = clip.sealed && join(clip.sealed.keeper === 'vault' ? vault : agency, SEALING_KEYS_NAME);
    const key = keys === undefined ? [] : ['--key', shellWord(keys)];
    this.context.output.result(
      { event: 'sent', ...this.which, request: receipt.request, clip, folder },
      [
        '',
        `The clip${from} is ${where}: exactly ${printFrames(clip.frames)}, ${printBytes(clip.sealed?.clipBytes ?? clip.bytes)} (${clip.method}).`,
        `  disclosed  ${clip.disclosed.join(', ') || 'nothing'}`,
        `  sha256     ${clip.sealed?.clipSha256 ?? clip.sha256}`,
        `  files      ${folder}`,
        `  ${READERS[clip.sealed?.keeper ?? 'anybody']}. Check it yourself:`,
        `    ${[calledAs(), 'verify', ...[CLIP_NAME, STATEMENT_NAME].map((name) => shellWord(join(folder, name))), ...key].join(' ')}`,
        '',
      ].join('\n'),
    );
  }

  private get which(): { doorbell: string; device: string } {
    return { doorbell: this.doorbell.name, device: this.doorbell.home.device };
  }

  private say(event: string, text: string, facts: object): void {
    const atUs = this.context.clock.wallUs();
    const door = this.context.isOneOfSeveral() ? `${this.doorbell.name}: ` : '';
    this.context.output.result({ event, atUs, ...this.which, ...facts }, `${printTimeOfDay(atUs)}  ${door}${text}`);
  }
}
