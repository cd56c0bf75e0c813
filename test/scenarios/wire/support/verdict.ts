// Judges a span of a capture: every packet in a listed flow, every message allowed at that time, no piece of a secret in any of it, and
// after a grant exactly the clip.
import { readFile } from 'node:fs/promises';
import { sha256Hex } from '../../../../device/base/keys.ts';
import { cellOf } from '../../../../device/contract/area-cells.ts';
import { RequestNotice } from '../../../../device/contract/home-messages.ts';
import { disclosedKeys } from '../../../../device/contract/sealing.ts';
import { DEFAULT_PREFIX, topicsUnder } from '../../../../device/contract/topics.ts';
import { claimsOf } from '../../../support/parties.ts';
import { type Chunk, type Packet, readCapture, type Stream, tcpStreams } from './capture-file.ts';
import { decryptStreams } from './decrypted.ts';
import { describeFinding, type Finding } from './fingerprints.ts';
import { announcementBreach, LOOPBACK, NOTICES, type Notices, notificationBreach } from './home-flows.ts';
import { httpRequests, type Message, mqttMessages } from './messages.ts';
import { DOMAIN, MARKER } from './namespace.ts';
import { CONSOLE_PORT } from './phone.ts';
import type { Secrets } from './secrets.ts';
import {
  clipBreaches,
  contentKeyOf,
  encryptedBreaches,
  type Granted,
  type Opening,
  openingOf,
  openSent,
} from './sent-clip.ts';
import { type Layer, unfold } from './unfold.ts';
import type { World } from './world.ts';

/** The traffic that a span may contain. */
export interface Allowance {
  enrolment?: boolean;
  granted?: Granted;
  /** An owner's phone is connected to the device's own server: pictures go there, encrypted. */
  isWatched?: boolean;
  /** Up to this marker nothing was granted, so the bridge must not be called. */
  silentUntil?: string;
}

/** The result of one span. */
export interface Verdict {
  /** All breaches; empty if there are none. */
  breaches: string[];
  /** Searched bytes, and bytes that left. */
  searchedBytes: number;
  sentBytes: number;
  packets: number;
  /** Clip bytes sent. */
  clipBytes: number;
  /** The file that was sent, and the clip as its recipient reads it, which is another one only if it is encrypted. */
  sent: Uint8Array;
  clip: Uint8Array;
  /** Messages of the two optional flows. */
  notifications: number;
  announcements: number;
}

/** Maximum bytes that a device sends in a span without a grant: states, events, notices, receipts. */
const SAID_BYTES_MAX = 512 * 1024;

/** ICMPv6 types sent by the kernel itself: neighbour and router discovery, multicast reports (RFC 4861, RFC 3810). */
const KERNEL_ICMP6 = new Set([133, 134, 135, 136, 143]);

export class Evidence {
  private readonly world: World;
  private readonly secrets: Secrets;
  private readonly packets: Packet[];
  private readonly markers = new Map<string, number>();
  private readonly talks: Talk[] = [];
  /** Plain bytes from clients inside TLS connections, by tshark. */
  readonly decryptedBytes: number;
  /** Plain bytes at a front that the capture does not have: must be 0, or something was not searched. */
  readonly unseenBytes: number;

  private constructor(world: World, secrets: Secrets, packets: Packet[], talks: Talk[]) {
    this.world = world;
    this.secrets = secrets;
    this.packets = packets;
    this.talks = talks;
    for (const { number, to, payload } of packets) {
      if (to.address === MARKER.address) this.markers.set(Buffer.from(payload).toString(), number);
    }
    const seen = new Map<number, number>();
    const add = (port: number, chunks: readonly Chunk[]) => {
      const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
      seen.set(port, (seen.get(port) ?? 0) + bytes);
      return bytes;
    };
    let decrypted = 0;
    for (const { stream, secure, up } of talks) {
      const bytes = add(stream.client.port, up);
      if (secure) decrypted += bytes;
    }
    this.decryptedBytes = decrypted;
    // The capture may have more: what a held front had not read when its client disconnected.
    this.unseenBytes = [world.fronts.broker, world.fronts.bridge, world.fronts.notices]
      .flatMap(({ heard }) => [...heard])
      .reduce((sum, [port, bytes]) => sum + Math.max(0, bytes - (seen.get(port) ?? 0)), 0);
  }

