// Owns: the options of an MQTT session, the client id that follows from them, and the type of its state. Not here: the session (mqtt-link.ts).
import type { Clock } from './clock.ts';
import { sha256Hex } from './keys.ts';
import type { Log } from './log.ts';
import type { QueueLimits } from './mqtt-queue.ts';
import type { Network } from './network.ts';
import { freshId, type Random } from './random.ts';
import type { TlsSource } from './tls.ts';
import type { TlsFaultKind } from './tls-fault.ts';

/** The last will, published by the broker when the session ends without DISCONNECT, and by us when it ends with one. */
export interface LastMessage {
  topic: string;
  payload: string;
  retain: boolean;
}

export interface MqttLinkOptions {
  /** `mqtt://host:port` or `mqtts://host:port`; ports default to 1883 and 8883. Credentials in it are ignored. */
  url: string;
  user: string;
  /** Absent where a client certificate is the login. */
  password?: string | undefined;
  /** Only one session of the account makes sense: a new one ends the old. */
  single?: boolean;
  /** For `mqtts:`. Absent: the system's authorities, and no certificate of our own. */
  tls?: TlsSource | undefined;
  will?: LastMessage;
  keepaliveS?: number;
  payloadBytesMax: number;
  queue?: QueueLimits;
  /** Makes the coded failure that callers get: `where` is the broker's address without credentials, `fault` why TLS failed. */
  unreachable: (where: string, detail: string, fault?: TlsFaultKind) => Error;
  /** Absent: the machine's own. */
  network?: Network | undefined;
  clock: Clock;
  random: Random;
  log: Log;
}

/**
 * `offline` with the reason of the last failed attempt or lost connection, null before the first and after `stop`. `trouble`: it is online, and
 * the sessions before it were soon ended from outside.
 */
export type LinkState = { online: true; trouble?: Error } | { online: false; error: Error | null };

/**
 * A broker ends an older session with the same client id [MQTT-3.1.4-2], and not every broker binds ids to accounts. So that no
 * other account can end this session, its id can't be guessed, and is the same only for the same password.
 * Where a certificate is the login there is no secret to derive it from, so it is another at each start.
 */
export function clientIdOf({ user, password, single, random }: MqttLinkOptions): string {
  if (!single || password === undefined) return freshId(random, user);
  return `${user}-${sha256Hex(`client id\n${user}\n${password}`).slice(0, 32)}`;
}
