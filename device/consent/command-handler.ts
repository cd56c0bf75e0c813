// Carries out an owner's command: ledger first, then the effect. Runs inside the gate's queue.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { isPublicKey, type SigningKey, sha256Hex } from '@doorsill/base/keys';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { signToken } from '@doorsill/contract/jws';
import { type Command, type CommandAction, mustNameLastOrder } from '@doorsill/contract/owner-orders';
import type { SettingsChange } from '@doorsill/contract/owner-settings';
import { PUBLIC_AUDIENCE, type Window } from '@doorsill/contract/shared-claims';
import type { AreaMessageHandler, OwnerNotifier } from './area-message-handler.ts';
import type { ConsentContext } from './consent-context.ts';
import type { EffectRunner } from './effect-runner.ts';
import type { GateState } from './gate-state.ts';
import { settingsFault } from './owner-settings.ts';
import { commandTimeFault, mayActWithoutClock, type OwnerOrder, PRESS_AGE_S_MAX } from './verify-owner.ts';

type CommandOrder = Extract<OwnerOrder, { kind: 'command' }>;

/** Result of a command. `detail`: the part that was left undone, for its receipt. */
export interface Carried {
  refused?: Failure;
  detail?: string;
}

const DONE: Carried = {};

/** Maximum number of presses within the time in which a press is accepted; further ones are refused. */
const MOMENTARY_IDS_MAX = 256;

export class CommandHandler {
  private readonly context: ConsentContext;
  private readonly runner: EffectRunner;
  private readonly notifier: OwnerNotifier;
  private readonly area: AreaMessageHandler;
  /** Monotonic time of the start: the wall clock may be corrected by years after it. */
  private readonly bootMs: number;
  /** Commands without lasting effect: by id, the token's hash and second of signing. */
  private readonly momentary = new Map<string, { sha256: string; iat: number }>();

  constructor(context: ConsentContext, runner: EffectRunner, notifier: OwnerNotifier, area: AreaMessageHandler) {
    this.context = context;
    this.runner = runner;
    this.notifier = notifier;
    this.area = area;
    this.bootMs = context.deps.clock.monotonicMs();
  }

  /**
   * Carries out a command, or returns why not. A repeat of the same bytes gets the first answer again and has no further effect.
   * Throws coded failures.
   */
  async carryOut({ claims: command, token, isPrivate }: CommandOrder): Promise<Carried> {
    const { state, deps } = this.context;
    // Refused because a broker has read its values: an owner must send settings to the device's own server.
    if (command.command.action === 'change-settings' && !isPrivate) return { refused: failure('settings_over_broker') };
    const usedAs = state.used.get(command.jti) ?? this.momentary.get(command.jti)?.sha256;
    if (usedAs !== undefined) {
      if (usedAs !== sha256Hex(token)) return { refused: failure('consent_replayed') };
      if (state.removedAhead.has(command.jti)) return { refused: failure('owner_unknown') };
      await this.finishForget(command.jti);
      return DONE;
    }
    const fault = commandTimeFault(command, deps.clock);
    if (fault && !this.isFreshWithoutClock(command, isPrivate)) return { refused: fault };
    // A broker can delay or reorder orders: each acts only on the state that its signer knew, and only once.
    if (mustNameLastOrder(command.command) && command.after !== state.lastOrder) {
      return { refused: failure('consent_order_stale') };
    }
    if (command.command.action === 'forget') return this.forget(command, token, command.command.window);
    const refused = await this.execute(command, command.command, token);
    return refused ? { refused } : DONE;
  }

  /** Whether an untimely command is carried out because the device's clock may be wrong. */
  private isFreshWithoutClock(command: Command, isPrivate: boolean): boolean {
    const { marks, state } = this.context;
    if (marks.clockTrusted()) return false;
    const latestS = Math.floor(marks.latestUs / 1_000_000);
    const signerS = state.lastSignedS.get(command.iss) ?? 0;
    return mayActWithoutClock(command, isPrivate, { latestS, signerS });
  }

  private async execute(
    command: Command,
    order: Exclude<CommandAction, { action: 'forget' }>,
    token: string,
  ): Promise<Failure | null> {
    const { effects, deps } = this.context;
    const signed = { jti: command.jti, token };
    switch (order.action) {
      case 'press':
      case 'announce': {
        if (order.action === 'press' && !deps.buttons.includes(order.button)) {
          return failure('button_unknown', { buttons: deps.buttons.join(', ') });
        }
        const refused = this.rememberMomentary(command, token);
        if (refused) return refused;
        if (order.action === 'press') effects.press(order.button);
        else this.notifier.sendAll();
        return null;
      }
      case 'privacy':
        await this.runner.record({ type: 'privacy-set', body: { ...signed, on: order.on } });
        effects.privacy(order.on);
        return null;
      case 'search-party':
        await this.runner.record({ type: 'search-party-set', body: { ...signed, on: order.on } });
        this.area.turnSearchParty(order.on);
        return null;
      case 'reset-clock-mark':
        return this.resetClockMark(signed);
      case 'add-owner':
        return this.addOwner(signed, order.key, order.name);
      case 'remove-owner':
        return this.removeOwner(signed, order.key);
      case 'add-viewer':
        return this.addViewer(signed, order);
      case 'remove-viewer':
        // Recorded for an unknown viewer, too: an earlier order to add that viewer can no longer act then.
        await this.runner.record({ type: 'viewer-removed', body: { ...signed, viewer: order.viewer } });
        return null;
      case 'change-settings':
        return this.changeSettings(signed, order.settings);
    }
  }