  /** Reads and decrypts the capture of a stopped testbed. */
  static async of(world: World, secrets: Secrets): Promise<Evidence> {
    const { broker, bridge, notices } = world.fronts;
    const file = world.up.namespace.captureFile;
    const packets = readCapture(await readFile(file));
    const streams = tcpStreams(packets);
    const plain = world.setting.secure
      ? await decryptStreams(file, world.keyLog, [broker.port, bridge.port, notices.port], streams)
      : new Map<Stream, { up: Chunk[]; down: Chunk[] }>();
    const isHttp = (port: number) => port === bridge.port || port === notices.port;
    const talks = streams.map((stream): Talk => {
      const { up, down } = plain.get(stream) ?? stream;
      const port = stream.server.port;
      const messages = port === broker.port ? mqttMessages(up) : isHttp(port) ? httpRequests(up) : [];
      const login = messages.find((message) => message.kind === 'connect');
      return { stream, secure: plain.has(stream), up, down, messages, user: login?.user ?? '' };
    });
    return new Evidence(world, secrets, packets, talks);
  }

  /** The number of a marker's packet. */
  at(marker: string): number {
    const found = this.markers.get(marker);
    if (found === undefined) throw new Error(`${marker} is not in the capture`);
    return found;
  }

  /** The content keys of the encrypted clips that were sent, which only their recipient can open. */
  contentKeys(): { grant: string; secret: Uint8Array }[] {
    const { sealing } = this.world.up;
    if (!sealing) return [];
    return this.talks.flatMap(({ messages }) =>
      messages.flatMap((message) => {
        if (message.kind !== 'http' || !message.isWhole || message.path !== '/v1/intakes') return [];
        const opening = openingOf(message.body);
        const secret = Buffer.from(contentKeyOf(opening, sealing.pair).contentKey, 'base64url');
        return [{ grant: opening.forRecipient.grant, secret }];
      }),
    );
  }

  /** Judges everything between two markers. */
  judge(fromMarker: string, toMarker: string, allowance: Allowance): Promise<Verdict> {
    const [from, to] = [this.at(fromMarker), this.at(toMarker)];
    return new Judgement(this.world, this.secrets, this.talks, (packet) => packet > from && packet < to, allowance).all(
      this.packets.slice(from, to - 1),
    );
  }
}

/** One connection, with its decrypted contents. */
interface Talk {
  stream: Stream;
  secure: boolean;
  up: Chunk[];
  down: Chunk[];
  messages: Message[];
  /** The account of its MQTT session. */
  user: string;
}

/** Whether it is the connection of the device's ffmpeg to its own relay of the network camera. */
function isCameraRelay({ stream: { client, server }, up }: Talk): boolean {
  const [first] = up;
  if (client.address !== LOOPBACK || server.address !== LOOPBACK || !first) return false;
  return Buffer.from(first.bytes).toString('latin1').startsWith(`OPTIONS rtsp://${LOOPBACK}:${server.port}/`);
}

class Judgement {
  private readonly world: World;
  private readonly secrets: Secrets;
  private readonly talks: readonly Talk[];
  /** Ports of the camera's relay; empty without a network camera. */
  private readonly relayPorts: ReadonlySet<number>;
  private readonly isInside: (packet: number) => boolean;
  private readonly allowance: Allowance;
  private readonly breaches = new Set<string>();
  private readonly pieces: { offset: number; bytes: Uint8Array }[] = [];
  private searchedBytes = 0;
  private opening: Opening | null = null;
  private notifications = 0;
  private announcements = 0;

