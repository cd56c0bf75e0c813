// Owns: the connection under an MQTT session: its address and a socket whose incoming bytes are judged first.
// Not here: the session (mqtt-link.ts).
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { FROM_BROKER, MqttGuard } from './mqtt-guard.ts';

export interface BrokerAddress {
  host: string;
  port: number;
  secure: boolean;
}

/** Reads `mqtt://host[:port]` or `mqtts://host[:port]`; null for anything else. Credentials in it are not taken over. */
export function brokerAddress(text: string): BrokerAddress | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const secure = url.protocol === 'mqtts:';
  if ((!secure && url.protocol !== 'mqtt:') || url.hostname === '') return null;
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(url.port || (secure ? 8883 : 1883)), secure };
}

/** The address as it may be shown: scheme, host and port, nothing else. */
export function showAddress(address: BrokerAddress | null): string {
  if (!address) return 'an invalid address';
  const host = isIP(address.host) === 6 ? `[${address.host}]` : address.host;
  return `${address.secure ? 'mqtts' : 'mqtt'}://${host}:${address.port}`;
}

/** Connects; `ca`: PEM of the authority to trust instead of the system's. Destroys itself when a packet is not allowed. */
export function openBrokerSocket(address: BrokerAddress, ca: string | undefined, packetBytesMax: number): Socket {
  const { host, port, secure } = address;
  const socket = secure
    ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...(ca === undefined ? {} : { ca }) })
    : connectTcp({ host, port });
  socket.setNoDelay(true);
  // An endless packet would be collected in memory by the parser behind us, so its header is judged first.
  const guard = new MqttGuard(FROM_BROKER, packetBytesMax);
  socket.on('data', (chunk) => {
    const fault = guard.check(chunk);
    if (fault) socket.destroy(Object.assign(new Error(fault), { code: 'EPROTO' }));
  });
  return socket;
}
