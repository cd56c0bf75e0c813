// What a bridge does as one of several instances on one database and one bucket: it publishes in turn, so that no document overtakes
// another, and looks for what the other instances did.
import type { Clock } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import type { MqttLink } from '@doorsill/base/mqtt-link';
import { Repeater } from '@doorsill/base/repeater';
import type { UndoSteps } from '@doorsill/base/undo-steps';
import { failure } from '@doorsill/contract/errors';
import type { BridgeConfig } from './bridge-config.ts';
import type { Checks } from './http/health.ts';
import { BUCKET_MARK } from './intake/bucket-clips.ts';
import type { Turns } from './persistence/instance-turns.ts';
import { S3Bucket } from './persistence/s3-bucket.ts';
import type { AreaPublisher } from './requests/cell-document-parts.ts';

/** Longest wait for the broker to acknowledge a document before another instance may publish. */
const PUBLISHED_MS_MAX = 10_000;

/**
 * Publishes for one of several instances: a turn lasts until the broker has acknowledged what was published in it. Nothing is queued while
 * the broker is away: a queued document would overwrite a newer one of another instance. All is published again when the link is back.
 */
export class AcknowledgedTurns implements AreaPublisher, Turns {
  private readonly link: Pick<MqttLink, 'publish' | 'state'>;
  private readonly turns: Turns;
  private readonly clock: Clock;
  private readonly underWay = new Set<Promise<unknown>>();

  constructor(link: Pick<MqttLink, 'publish' | 'state'>, turns: Turns, clock: Clock) {
    this.link = link;
    this.turns = turns;
    this.clock = clock;
  }

  /** Rejects with `unreachable`. */
  async publish(topic: string, payload: string, options: { retain: boolean }): Promise<void> {
    if (!this.link.state.online) throw failure('unreachable', OFFLINE);
    const published = this.link.publish(topic, payload, options);
    const settled = published.catch(() => undefined).finally(() => this.underWay.delete(settled));
    this.underWay.add(settled);
    await published;
  }

  /** Skips the work while the broker is away. */
  async run(name: string, work: () => Promise<void>, everyS?: number): Promise<void> {
    if (!this.link.state.online) return;
    const published = async () => {
      await work();
      const waiting = new AbortController();
      await Promise.race([
        Promise.all(this.underWay),
        this.clock.sleep(PUBLISHED_MS_MAX, waiting.signal).catch(() => undefined),
      ]);
      waiting.abort();
    };
    await this.turns.run(name, published, everyS);
  }
}

const OFFLINE = { what: 'the area broker', where: 'its address', detail: 'the link is down' };

/** Poll intervals for clips that another instance has revoked, and for work that a dead one left. */
const REVOKED_MS = 1_000;
const LEFT_BEHIND_MS = 30_000;

/** Work after changes that other instances make in database and bucket. */
export interface OthersWork {
  /** Ends downloads that may not go on, and erases what is staged of uploads that ended elsewhere. */
  revoked: () => Promise<void>;
  /** Resumes the work of an instance that died. */
  leftBehind: () => Promise<void>;
}

/** Polls for changes by other instances; `undo` ends it. */
export function watchOthers(deps: { clock: Clock; log: Log }, work: OthersWork, undo: UndoSteps): void {
  const revoked = new Repeater(deps, 'look for clips that other instances ended', REVOKED_MS, work.revoked);
  const left = new Repeater(deps, 'look for work that other instances left', LEFT_BEHIND_MS, work.leftBehind);
  for (const repeater of [revoked, left]) {
    repeater.start();
    undo.add(() => repeater.stop());
  }
}

type Instance = NonNullable<BridgeConfig['instance']>;

const BUCKET_S_MAX = 5;

/** Further checks of an instance for `/readyz`. */
export function instanceChecks(clock: Clock, { s3 }: Instance, isLinked: () => boolean): Checks {
  const bucket = new S3Bucket(clock, { ...s3, answerSMax: Math.min(s3.answerSMax, BUCKET_S_MAX) });
  return { bucket: () => bucket.has(s3.prefix + BUCKET_MARK), area: async () => isLinked() };
}

/** Id of the bridge's own broker account. Each instance has its own: with one they would end each other's sessions. */
export function brokerAccountId(bridgeId: string, { instance }: Pick<BridgeConfig, 'instance'>): string {
  return instance ? `${bridgeId}-${instance.name}` : bridgeId;
}
