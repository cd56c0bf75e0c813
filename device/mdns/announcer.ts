// Announces a doorbell's page on the networks of its machine by multicast DNS (RFC 6762): probes its name, announces it, answers
// questions, says goodbye, and follows the machine's addresses.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Clock } from '@doorsill/base/clock';
import { systemCode } from '@doorsill/base/disk';
import { WindowCounts } from '@doorsill/base/http/fixed-window-limit';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { Repeater } from '@doorsill/base/repeater';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { isOnLink, type MdnsLink } from './links.ts';
import {
  type Announced,
  additionalsFor,
  announcement,
  answersTo,
  isClaimedBy,
  type MdnsMessage,
  type MdnsRecord,
  type Names,
  plainAnswer,
  probe,
  readMessage,
  recordsOf,
} from './records.ts';

const GROUP = '224.0.0.251';
/** The port of multicast DNS (RFC 6762 §3). */
export const MDNS_PORT = 5_353;
/** RFC 6762 §11. */
const TTL_HOPS = 255;
/** RFC 6762 §8.1, §8.3. */
const PROBES = { many: 3, everyMs: 250 };
const ANNOUNCEMENTS = { many: 2, everyMs: 1_000 };
/** Delay before probing again when both names are taken. */
const TAKEN_MS = 60_000;
const CHECK_LINKS_MS = 15_000;
/** Minimum interval between two multicasts of a record on a link, except in answer to a probe (RFC 6762 §6). */
const MULTICAST_MS_MIN = 1_000;
/** Random delay of answers with shared records, which other hosts may answer, too (RFC 6762 §6). */
const SHARED_WAIT_MS = { least: 20, most: 120 };
/** Rate limits: no honest network needs more, and reading more would take processor time from the video. */
const LIMITS = { messagesASecond: 200, plainAnswersASecond: 20 };

interface AnnouncerDeps {
  clock: Clock;
  random: Random;
  log: Log;
  /** The preferred names, and those for when another device has them. */
  names: readonly [Names, Names];
  port: number;
  links(): Promise<MdnsLink[]>;
  /** Absent: `MDNS_PORT`. Tests use another port, so as not to disturb their machine. */
  mdnsPort?: number;
}

/** The announced host name, or why there is none. */
interface AnnouncedState {
  host: string | null;
  fault: Failure | null;
}

type OpenLink = MdnsLink & { socket: Socket; multicastMs: Map<string, number> };

export class Announcer {
  private readonly deps: AnnouncerDeps;
  private readonly linkChecks: Repeater;
  private readonly counts: WindowCounts;
  private links: OpenLink[] = [];
  private turn = new AbortController();
  private phase: 'idle' | 'probing' | 'announced' = 'idle';
  private chosen = 0;
  /** Called when another host claims one of the names. */
  private claimed: () => void = () => undefined;
  private fault: Failure | null = null;

  constructor(deps: AnnouncerDeps) {
    this.deps = deps;
    this.linkChecks = new Repeater(deps, 'networks to be announced on', CHECK_LINKS_MS, () => this.checkLinks());
    this.counts = new WindowCounts(deps.clock, 1_000);
  }

  start(): void {
    this.linkChecks.start();
    void this.linkChecks.now();
  }

  /** Says goodbye and closes the sockets. */
  async stop(): Promise<void> {
    await this.linkChecks.stop();
    await this.leave();
  }

  get state(): AnnouncedState {
    return { host: this.phase === 'announced' ? `${this.names.host}.local` : null, fault: this.fault };
  }

  private get names(): Names {
    return this.deps.names[this.chosen === 0 ? 0 : 1];
  }

  private announcedOn({ address }: MdnsLink): Announced {
    return { ...this.names, port: this.deps.port, address };
  }

  /** Announces again when the machine's addresses have changed. */
  private async checkLinks(): Promise<void> {
    const links = await this.deps.links();
    const asText = (all: readonly MdnsLink[]) => all.map(({ address, netmask }) => `${address}/${netmask}`).join();
    if (links.length > 0 && asText(links) === asText(this.links)) return;
    await this.leave();
    if (links.length === 0) return this.failed(failure('mdns_no_network'));
    try {
      for (const link of links) this.links.push(await this.open(link));
    } catch (thrown) {
      await this.leave();
      if (!isFailure(thrown)) throw thrown;
      return this.failed(thrown);
    }
    this.turn = new AbortController();
    void this.run(this.turn.signal);
  }

  private failed(fault: Failure): void {
    const { log } = this.deps;
    const facts = [
      'the doorbell may not be found by its name on the network; its address works',
      { code: fault.code, detail: fault.message },
    ] as const;
    // A missing network is only `info`: a board may start before its network.
    if (this.fault?.message !== fault.message)
      fault.code === 'mdns_no_network' ? log.info(...facts) : log.warn(...facts);
    this.fault = fault;
  }

  /** Throws `mdns_port_taken`, `mdns_unusable`. */
  private open(link: MdnsLink): Promise<OpenLink> {
    const { mdnsPort = MDNS_PORT } = this.deps;
    // Other programs of this machine, such as avahi, listen on the same port (RFC 6762 §15).
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    const open = { ...link, socket, multicastMs: new Map<string, number>() };
    return new Promise((resolve, reject) => {
      const refused = (thrown: Error) => {
        socket.close();
        const code = systemCode(thrown);
        reject(
          code === 'EADDRINUSE'
            ? failure('mdns_port_taken', { port: mdnsPort }, thrown)
            : failure('mdns_unusable', { address: link.address, detail: code ?? thrown.message }, thrown),
        );
      };
      socket.once('error', refused);
      socket.bind(mdnsPort, () => {
        try {
          socket.addMembership(GROUP, link.address);
          socket.setMulticastInterface(link.address);
          socket.setMulticastTTL(TTL_HOPS);
          // Programs of this machine get the messages, too.
          socket.setMulticastLoopback(true);
        } catch (thrown) {
          return refused(thrown instanceof Error ? thrown : new Error(String(thrown)));
        }
        socket.off('error', refused);
        // An interface may disappear: the next `checkLinks` finds that.
        socket.on('error', () => undefined);
        socket.on('message', (bytes, from) => this.receive(open, bytes, from));
        resolve(open);
      });
    });
  }