  /**
   * Deletes footage recorded before the order was signed, and nothing newer: a broker can deliver the order late. Claims
   * hold whole seconds, so footage of the second of signing is deleted, too.
   */
  private async forget({ jti, iat }: Command, token: string, asked: Window | undefined): Promise<Carried> {
    const nowUs = this.context.deps.clock.wallUs();
    const signedUs = Math.min(nowUs, (iat + 1) * 1_000_000);
    const isLate = signedUs < nowUs;
    const window =
      isLate || asked
        ? { startUs: asked?.startUs ?? 0, endUs: Math.min(asked?.endUs ?? signedUs, signedUs) }
        : undefined;
    if (window && window.startUs >= window.endUs) return { refused: failure('consent_window_future') };
    await this.runner.record({ type: 'forget-ordered', body: { jti, token, ...(window ? { window } : {}) } });
    await this.finishForget(jti);
    const isCut = isLate && (asked === undefined || asked.endUs > signedUs);
    if (!isCut) return DONE;
    const until = new Date(signedUs / 1_000).toISOString();
    return { detail: `Footage from after the order was signed (${until} on the device's clock) was kept.` };
  }

  private async resetClockMark(signed: { jti: string; token: string }): Promise<Failure | null> {
    const { clock, log } = this.context.deps;
    if (!clock.synchronised()) return failure('consent_clock_untrusted');
    await this.runner.record({ type: 'clock-reset', body: { ...signed, markUs: clock.wallUs() } });
    await this.context.marks.resetClock().catch((thrown: unknown) => {
      log.warn(
        'the time that an owner’s order has set could not be stored in its file; the order is recorded and holds',
        { error: String(thrown) },
      );
    });
    return null;
  }

  /** Records also the removal of a non-owner: a broker may deliver it before the add-owner order, which must not act afterwards. */
  private async removeOwner(signed: { jti: string; token: string }, key: string): Promise<Failure | null> {
    const { state } = this.context;
    if (!state.owners.has(key)) {
      await this.runner.record({ type: 'owner-removed-ahead', body: { ...signed, key } });
      return failure('owner_unknown');
    }
    if (state.owners.size === 1) return failure('owner_last');
    await this.runner.record({ type: 'owner-removed', body: { ...signed, key } });
    return null;
  }

  /** Finishes every `forget` that a crash or a failing disk interrupted. */
  async finishForgets(): Promise<void> {
    for (const jti of [...this.context.state.forgetOrders.keys()]) await this.finishForget(jti);
  }

  private async finishForget(jti: string): Promise<void> {
    const window = this.context.state.forgetOrders.get(jti);
    if (window === undefined) return;
    const segments = await this.context.effects.forget(window ?? undefined).catch((thrown: unknown) => {
      throw isFailure(thrown)
        ? thrown
        : failure('ring_write_failed', { path: 'the ring', detail: 'forget failed' }, thrown);
    });
    this.context.searches.forget(window ?? undefined);
    await this.runner.record({ type: 'forgot', body: { jti, segments } });
  }

  private async addOwner(signed: { jti: string; token: string }, key: string, name: string): Promise<Failure | null> {
    const { state, limits, deps } = this.context;
    const fault = ownerFault(state, key, limits.ownersMax);
    if (fault) return fault;
    const statement = pairingStatement(deps.device, key, deps.clock);
    await this.runner.record({ type: 'owner-added', body: { ...signed, key, name, statement } });
    return null;
  }

  private async addViewer(
    signed: { jti: string; token: string },
    { action: _action, ...viewer }: Extract<CommandAction, { action: 'add-viewer' }>,
  ): Promise<Failure | null> {
    const { state, limits } = this.context;
    if (state.viewers.has(viewer.viewer)) return failure('viewer_known');
    if (state.viewers.size >= limits.viewersMax) return failure('viewer_too_many', { most: limits.viewersMax });
    await this.runner.record({ type: 'viewer-added', body: { ...signed, ...viewer } });
    return null;
  }

  private async changeSettings(
    signed: { jti: string; token: string },
    settings: SettingsChange,
  ): Promise<Failure | null> {
    const { deps, effects } = this.context;
    const fault = settingsFault(deps.settings, settings);
    if (fault) return fault;
    await this.runner.record({ type: 'settings-changed', body: { ...signed, settings } });
    effects.settings(this.context.settings);
    return null;
  }

  /** Remembers a press or announcement in memory alone, as it changes no state; one signed before this boot is refused. */
  private rememberMomentary(command: Command, token: string): Failure | null {
    const { clock } = this.context.deps;
    const nowS = wallSeconds(clock);
    // The boot's time by the current wall clock, like the time of signing.
    const bootS = Math.floor(clock.wallUs() / 1_000_000 - (clock.monotonicMs() - this.bootMs) / 1000);
    if (command.iat < bootS) return failure('consent_too_old');
    for (const [jti, { iat }] of this.momentary) {
      if (iat < nowS - PRESS_AGE_S_MAX) this.momentary.delete(jti);
    }
    if (this.momentary.size >= MOMENTARY_IDS_MAX) return failure('consent_too_many');
    this.momentary.set(command.jti, { sha256: sha256Hex(token), iat: command.iat });
    return null;
  }
}

/** Why a key cannot become an owner's; null when it can. */
export function ownerFault(state: GateState, key: string, ownersMax: number): Failure | null {
  if (state.owners.has(key)) return failure('owner_known');
  if (!isPublicKey(key)) return failure('pairing_refused', { detail: 'the key is not a usable one' });
  return state.owners.size >= ownersMax ? failure('owner_too_many') : null;
}

/** The device's signed statement that a key belongs to an owner. */
export function pairingStatement(device: { id: string; key: SigningKey }, key: string, clock: Clock): string {
  const claims = { iss: device.key.publicKey, aud: PUBLIC_AUDIENCE, iat: wallSeconds(clock), device: device.id, key };
  return signToken('doorsill-pairing+jws', claims, device.key);
}