  constructor(
    world: World,
    secrets: Secrets,
    talks: readonly Talk[],
    isInside: (packet: number) => boolean,
    allowance: Allowance,
  ) {
    this.world = world;
    this.secrets = secrets;
    this.talks = talks;
    const isOnNetwork = world.fronts.camera.targetPort > 0;
    this.relayPorts = new Set(
      talks.filter((talk) => isOnNetwork && isCameraRelay(talk)).map((talk) => talk.stream.server.port),
    );
    this.isInside = isInside;
    this.allowance = allowance;
  }

  async all(packets: readonly Packet[]): Promise<Verdict> {
    let sentBytes = 0;
    for (const packet of packets) {
      const breach = this.flowBreach(packet);
      if (breach) this.breaches.add(breach);
      const isSent = packet.from.address === this.world.up.namespace.device;
      if (isSent && packet.from.port !== CONSOLE_PORT) sentBytes += packet.payload.length;
      if (packet.protocol !== 'tcp') this.search(`a packet of ${packet.protocol}`, packet.payload);
    }
    for (const talk of this.talks) this.judgeTalk(talk);
    const sent = this.sentFile();
    const clip = await this.opened(sent);
    const clipBytes = this.pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (sentBytes - clipBytes > SAID_BYTES_MAX) this.breaches.add(`${sentBytes} bytes left`);
    const { searchedBytes } = this;
    const { notifications, announcements } = this;
    const seen = { searchedBytes, sentBytes, packets: packets.length, notifications, announcements };
    return { breaches: [...this.breaches], ...seen, clipBytes, sent, clip };
  }

  /** The allowed flows: each is opened by the device, to one port of one address. */
  private flowBreach(packet: Packet): string | null {
    const { protocol, from, to, kind, tcp, payload } = packet;
    const { namespace } = this.world.up;
    const { broker, bridge, camera, notices } = this.world.fronts;
    if (protocol === 'arp' || (protocol === 'icmp6' && KERNEL_ICMP6.has(kind))) return null;
    if (protocol === 'udp' && to.address === MARKER.address && from.address === namespace.host) return null;
    const announced = this.world.setting.console
      ? announcementBreach(packet, namespace.device, CONSOLE_PORT)
      : undefined;
    if (announced !== undefined) {
      if (protocol === 'udp') this.announcements += 1;
      return announced;
    }
    const isLocal = from.address === LOOPBACK && to.address === LOOPBACK;
    if (isLocal && protocol === 'tcp' && [from.port, to.port].some((each) => this.relayPorts.has(each))) return null;
    const isOut = from.address === namespace.device && to.address === namespace.host;
    const isIn = to.address === namespace.device && from.address === namespace.host;
    const port = isOut ? to.port : from.port;
    const flow = `${protocol} ${from.address}:${from.port} to ${to.address}:${to.port}`;
    if (!isOut && !isIn) return `a foreign flow: ${flow}`;
    if (protocol === 'udp' && port === 53) return isOut ? queryBreach(payload) : null;
    // A resolver's late answer is refused by the kernel, whose message quotes its header (RFC 792).
    if (protocol === 'icmp' && isOut && kind === 3 && payload[17] === 17 && payload[29] === 53) return null;
    const isConsole = isOut ? from.port === CONSOLE_PORT : to.port === CONSOLE_PORT;
    if (this.allowance.isWatched && protocol === 'tcp' && isConsole) return null;
    const ofSetting = [camera, notices].filter(({ targetPort }) => targetPort > 0).map((front) => front.port);
    const listed = [broker.port, bridge.port, ...ofSetting];
    if (protocol !== 'tcp' || !listed.includes(port)) return `a foreign flow: ${flow}`;
    return tcp?.syn && !tcp.ack && !isOut ? `a connection to the device: ${flow}` : null;
  }