  /** Probes, announces, and starts over when another host claims a name. */
  private async run(signal: AbortSignal): Promise<void> {
    const { clock, names, random } = this.deps;
    try {
      for (;;) {
        if (!(await this.isTaken(signal))) {
          const claim = this.nextClaim();
          await this.announce(signal);
          await claim;
          // The pause keeps a host that claims the name again and again from making us probe all the time.
          await clock.sleep(ANNOUNCEMENTS.everyMs * (1 + random.fraction()), signal);
        } else if (this.chosen === 0) this.chosen = 1;
        else {
          this.failed(failure('mdns_name_taken', { hosts: names.map(({ host }) => `${host}.local`).join(', ') }));
          this.chosen = 0;
          await clock.sleep(TAKEN_MS, signal);
        }
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  }

  /** Probes whether another host has one of the names. */
  private async isTaken(signal: AbortSignal): Promise<boolean> {
    const { clock, random } = this.deps;
    this.phase = 'probing';
    let isTaken = false;
    void this.nextClaim().then(() => (isTaken = true));
    await clock.sleep(random.fraction() * PROBES.everyMs, signal);
    for (let sent = 0; sent < PROBES.many && !isTaken; sent += 1) {
      for (const link of this.links) await this.multicast(link, probe(this.announcedOn(link)));
      await clock.sleep(PROBES.everyMs, signal);
    }
    return isTaken;
  }

  private async announce(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.deps;
    this.phase = 'announced';
    this.fault = null;
    log.info('the doorbell is announced on the network', { host: `${this.names.host}.local` });
    for (let sent = 0; sent < ANNOUNCEMENTS.many; sent += 1) {
      for (const link of this.links) {
        const code = await this.multicast(link, announcement(recordsOf(this.announcedOn(link)), []));
        if (code !== null) this.failed(failure('mdns_unusable', { address: link.address, detail: code }));
      }
      await clock.sleep(ANNOUNCEMENTS.everyMs, signal);
    }
  }

  /** Resolves when another host claims a name, or the turn has ended. */
  private nextClaim(): Promise<void> {
    return new Promise((resolve) => {
      this.claimed = resolve;
    });
  }

  private receive(link: OpenLink, bytes: Uint8Array, from: RemoteInfo): void {
    if (this.phase === 'idle' || !isOnLink(link, from.address)) return;
    if (this.counts.add('messages').count > LIMITS.messagesASecond) return;
    const message = readMessage(bytes);
    if (!message) return;
    const isPlain = from.port !== (this.deps.mdnsPort ?? MDNS_PORT);
    // RFC 6762 §6: responses from another port are ignored.
    if (message.type === 'response' && isPlain) return;
    const announced = this.announcedOn(link);
    const ours = this.links.map(({ address }) => address);
    if (isClaimedBy(message, announced, ours, this.phase === 'probing')) this.claimed();
    else if (message.type === 'query' && this.phase === 'announced') this.answer(link, message, isPlain ? from : null);
  }

  private answer(link: OpenLink, message: MdnsMessage, plainFor: RemoteInfo | null): void {
    const announced = this.announcedOn(link);
    const answers = answersTo(message, announced);
    if (answers.length === 0) return;
    const more = additionalsFor(answers, announced);
    if (plainFor) {
      if (this.counts.add('plain').count > LIMITS.plainAnswersASecond) return;
      link.socket.send(plainAnswer(message, answers, more), plainFor.port, plainFor.address, () => undefined);
      return;
    }
    const isProbe = message.authorities.length > 0;
    const nowMs = this.deps.clock.monotonicMs();
    const due = isProbe
      ? answers
      : answers.filter(
          (record) => nowMs - (link.multicastMs.get(keyOf(record)) ?? -MULTICAST_MS_MIN) >= MULTICAST_MS_MIN,
        );
    if (due.length === 0) return;
    for (const record of due) link.multicastMs.set(keyOf(record), nowMs);
    const { least, most } = SHARED_WAIT_MS;
    const waitMs = due.some(({ flush }) => !flush) ? least + this.deps.random.fraction() * (most - least) : 0;
    this.deps.clock.after(waitMs, () => {
      if (this.phase === 'announced') void this.multicast(link, announcement(due, more));
    });
  }

  /** Multicasts a message on a link; resolves with the system's error code, or null when it was sent. */
  private multicast({ socket }: OpenLink, message: Uint8Array): Promise<string | null> {
    return new Promise((resolve) => {
      try {
        socket.send(message, this.deps.mdnsPort ?? MDNS_PORT, GROUP, (error) =>
          resolve(error ? (systemCode(error) ?? error.message) : null),
        );
      } catch (thrown) {
        // The socket was closed meanwhile.
        resolve(systemCode(thrown) ?? String(thrown));
      }
    });
  }

  private async leave(): Promise<void> {
    const wasAnnounced = this.phase === 'announced';
    this.phase = 'idle';
    this.turn.abort();
    this.claimed();
    const links = this.links;
    this.links = [];
    for (const link of links) {
      const goodbye = () => announcement(recordsOf(this.announcedOn(link)), [], 0);
      if (wasAnnounced) await this.multicast(link, goodbye());
      link.socket.close();
    }
  }
}

const keyOf = ({ name, type }: MdnsRecord) => `${type} ${name}`;
