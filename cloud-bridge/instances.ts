// Owns: what a bridge does as one of several instances on one database and one bucket: the secrets and limits they share, documents that
// do not overtake each other, looking for what the others did, and leaving while they go on. Not here: turns
// (persistence/instance-turns.ts), clips in a bucket (intake/bucket-clips.ts).
import { fromBase64url, utf8 } from '../device/base/bytes.ts';
import type { Clock } from '../device/base/clock.ts';
import type { Disk } from '../device/base/disk.ts';
import { hmacSha256, type SigningKey, sha256Hex } from '../device/base/keys.ts';
import type { Log } from '../device/base/log.ts';
import type { MqttLink } from '../device/base/mqtt-link.ts';
import type { Random } from '../device/base/random.ts';
import { Repeater } from '../device/base/repeater.ts';
import type { UndoSteps } from '../device/base/undo-steps.ts';
import { failure } from '../device/protocol/errors.ts';
import { actorId } from '../device/protocol/ids.ts';
import type { Database } from './bridge-database.ts';
import type { BridgeConfig } from './config.ts';
import type { Checks, Health } from './http/health.ts';
import { type RateLimits, SharedLimits } from './http/rate-limits.ts';
import type { Router } from './http/router.ts';
import { BUCKET_MARK } from './intake/bucket-clips.ts';
import type { Turns } from './persistence/instance-turns.ts';
import { S3Bucket } from './persistence/s3-bucket.ts';
import type { AreaPublisher } from './requests/cell-document-parts.ts';
import { adminTokenIn, signingKeyIn } from './signing/server-secrets.ts';

export interface Identity {
  key: SigningKey;
  /** `bridge-` and the hash of its key. */
  id: string;
  adminToken: string;
}

/** The secrets of a bridge, created in `folder` at the first call. Throws `state_damaged`. */
export async function identityIn(disk: Disk, random: Random, folder: string): Promise<Identity> {
  const key = await signingKeyIn(disk, random, folder);
  return { key, id: actorId('bridge', sha256Hex(key.publicKey)), adminToken: await adminTokenIn(disk, random, folder) };
}

/**
 * The secrets that the instances share, created by the first of all. Throws `database_unfit` when the database is another bridge's, or
 * has one whose secrets are not in `folder`.
 */
export async function sharedIdentity(
  { turns, sharedBridge }: Pick<Database, 'turns' | 'sharedBridge'>,
  { disk, random, folder }: { disk: Disk; random: Random; folder: string },
): Promise<Identity> {
  const found: Identity[] = [];
  await turns.run('identity', async () => {
    await disk.makeFolder(folder);
    const identity = await identityIn(disk, random, folder);
    await sharedBridge.claim(identity.id);
    found.push(identity);
  });
  const [identity] = found;
  if (!identity) throw failure('internal', { detail: 'a turn that was not taken' });
  return identity;
}

/** Limits that hold for all instances together. */
export function limitsOfAll(
  clock: Clock,
  { callCounts: store }: Pick<Database, 'callCounts'>,
  key: SigningKey,
): RateLimits {
  const secret = fromBase64url(key.exportSecret()) ?? new Uint8Array();
  return new SharedLimits({ clock, store, key: hmacSha256(secret, utf8('names of callers')) });
}

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

/** Longest wait, at the end of an instance, for calls that are under way. */
const CALLS_MS_MAX = 30_000;

/** Lets an instance end without an error to anybody: it says that it is not ready, serves on for a while, and ends what is under way. */
export async function drain(
  { clock, api, health }: { clock: Clock; api: Pick<Router, 'idle'>; health: Health },
  { drainS }: Pick<Instance, 'drainS'>,
): Promise<void> {
  health.drain();
  await clock.sleep(drainS * 1000);
  const waiting = new AbortController();
  await Promise.race([api.idle(), clock.sleep(CALLS_MS_MAX, waiting.signal).catch(() => undefined)]);
  waiting.abort();
}

/** How a bridge's own account at the area broker is named: each instance has its own, or they would end each other's sessions. */
export function brokerAccountId(bridgeId: string, { instance }: Pick<BridgeConfig, 'instance'>): string {
  return instance ? `${bridgeId}-${instance.name}` : bridgeId;
}