  private judgeTalk(talk: Talk): void {
    const { stream, secure, up, down } = talk;
    const { broker, bridge, camera, notices } = this.world.fronts;
    const inside = (chunks: readonly Chunk[]) =>
      Buffer.concat(chunks.filter(({ packet }) => this.isInside(packet)).map(({ bytes }) => bytes));
    // TLS must encrypt everything.
    if (secure) {
      this.search('TLS records', inside(stream.up));
      this.search('TLS records', inside(stream.down));
    }
    const { port } = stream.server;
    if (port === CONSOLE_PORT && stream.server.address === this.world.up.namespace.device) {
      // Footage goes to the home's own phone here: nothing on the wire may be readable.
      this.search('what the phone said', inside(stream.up));
      this.search('what the phone saw', inside(stream.down));
      return;
    }
    const isRelay = stream.server.address === LOOPBACK && this.relayPorts.has(port);
    if (isRelay || (port === camera.port && camera.targetPort > 0)) {
      // The camera's own pictures come in here; the camera knows its password.
      this.search('what the camera was told', inside(up), ['the camera user', 'the camera password']);
      return;
    }
    // The answer to an enrolment contains the area account.
    const given = this.allowance.enrolment && port === bridge.port ? ['the area password'] : [];
    this.search(`what came from port ${port}`, inside(down), given);
    if (port !== broker.port && port !== bridge.port && port !== notices.port) {
      this.search(`what went to port ${port}`, inside(up));
      return;
    }
    // Without a grant the bytes are searched once more unsplit.
    if (!this.allowance.granted) this.searchFootage(`what went to port ${port}`, inside(up));
    for (const message of talk.messages) {
      if (this.isInside(message.packet)) this.judgeMessage(talk, message);
    }
  }

  private judgeMessage(talk: Talk, message: Message): void {
    const { homeAccount, deviceId } = this.world.up;
    const topics = topicsUnder(DEFAULT_PREFIX);
    const { bytes } = message;
    if (message.kind === 'connect') {
      const isHome = message.user === homeAccount.user;
      if (!isHome && message.user !== this.secrets.areaUser) this.breaches.add(`a session as ${message.user}`);
      if (message.will !== (isHome ? `${topics.status(deviceId)} offline` : '')) this.breaches.add('another will');
      // A password goes only to its own broker, in the CONNECT [MQTT-3.1.3-11].
      this.search('a CONNECT', bytes, [isHome ? 'the home password' : 'the area password']);
    } else if (message.kind === 'publish') {
      const names = ['status', 'state', 'event', 'request', 'receipt', 'upload'] as const;
      const name = names.find((each) => topics[each](deviceId) === message.topic);
      if (!name || talk.user !== homeAccount.user) this.breaches.add(`a message on ${message.topic} by ${talk.user}`);
      if (name === 'upload' && !this.allowance.granted) this.breaches.add('progress of an upload');
      this.search(
        `a message on ${name ?? 'another topic'}`,
        bytes,
        name === 'request' ? noticeTexts(message.payload) : [],
      );
    } else if (message.kind === 'subscribe') {
      const cell = cellOf(this.world.privates.place);
      const own =
        talk.user === homeAccount.user
          ? [topics.consentFilter(deviceId), topics.command(deviceId)]
          : [
              ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((part) => topics.areaRequests(cell, part)),
              // Every home subscribes to it, whether it takes part in Search Party or not.
              topics.areaSearches(cell, 1),
              topics.revocations,
            ];
      for (const topic of message.topics) if (!own.includes(topic)) this.breaches.add(`a subscription to ${topic}`);
      this.search('a SUBSCRIBE', bytes);
    } else if (message.kind === 'http') {
      if (talk.stream.server.port === this.world.fronts.notices.port) this.judgeNotification(message);
      else this.judgeRequest(message);
    } else {
      if (message.kind === 'strange') this.breaches.add(`what is no message, to port ${talk.stream.server.port}`);
      this.search(`a ${message.kind} message`, bytes);
    }
  }

