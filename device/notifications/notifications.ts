// Sends notifications to the URLs that the owner names; without targets it does nothing.
import { isAbsolute, join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import { type Disk, systemCode } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { tlsSource } from '@doorsill/base/tls';
import { fromUtf8, toHex } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { CodedError } from '@doorsill/contract/errors/coded-error';
import type { HomeLink } from '../home-link/home-link.ts';
import { type Notification, NotificationReader, notificationOf } from './notification.ts';
import type { NotificationTarget } from './notifications-settings.ts';
import { type Parcel, parcelOf } from './parcel.ts';
import { TargetQueue } from './target-queue.ts';

export interface NotificationsDeps {
  targets: readonly NotificationTarget[];
  home: Pick<HomeLink, 'onHomeMessage'>;
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  /** The device's data folder, which relative paths start from. */
  folder: string;
}

const SECRET_BYTES_MAX = 1_024;

export class Notifications {
  private readonly deps: NotificationsDeps;
  private readonly reader = new NotificationReader();
  private running: { target: NotificationTarget; secret: string; queue: TargetQueue }[] = [];
  private forget: () => void = () => undefined;

  constructor(deps: NotificationsDeps) {
    this.deps = deps;
  }

  /** Reads the secrets and starts sending. Throws `notification_secret_unusable`. */
  async start(): Promise<void> {
    const { targets, disk, folder, clock, home } = this.deps;
    if (targets.length === 0) return;
    const running: typeof this.running = [];
    for (const target of targets) {
      const secret = await this.secretOf(target);
      const queue = new TargetQueue({ ...this.deps, tls: tlsSource(disk, folder, target.tls) });
      running.push({ target, secret, queue });
    }
    this.running = running;
    this.forget = home.onHomeMessage((message) => {
      const notification = this.reader.read(message, clock.wallUs());
      if (notification) this.send(notification);
    });
    this.send(notificationOf('online', clock.wallUs()));
  }

  /** Ends all calls at once; targets that are notified of `online` get an `offline`, tried for half a second at most. */
  async stop(): Promise<void> {
    this.forget();
    const last = notificationOf('offline', this.deps.clock.wallUs());
    const running = this.running.splice(0);
    await Promise.all(
      running.map(({ target, secret, queue }) =>
        queue.stop(target.on.some((kind) => kind === 'online') ? this.parcel(target, secret, last) : null),
      ),
    );
  }

  private send(notification: Notification): void {
    for (const { target, secret, queue } of this.running) {
      if (!target.on.some((kind) => kind === notification.kind)) continue;
      const parcel = this.parcel(target, secret, notification);
      if (parcel) queue.add(parcel);
    }
  }

  private parcel(target: NotificationTarget, secret: string, notification: Notification): Parcel | null {
    return parcelOf(target, secret, freshUuid(this.deps.random), notification);
  }

  private async secretOf(target: NotificationTarget): Promise<string> {
    const { disk, folder } = this.deps;
    const file = 'secretFile' in target ? target.secretFile : target.tokenFile;
    if (file === undefined) return '';
    const path = isAbsolute(file) ? file : join(folder, file);
    const refuse = (detail: string, cause?: unknown) =>
      failure('notification_secret_unusable', { detail: `${path} ${detail}` }, cause);
    const bytes = await disk.readSecret(path, SECRET_BYTES_MAX, { isNamed: true }).catch((thrown: unknown) => {
      if (thrown instanceof CodedError) throw refuse(`is exposed: ${thrown.message} ${thrown.advice}`, thrown);
      throw refuse(`cannot be read (${systemCode(thrown) ?? 'unknown'})`, thrown);
    });
    if (!bytes) throw refuse('does not exist');
    const secret = fromUtf8(bytes)?.trim() ?? '';
    if (!/^[\x21-\x7e]{8,512}$/.test(secret)) throw refuse('does not hold one line of 8 to 512 letters without spaces');
    return secret;
  }
}

/** A random UUID (RFC 9562 §5.4). */
function freshUuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = toHex(bytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
