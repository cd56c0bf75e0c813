// Makes events from the custody log and sends them to agencies until they are accepted or given up.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { Repeater } from '@doorsill/base/repeater';
import { isFailure } from '@doorsill/contract/errors';
import type { AgencyCredentials } from '../agencies/registry-credentials.ts';
import { ALONE, type Turns } from '../persistence/instance-turns.ts';
import { send } from './send-webhook.ts';
import { eventOf, expired } from './webhook-events.ts';
import type { WebhookRules } from './webhooks-settings.ts';
import type { WebhookStore } from './webhooks-store.ts';

export interface EventOutboxDeps {
  clock: Clock;
  random: Random;
  log: Log;
  bridgeId: string;
  store: WebhookStore;
  standing: AgencyCredentials;
  rules: WebhookRules;
  /** Among several instances, so that one of them sends an event; absent: there is one. */
  turns?: Turns;
}

/** Events processed in one turn. */
const DUE_MAX = 100;
const KEPT_S = 7 * 24 * 3600;

type DueEvent = Awaited<ReturnType<WebhookStore['due']>>[number];

export class EventOutbox {
  private readonly deps: EventOutboxDeps;
  private readonly repeater: Repeater;
  private stopping = new AbortController();

  constructor(deps: EventOutboxDeps) {
    this.deps = deps;
    this.repeater = new Repeater(deps, 'webhooks', deps.rules.everyS * 1000, () =>
      (deps.turns ?? ALONE).run('webhooks', () => this.turn()),
    );
  }

  start(): void {
    this.stopping = new AbortController();
    this.repeater.start();
  }

  /** Starts a turn now instead of at the next interval; resolves when it has ended. Never rejects. */
  now(): Promise<void> {
    return this.repeater.now();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.repeater.stop();
  }

  private async turn(): Promise<void> {
    const { clock, store, bridgeId } = this.deps;
    const nowS = wallSeconds(clock);
    const seams = {
      eventOf: (leaf: Parameters<typeof eventOf>[1]) => eventOf(bridgeId, leaf),
      expired: (request: string, atS: number) => expired(bridgeId, request, atS),
    };
    while (await store.gather(nowS, seams)) if (this.stopping.signal.aborted) return;
    await store.forget(nowS - KEPT_S);
    const due = await store.due(nowS, DUE_MAX);
    const byAgency = new Map<string, DueEvent[]>();
    for (const event of due) byAgency.set(event.organisation, [...(byAgency.get(event.organisation) ?? []), event]);
    await Promise.all([...byAgency.values()].map((events) => this.deliverAll(events)));
    if (due.length === DUE_MAX) void this.repeater.now();
  }

  /** Sends an agency's events one after the other, up to the first that is not accepted: its server is probably down. */
  private async deliverAll(events: readonly DueEvent[]): Promise<void> {
    for (const event of events) if (!(await this.deliver(event))) return;
  }

  private async deliver({ event, agency, url, secret, body, attempts: before }: DueEvent): Promise<boolean> {
    const { clock, store, rules, log } = this.deps;
    const attempts = before + 1;
    const standing = await this.standingOf(agency);
    const { stopping } = this;
    const atS = wallSeconds(clock);
    const deps = { clock, answerMsMax: rules.answerSMax * 1000, loopback: rules.loopback, signal: stopping.signal };
    const sent = standing ?? (await send(deps, { url, secret, event, body, atS }));
    // Aborted because the process stops: it will be sent again, and the receiver recognises its id.
    if (stopping.signal.aborted && !sent.isAccepted) return false;
    const isOver = !sent.isAccepted && (attempts >= rules.attemptsMax || (standing?.isFinal ?? false));
    const state = sent.isAccepted ? 'delivered' : isOver ? 'given-up' : 'waiting';
    const nextS = atS + this.waitS(attempts);
    await store.settle(event, { state, attempts, nextS, detail: sent.detail });
    log.debug(standing ? 'a webhook was not called, as its agency may not act now' : 'a webhook was called', {
      event,
      state,
      attempts,
      detail: sent.detail,
    });
    return sent.isAccepted;
  }

  /** Why an agency may not act, and so is not notified; null: it may. */
  private async standingOf(agency: string): Promise<{ isAccepted: false; isFinal: boolean; detail: string } | null> {
    try {
      await this.deps.standing.credential(agency);
      return null;
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      return { isAccepted: false, isFinal: !thrown.retryable, detail: thrown.code };
    }
  }

  /** Exponential backoff up to the maximum; half of it is random, so that events that failed together are not retried together. */
  private waitS(attempts: number): number {
    const { retrySFirst, retrySMost } = this.deps.rules;
    const stepS = Math.min(retrySMost, retrySFirst * 2 ** Math.min(attempts - 1, 30));
    return Math.ceil(stepS / 2 + (this.deps.random.fraction() * stepS) / 2);
  }
}