  /** One call to a target: only its allowed text, and of the secrets only its own token. */
  private judgeNotification(message: Message & { kind: 'http' }): void {
    this.notifications += 1;
    const breach = notificationBreach(message, noticesOf(this.world));
    if (breach !== null) this.breaches.add(breach);
    this.search('a notification', message.bytes, message.path === NOTICES.ntfy ? ['the ntfy token'] : []);
  }

  /** One call to the bridge: its kind and contents. */
  private judgeRequest({ method, path, headers, body, bytes, isWhole }: Message & { kind: 'http' }): void {
    const { granted, enrolment } = this.allowance;
    const call = `${method} ${path}`;
    if (call === 'POST /v1/enrolments') {
      if (!enrolment) this.breaches.add('an enrolment');
      this.search(call, bytes);
      return;
    }
    const calls = granted
      ? [
          'POST /v1/intakes',
          `HEAD /v1/intakes/${granted.grant}`,
          `GET /v1/intakes/${granted.grant}`,
          'POST /v1/uploads',
          ...(granted.revoked ? [`POST /v1/intakes/${granted.grant}/revocation`] : []),
        ]
      : [];
    const isUpload = granted !== undefined && /^(HEAD|PATCH) \/v1\/uploads\/[\w-]+$/.test(call);
    if (!calls.includes(call) && !isUpload)
      this.breaches.add(`a call of the bridge: ${call.replaceAll(/[0-9a-f]{16,}/g, '*')}`);
    if (granted && isUpload && method === 'PATCH') {
      this.search(call, bytes.subarray(0, bytes.length - body.length));
      this.pieces.push({ offset: Number(headers.get('upload-offset')), bytes: body });
      return;
    }
    const isReadable = granted && !this.world.up.sealing && call === 'POST /v1/intakes';
    this.search(call, bytes, isReadable ? granted.keys.map((key) => `value ${key}`) : []);
    if (granted && isWhole && call === 'POST /v1/intakes') this.judgeManifest(granted, body);
  }

  private judgeManifest(granted: Granted, body: Uint8Array): void {
    this.opening = openingOf(body);
    const { claims, forRecipient } = this.opening;
    const { sealing } = this.world.up;
    const wanted = sealing ? {} : this.valuesOf(granted);
    this.same('disclosure', claims.disclosed, wanted);
    this.same('set of facts', disclosedKeys(claims).sort(), [...granted.keys].sort());
    const key = sealing?.pair.publicKey;
    this.same('recipient', [claims.sealed?.recipientKey, forRecipient.sealed?.recipientKey], [key, key]);
    this.same('window', claims.window, granted.window);
    const isRedacted = granted.zones.length > 0;
    this.same('redaction', [claims.redacted, forRecipient.redacted], [isRedacted, isRedacted]);
    this.same('grant', [claimsOf(claims.grant)['jti'], forRecipient.grant], [granted.grant, granted.grant]);
    this.same('disclosure in its statement', forRecipient.disclosed, wanted);
    this.same('window in its statement', forRecipient.window, granted.window);
    const { clip } = granted;
    if (clip) this.same('clip', [claims.clipSha256, claims.clipBytes], [clip.sha256, clip.bytes]);
  }

  private valuesOf({ keys }: Granted): object {
    const { values } = this.world.privates;
    return Object.fromEntries(keys.map((key) => [key, values[key]]));
  }

  private same(what: string, found: unknown, expected: unknown): void {
    if (JSON.stringify(found) !== JSON.stringify(expected)) this.breaches.add(`a manifest of another ${what}`);
  }

