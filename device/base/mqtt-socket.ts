// The connection under an MQTT session: its address, and a socket whose incoming bytes are checked first.
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { assert } from '@doorsill/contract/assert';
import { FROM_BROKER, MqttGuard } from './mqtt-guard.ts';
import type { Network } from './network.ts';
import { type TlsMaterial, tlsOptions } from './tls.ts';
import { type TlsFault, type TlsProgress, tlsFaultOf } from './tls-fault.ts';

export interface BrokerAddress {
  host: string;
  port: number;
  secure: boolean;
}

/** Reads `mqtt://host[:port]` or `mqtts://host[:port]`; null for anything else. Credentials in it are ignored. */
export function brokerAddress(text: string): BrokerAddress | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const secure = url.protocol === 'mqtts:';
  if ((!secure && url.protocol !== 'mqtt:') || url.hostname === '') return null;
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(url.port || (secure ? 8883 : 1883)), secure };
}

/** The address to show: scheme, host and port, nothing else. */
export function showAddress(address: BrokerAddress | null): string {
  if (!address) return 'an invalid address';
  const host = isIP(address.host) === 6 ? `[${address.host}]` : address.host;
  return `${address.secure ? 'mqtts' : 'mqtt'}://${host}:${address.port}`;
}

/** A connection, and why it ended. */
export interface BrokerSocket {
  readonly socket: Socket;
  /** The socket's error, or the fault of the broker's bytes; null when it was just closed. */
  error(): Error | null;
  /** Why TLS was not established, or did not last; null when TLS was not at fault. */
  fault(): TlsFault | null;
}

/**
 * Connects, over TLS when the address says so. The socket is destroyed when the broker sends a packet that is not allowed.
 * `network`: a simulated network in place of the machine's own, only without TLS.
 */
export function openBrokerSocket(
  address: BrokerAddress,
  tls: TlsMaterial,
  packetBytesMax: number,
  network?: Network,
): BrokerSocket {
  const { host, port, secure } = address;
  assert(!secure || !network, 'TLS is used on the machine’s own network only');
  const connectPlain = () => network?.connect({ host, port }) ?? connectTcp({ host, port });
  const socket = secure
    ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...tlsOptions(tls) })
    : connectPlain();
  socket.setNoDelay(true);
  const seen: TlsProgress = { connected: false, shaken: false, heard: false, ended: false };
  let error: Error | null = null;
  socket.once('connect', () => {
    seen.connected = true;
  });
  socket.once('secureConnect', () => {
    seen.shaken = true;
  });
  socket.once('end', () => {
    seen.ended = true;
  });
  socket.on('error', (thrown: Error) => {
    error ??= thrown;
  });
  // The MQTT parser would collect an endless packet in memory, so headers are checked first.
  const guard = new MqttGuard(FROM_BROKER, packetBytesMax);
  socket.on('data', (chunk: Uint8Array) => {
    seen.heard = true;
    const fault = guard.check(chunk);
    if (fault) socket.destroy(Object.assign(new Error(fault), { code: 'EPROTO' }));
  });
  return { socket, error: () => error, fault: () => (secure ? tlsFaultOf(error, seen) : null) };
}
