// Owns: what a bridge does as one of several instances on one database and one bucket: documents that do not overtake each other, and
// looking for what the others did. Not here: turns (persistence/instance-turns.ts), secrets and limits that they share
// (persistence/instance-part.ts), clips in a bucket (intake/bucket-clips.ts), leaving (http/health.ts).
import type { Clock } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import type { MqttLink } from '@doorsill/base/mqtt-link';
import { Repeater } from '@doorsill/base/repeater';
import type { UndoSteps } from '@doorsill/base/undo-steps';
import { failure } from '@doorsill/contract/errors';
import type { BridgeConfig } from './config.ts';
import type { Checks } from './http/health.ts';
import { BUCKET_MARK } from './intake/bucket-clips.ts';
import type { Turns } from './persistence/instance-turns.ts';
import { S3Bucket } from './persistence/s3-bucket.ts';
import type { AreaPublisher } from './requests/cell-document-parts.ts';

/** Longest wait for the broker to have a document before another instance may publish. */
const PUBLISHED_MS_MAX = 10_000;

/**
 * Publishes for one of several instances: a turn lasts until the broker has what was published in it. Nothing is queued while the broker is
 * away, for it would overtake what others published meanwhile; all is published again when the link is back.
 */
export class AreaTurns implements AreaPublisher, Turns {
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

  /** Leaves the work while the broker is away. */
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

/** How soon an instance notices that another has revoked a clip, and that one left work behind. */
const REVOKED_MS = 1_000;
const LEFT_BEHIND_MS = 30_000;

/** What other instances may have changed, and this one must find by looking. */
export interface OthersWork {
  /** Ends downloads that may not go on, and erases what is staged of uploads that ended elsewhere. */
  revoked: () => Promise<void>;
  /** Takes up what an instance that died left. */
  leftBehind: () => Promise<void>;
}

/** Looks for what the others did; `undo` ends that. */
export function watchOthers(deps: { clock: Clock; log: Log }, work: OthersWork, undo: UndoSteps): void {
  const revoked = new Repeater(deps, 'look for clips that other instances ended', REVOKED_MS, work.revoked);
  const left = new Repeater(deps, 'look for work that other instances left', LEFT_BEHIND_MS, work.leftBehind);
  for (const repeater of [revoked, left]) {
    repeater.start();
    undo.add(() => repeater.stop());
  }
}

type Instance = NonNullable<BridgeConfig['instance']>;

/** Longest wait for the bucket's answer to whether it is there. */
const BUCKET_S_MAX = 5;

/** What an instance needs beside what every bridge does, for `/readyz`. */
export function instanceChecks(clock: Clock, { s3 }: Instance, isLinked: () => boolean): Checks {
  const bucket = new S3Bucket(clock, { ...s3, answerSMax: Math.min(s3.answerSMax, BUCKET_S_MAX) });
  return { bucket: () => bucket.has(s3.prefix + BUCKET_MARK), area: async () => isLinked() };
}

/** How a bridge's own account at the area broker is named: each instance has its own, or they would end each other's sessions. */
export function brokerAccountId(bridgeId: string, { instance }: Pick<BridgeConfig, 'instance'>): string {
  return instance ? `${bridgeId}-${instance.name}` : bridgeId;
}
