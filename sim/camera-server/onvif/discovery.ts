// WS-Discovery (OASIS draft of April 2005, ONVIF Core §7): hello, bye and probe matches. On the loopback interface unless another is named.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { BlockList, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type Clock, type Timer, wallSeconds } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { failure } from '../../errors.ts';
import { uuidOf } from './device-service.ts';
import { NAMESPACES, readEnvelope, SoapFault, writeEnvelope } from './soap.ts';
import { type Content, childOf, nameIn, type XmlElement, XmlFault, xml } from './xml.ts';

const GROUP = '239.255.255.250';
const PORT = 3_702;
/** Link-local: no router forwards it (WS-Discovery §3.1.1). */
const TTL = 1;

const DATAGRAM_BYTES_MAX = 8 * 1024;
/** Maximum random delay of an answer, so that not all cameras answer at once (WS-Discovery §3.1.3, APP_MAX_DELAY). */
const DELAY_MS_MAX = 500;
/** Pending answers. Further probes, which may be a flood or have forged senders, are ignored. */
const PENDING_MAX = 16;
const MESSAGE_ID_LETTERS_MAX = 200;

const WSD = 'http://schemas.xmlsoap.org/ws/2005/04/discovery';
const WSA = 'http://schemas.xmlsoap.org/ws/2004/08/addressing';
const DISCOVERY_NAMESPACES = {
  s: NAMESPACES.s,
  wsa: WSA,
  wsd: WSD,
  dn: 'http://www.onvif.org/ver10/network/wsdl',
  tds: NAMESPACES.tds,
};
const ANONYMOUS = `${WSA}/role/anonymous`;
const EVERYBODY = 'urn:schemas-xmlsoap-org:ws:2005:04:discovery';

/** The camera's types, as {namespace}name. */
const TYPES: ReadonlySet<string> = new Set([
  `{${DISCOVERY_NAMESPACES.dn}}NetworkVideoTransmitter`,
  `{${DISCOVERY_NAMESPACES.tds}}Device`,
]);

export interface DiscoveryOptions {
  /** IPv4 address of the interface. */
  interfaceAddress: string;
  uuid: string;
  scopes: readonly string[];
  /** URL of the device service. */
  address: string;
}

export class Discovery {
  private readonly options: DiscoveryOptions;
  private readonly seams: { clock: Clock; random: Random; log: Log };
  /** Addresses of the interface's own network; probes from others are ignored. */
  private readonly network = new BlockList();
  private readonly pending = new Set<Timer>();
  private socket: Socket | null = null;
  private startedAtS = 0;
  private messages = 0;

  constructor(options: DiscoveryOptions, seams: { clock: Clock; random: Random; log: Log }) {
    this.options = options;
    this.seams = seams;
  }

