import type { Socket } from 'node:net';
import type { Clock } from '@doorsill/base/clock';
import { FROM_CLIENT, MqttGuard } from '@doorsill/base/mqtt-guard';
import { TOPIC_BYTES_MAX } from '@doorsill/base/mqtt-topic';
import { PAYLOAD_BYTES_MAX } from '@doorsill/contract/topics';

export interface BrokerLimits {
  /** Concurrent sockets. */
  connections: number;
  /** Sockets without a login; for a new one the oldest is closed, so that they cannot block others. */
  strangers: number;
  /** Concurrent sessions of one account; an owner may use several clients. A device's new session ends its old one. */
  connectionsPerAccount: number;
  /** Concurrent password checks. */
  logins: number;
  /** Topic filters of one session. */
  subscriptions: number;
  /** Packets and requested filters of one client: average rate, and burst. */
  packetsPerS: number;
  packetsBurst: number;
  /** Bytes of one client: average rate, and burst. */
  bytesPerS: number;
  bytesBurst: number;
  /** Packets queued until the login is decided. */
  waitingPackets: number;
  /** Unsent bytes at which a slow reader is disconnected. */
  backlogBytes: number;
  /** Limit for a login, and for a stalled reader to read again. */
  connectMs: number;
  /** Maximum keep-alive. */
  keepaliveS: number;
}

/** Maximum of `connections`: each is an open file of the process. */
export const CONNECTIONS_MAX = 1_000_000;

export const DEFAULT_LIMITS: BrokerLimits = {
  connections: 4_096,
  strangers: 2_048,
  connectionsPerAccount: 16,
  logins: 2_048,
  subscriptions: 128,
  packetsPerS: 200,
  packetsBurst: 1_000,
  bytesPerS: 1_048_576,
  bytesBurst: 8_388_608,
  waitingPackets: 32,
  backlogBytes: 262_144,
  connectMs: 10_000,
  keepaliveS: 300,
};

/** A token bucket of packets and one of bytes. */
export class RateLimit {
  private readonly clock: Clock;
  private readonly limits: BrokerLimits;
  private packets: number;
  private bytes: number;
  private filledMs: number;

  constructor(clock: Clock, limits: BrokerLimits) {
    this.clock = clock;
    this.limits = limits;
    this.packets = limits.packetsBurst;
    this.bytes = limits.bytesBurst;
    this.filledMs = clock.monotonicMs();
  }

  /** Takes tokens from both buckets; false when a bucket is exhausted. */
  use(packets: number, bytes: number): boolean {
    const nowMs = this.clock.monotonicMs();
    const seconds = (nowMs - this.filledMs) / 1_000;
    this.filledMs = nowMs;
    this.packets = Math.min(this.limits.packetsBurst, this.packets + seconds * this.limits.packetsPerS) - packets;
    this.bytes = Math.min(this.limits.bytesBurst, this.bytes + seconds * this.limits.bytesPerS) - bytes;
    return this.packets >= 0 && this.bytes >= 0;
  }
}

/** The largest packet is a CONNECT: a will with a maximal payload, its topic, and names. */
const PACKET_BYTES_MAX = PAYLOAD_BYTES_MAX + 2 * TOPIC_BYTES_MAX + 1_024;

/** Checks a client's bytes as the broker reads them; calls `broken` with the fault. Call it after the broker has the socket. */
export function watchSocket(socket: Socket, rate: RateLimit, broken: (fault: string) => void): void {
  const guard = new MqttGuard(FROM_CLIENT, PACKET_BYTES_MAX);
  let packets = 0;
  // aedes reads by `readable` and `read()`; a `data` listener added after that sees each chunk just before aedes gets it.
  socket.on('data', (chunk) => {
    const fault = guard.check(chunk) ?? (rate.use(guard.packets - packets, chunk.length) ? null : 'too much at once');
    packets = guard.packets;
    if (fault) broken(fault);
  });
}