  /** Reassembles the file from the uploaded parts, including repeated ones, and compares it with the receipt. */
  private sentFile(): Uint8Array {
    const { granted } = this.allowance;
    const length = Math.max(0, ...this.pieces.map(({ offset, bytes }) => offset + bytes.length));
    const clip = Buffer.alloc(length);
    let end = 0;
    for (const { offset, bytes } of this.pieces.toSorted((a, b) => a.offset - b.offset)) {
      if (offset > end) this.breaches.add('a clip with a hole');
      const repeated = clip.subarray(offset, Math.max(offset, Math.min(end, offset + bytes.length)));
      if (!repeated.equals(bytes.subarray(0, repeated.length))) this.breaches.add('two different clips');
      clip.set(bytes, offset);
      end = Math.max(end, offset + bytes.length);
    }
    const isWhole = granted?.clip && !granted.revoked;
    if (isWhole && (sha256Hex(clip) !== granted.clip?.sha256 || !this.opening)) {
      this.breaches.add(`${clip.length} bytes that are not the clip of ${granted.clip?.bytes}`);
    }
    return clip;
  }

  /** The clip in a sent file, compared with its grant. An encrypted one shows nothing, and opens once it is whole. */
  private async opened(sent: Uint8Array): Promise<Uint8Array> {
    const { granted } = this.allowance;
    if (!granted) return sent;
    const { secrets, opening } = this;
    const { sealing } = this.world.up;
    let clip = sent;
    if (sealing) {
      const isWhole = granted.clip && !granted.revoked && opening;
      const opened = isWhole ? await openSent(sent, opening, sealing.pair) : null;
      if (opened) {
        this.same('disclosure inside', opened.contents.disclosed, this.valuesOf(granted));
        this.same('set of zones', opened.contents.zones, granted.zones);
      }
      clip = opened?.clip ?? new Uint8Array();
      for (const breach of encryptedBreaches(sent, clip, secrets)) this.breaches.add(breach);
    }
    for (const breach of clipBreaches(clip, secrets, granted)) this.breaches.add(breach);
    return clip;
  }

  private search(where: string, bytes: Uint8Array, allowed: readonly string[] = []): void {
    const layers = this.searchFootage(where, bytes);
    this.report(where, this.secrets.texts.findIn(layers), allowed);
  }

  /** Returns the bytes, decoded. */
  private searchFootage(where: string, bytes: Uint8Array): Layer[] {
    this.searchedBytes += bytes.length;
    const layers = unfold(bytes);
    for (const set of [this.secrets.footage, this.secrets.never]) this.report(where, set.findIn(layers), []);
    return layers;
  }

  private report(where: string, findings: readonly Finding[], allowed: readonly string[]): void {
    for (const finding of findings) {
      if (!allowed.includes(finding.secret)) this.breaches.add(describeFinding(finding, where));
    }
  }
}

/** The notification targets of a testbed, and their signing secret. */
export function noticesOf({ fronts: { notices }, privates }: World): Notices {
  const { webhookSecret, ntfyToken } = privates;
  return { host: `${notices.name}.${DOMAIN}:${notices.port}`, webhookSecret, ntfyToken };
}

/** Names of the private texts that a request's notice may contain: the requested ones. */
export function noticeTexts(payload: Uint8Array): string[] {
  const notice = RequestNotice.safeParse(JSON.parse(Buffer.from(payload).toString()));
  if (!notice.success) return [];
  const { wouldDisclose, askedKeys } = notice.data;
  const isAsked = Object.keys(wouldDisclose).every((key) => askedKeys.some((asked) => asked === key));
  return isAsked ? askedKeys.map((key) => `value ${key}`) : [];
}

/** Only our names may be looked up, by a plain query of one of two types. */
function queryBreach(query: Uint8Array): string | null {
  const buffer = Buffer.from(query);
  const name = ['broker', 'bridge', 'camera', 'notices'].find((each) => {
    const labels = [each, ...DOMAIN.split('.')].map((label) => `${String.fromCharCode(label.length)}${label}`);
    return buffer.indexOf(`${labels.join('')}\0`, 12, 'latin1') === 12;
  });
  return name ? null : 'a query for another name';
}