  /** Listens and sends the hello. Throws `onvif_discovery_impossible`. */
  async start(): Promise<void> {
    const { interfaceAddress } = this.options;
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    try {
      this.allowNetwork(interfaceAddress);
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        // Bound to the multicast group: datagrams to this machine's unicast addresses are not received.
        socket.bind(PORT, GROUP, resolve);
      });
      socket.addMembership(GROUP, interfaceAddress);
      socket.setMulticastInterface(interfaceAddress);
      socket.setMulticastTTL(TTL);
    } catch (thrown) {
      socket.close();
      const detail = thrown instanceof Error ? thrown.message : String(thrown);
      throw failure('onvif_discovery_impossible', { address: interfaceAddress, detail }, thrown);
    }
    socket.removeAllListeners('error');
    socket.on('error', (error) =>
      this.seams.log.warn('ONVIF discovery failed; clients may not find the camera, but its address works', {
        detail: error.message,
      }),
    );
    socket.on('message', (bytes, sender) => this.hear(bytes, sender));
    this.socket = socket;
    this.startedAtS = wallSeconds(this.seams.clock);
    await this.send(this.message('Hello', EVERYBODY, null, this.description('Hello')), PORT, GROUP);
  }

  /** Sends the bye and closes the socket. */
  async stop(): Promise<void> {
    const { socket } = this;
    if (!socket) return;
    for (const timer of this.pending) timer.cancel();
    this.pending.clear();
    const bye = xml('wsd:Bye', this.endpoint());
    await this.send(this.message('Bye', EVERYBODY, null, bye), PORT, GROUP);
    this.socket = null;
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }

  /**
   * Needed because a socket bound to the group receives from every interface that any program has joined it on (ip(7), IP_MULTICAST_ALL).
   */
  private allowNetwork(interfaceAddress: string): void {
    const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    const own = all.find(({ address, family }) => family === 'IPv4' && address === interfaceAddress);
    if (!own || !isIPv4(interfaceAddress)) throw new Error('no interface of this machine has that IPv4 address');
    const [, bits = '32'] = own.cidr?.split('/') ?? [];
    this.network.addSubnet(interfaceAddress, Number(bits), 'ipv4');
  }

  private hear(bytes: Uint8Array, sender: RemoteInfo): void {
    if (!this.network.check(sender.address, 'ipv4') || bytes.length > DATAGRAM_BYTES_MAX) return;
    const messageId = this.matchingProbeId(bytes);
    if (messageId === null || this.pending.size >= PENDING_MAX) return;
    const timer = this.seams.clock.after(this.seams.random.fraction() * DELAY_MS_MAX, () => {
      this.pending.delete(timer);
      const match = xml('wsd:ProbeMatches', this.description('ProbeMatch'));
      void this.send(this.message('ProbeMatches', ANONYMOUS, messageId, match), sender.port, sender.address);
    });
    this.pending.add(timer);
  }

  /** The message id of a probe that matches this camera; null for everything else, which gets no answer. */
  private matchingProbeId(bytes: Uint8Array): string | null {
    try {
      const { header, call } = readEnvelope(bytes);
      const messageId = childOf(header, WSA, 'MessageID')?.text ?? '';
      const isProbe = call.namespace === WSD && call.name === 'Probe';
      const isAction = childOf(header, WSA, 'Action')?.text === `${WSD}/Probe`;
      if (!isProbe || !isAction || messageId === '' || messageId.length > MESSAGE_ID_LETTERS_MAX) return null;
      return isOfTypes(call) && isInScopes(call, this.options.scopes) ? messageId : null;
    } catch (thrown) {
      if (thrown instanceof SoapFault || thrown instanceof XmlFault) return null;
      throw thrown;
    }
  }

  private endpoint(): Content {
    return xml('wsa:EndpointReference', xml('wsa:Address', `urn:uuid:${this.options.uuid}`));
  }

  private description(tag: 'Hello' | 'ProbeMatch') {
    return xml(`wsd:${tag}`, [
      this.endpoint(),
      xml('wsd:Types', 'dn:NetworkVideoTransmitter tds:Device'),
      xml('wsd:Scopes', this.options.scopes.join(' ')),
      xml('wsd:XAddrs', this.options.address),
      xml('wsd:MetadataVersion', 1),
    ]);
  }

  private message(action: string, to: string, relatesTo: string | null, body: Content): string {
    this.messages += 1;
    const header = [
      xml('wsa:MessageID', `urn:uuid:${uuidOf(this.seams.random.bytes(16), 4)}`),
      relatesTo === null ? null : xml('wsa:RelatesTo', relatesTo),
      xml('wsa:To', to),
      xml('wsa:Action', `${WSD}/${action}`),
      xml('wsd:AppSequence', null, { InstanceId: this.startedAtS, MessageNumber: this.messages }),
    ];
    return writeEnvelope(DISCOVERY_NAMESPACES, header, body);
  }

  /** A datagram that cannot be sent is only logged: UDP may lose any. */
  private send(text: string, port: number, address: string): Promise<void> {
    return new Promise((resolve) => {
      if (!this.socket) return resolve();
      this.socket.send(text, port, address, (error) => {
        if (error)
          this.seams.log.warn('a datagram of ONVIF discovery was not sent; a client may not find the camera', {
            detail: error.message,
          });
        resolve();
      });
    });
  }
}

/** Whether the camera has every type that a probe names (WS-Discovery §5.1). */
function isOfTypes(probe: XmlElement): boolean {
  const types = childOf(probe, WSD, 'Types');
  return (types?.text ?? '')
    .split(/\s+/)
    .filter((name) => name !== '')
    .every((written) => {
      const type = types && nameIn(types, written);
      return type && TYPES.has(`{${type.namespace}}${type.name}`);
    });
}

/** Whether the camera has every scope that a probe names: an equal one or one below it, by whole path segments. */
function isInScopes(probe: XmlElement, own: readonly string[]): boolean {
  const scopes = childOf(probe, WSD, 'Scopes');
  const rule = scopes?.attributes.get('MatchBy') ?? `${WSD}/rfc2396`;
  const asked = (scopes?.text ?? '').split(/\s+/).filter((scope) => scope !== '');
  if (rule === `${WSD}/strcmp0`) return asked.every((scope) => own.includes(scope));
  if (rule !== `${WSD}/rfc2396`) return false;
  return asked.every((scope) => {
    const below = scope.endsWith('/') ? scope : `${scope}/`;
    return own.some((one) => `${one}/`.startsWith(below));
  });
}
