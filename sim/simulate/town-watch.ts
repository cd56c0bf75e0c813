// Owns: what must hold in a simulated town at every step: each piece on the network is held against what owners signed. Not here: what a home
// answers (order-watch.ts), what must hold in the end (town-verdict.ts), making things happen.
import { parseToken, utf8 } from '../../device/index.ts';
import type { Piece } from '../world/memory-network.ts';
import { type Footage, FRAME_US, GOP_US } from './ffmpeg-twin.ts';
import { type OrderedHome, OrderWatch } from './order-watch.ts';
import type { TownHome } from './town-home.ts';
import type { SignedOrder } from './town-owner.ts';

/** A promise of DESIGN.md that did not hold, in orders. `rule` is its number there, or a name. */
export interface Breach {
  readonly rule: string;
  readonly atMs: number;
  readonly what: string;
}

/** Of a town in which something goes wrong again and again no more is kept. */
const BREACHES_MAX = 1_000;
/** Clocks may differ by so much when segments are dated. */
const SLACK_US = 1_000;

/** What is looked at of a home. */
export type WatchedHome = OrderedHome & Pick<TownHome, 'filmedFromUs'>;

/** What is known of one home's traffic. */
interface Seen {
  readonly home: WatchedHome;
  /** The manifest of the clip that was offered under each grant. */
  readonly offered: Map<string, string>;
  /** Bytes to the bridge since the home was enrolled. */
  toBridge: number;
  /** The grant whose clip is being sent on the connection. */
  sending: string | null;
}

export class TownWatch {
  readonly breaches: Breach[] = [];
  /** Under which grant a home sends what the bridge stages, by the bridge's name for it. */
  readonly uploads = new Map<string, string>();
  private readonly marks: readonly Buffer[];
  /** Numbers of the GOPs that homes have sent under grants. */
  private readonly granted = new Set<number>();
  private readonly passedMs: () => number;
  private readonly orders: OrderWatch;
  private readonly homes = new Map<string, Seen>();
  /** From here on nothing but what was granted may go to the bridge. */
  private isOpen = false;

  constructor(footage: Pick<Footage, 'marks'>, passedMs: () => number) {
    this.marks = footage.marks.map((mark) => Buffer.from(mark));
    this.passedMs = passedMs;
    this.orders = new OrderWatch(
      (rule, what) => this.breach(rule, what),
      () => Math.round(passedMs() * 1_000),
    );
  }

  add(home: WatchedHome): void {
    this.homes.set(home.plan.name, { home, offered: new Map(), toBridge: 0, sending: null });
  }

  /** Enrolment is over. */
  open(): void {
    this.isOpen = true;
  }

  breach(rule: string, what: string): void {
    if (this.breaches.length < BREACHES_MAX) this.breaches.push({ rule, atMs: Math.round(this.passedMs()), what });
  }

  /** Bytes that a home has sent to the bridge since its enrolment. */
  toBridge(name: string): number {
    return this.homes.get(name)?.toBridge ?? 0;
  }

  /** Every piece that arrives anywhere. */
  seen(piece: Piece): void {
    const sender = this.homes.get(piece.from);
    if (sender && piece.to === 'bridge') this.toTheBridge(sender, piece);
    else this.elsewhere(piece);
    if (sender && piece.to === 'broker') this.orders.published(sender.home, piece);
    const receiver = this.homes.get(piece.to);
    if (receiver && piece.from === 'broker') this.orders.delivered(receiver.home, piece);
    if (receiver && piece.from === 'bridge') this.named(receiver, latin1(piece.bytes));
  }

  /** 1: pictures go to the bridge alone; it hands over to the vault what homes have sent under grants. */
  private elsewhere({ from, to, bytes }: Piece): void {
    const isHandOver = from === 'services' && to === 'vault';
    for (const mark of this.marksIn(bytes)) {
      if (!isHandOver) this.breach('1', `a piece from ${from} to ${to} holds pictures`);
      else if (!this.granted.has(mark)) this.breach('1', 'the vault is given pictures that no home has sent');
    }
  }

  /** The bridge names an upload to the home that has asked for it. */
  private named({ sending }: Seen, text: string): void {
    const upload = /^location: \S*\/v1\/uploads\/([\w-]+)/im.exec(text)?.[1];
    if (upload !== undefined && sending !== null && !this.uploads.has(upload)) this.uploads.set(upload, sending);
  }

  private toTheBridge(seen: Seen, piece: Piece): void {
    if (!this.isOpen) return;
    const text = latin1(piece.bytes);
    seen.toBridge += piece.bytes.length;
    const offer = /"manifest":"([\w.-]+)"/.exec(text)?.[1];
    if (offer !== undefined) this.offered(seen, offer);
    // Each request names its grant in its token; what comes without a head goes on with the last.
    const bearer = /authorization: bearer ([\w.-]+)/i.exec(text)?.[1];
    if (bearer !== undefined) {
      const grant = String(asRecord(parseToken(bearer)?.claims)['grant'] ?? '');
      this.begun(seen, piece, grant);
      const upload = /^\w+ \S*\/v1\/uploads\/([\w-]+) /.exec(text)?.[1];
      if (upload !== undefined) this.uploads.set(upload, grant);
    }
    const marks = this.marksIn(piece.bytes);
    if (marks.length > 0) this.pictures(seen, piece, marks);
  }

  /** A device begins a request under a grant: 8: never after it was given the revocation. */
  private begun(seen: Seen, { sentUs }: Piece, grant: string): void {
    seen.sending = grant;
    const revokedUs = this.orders.revokedUs(seen.home, grant);
    if (revokedUs !== null && sentUs > revokedUs)
      this.breach('8', `${seen.home.plan.name} goes on with ${grant} after it was given its revocation`);
  }

  /**
   * Pictures on their way to the bridge: under a grant whose clip was offered, of its window, and none that was sent after the doorbell had
   * its revocation. The promise allows for what a machine's network has taken by then; a town's takes nothing ahead.
   */
  private pictures(seen: Seen, piece: Piece, marks: readonly number[]): void {
    const { home, sending: grant } = seen;
    const order = grant === null || !seen.offered.has(grant) ? undefined : grantOrderOf(home, grant);
    if (!order?.window) {
      this.breach('1', `${home.plan.name} sent pictures before it had offered a granted clip`);
      return;
    }
    for (const mark of marks) {
      this.granted.add(mark);
      if (!this.isFilmed(home, mark, order.window.startUs, order.window.endUs))
        this.breach('2', `${home.plan.name} sent a picture that is outside of the window of ${grant}`);
    }
    const revokedUs = this.orders.revokedUs(home, order.jti);
    if (revokedUs !== null && piece.sentUs > revokedUs)
      this.breach('8', `${home.plan.name} went on sending pictures after it had the revocation of ${grant}`);
  }

  /** A device offers a clip to the bridge: it must be exactly what one grant of its owner allows, recorded durably, and always the same. */
  private offered(seen: Seen, manifest: string): void {
    const { home, offered } = seen;
    const { name } = home.plan;
    const claims = asRecord(parseToken(manifest)?.claims);
    const token = String(claims['grant'] ?? '');
    const grant = String(asRecord(parseToken(token)?.claims)['jti'] ?? '');
    const order = grantOrderOf(home, grant);
    if (!order || order.token !== token) {
      this.breach('4', `${name} offers a clip under ${grant}, which its owner never signed`);
      return;
    }
    if (JSON.stringify(claims['window']) !== JSON.stringify(order.window))
      this.breach('2', `${name} offers another window than ${grant} grants`);
    const pictures = order.window ? Math.ceil((order.window.endUs - order.window.startUs) / FRAME_US) : 0;
    if (Number(claims['frames']) > pictures)
      this.breach('2', `${name} offers ${claims['frames']} pictures under ${grant}, which holds ${pictures}`);
    if (claims['aud'] !== order.agency)
      this.breach('4', `${name} offers to ${String(claims['aud'])} what ${grant} grants to ${order.agency}`);
    const told = Object.keys(asRecord(claims['disclosed'])).sort();
    if (told.join() !== [...(order.disclose ?? [])].sort().join())
      this.breach('3', `${name} discloses ${told.join(', ') || 'nothing'} under ${grant}`);
    const presented = `"type":"token-presented","body":{"request":"${order.request}","grant":"${grant}"}`;
    for (const held of [grant, presented]) {
      if (!home.disk.durablyHolds(home.ledgerFolder, utf8(held)))
        this.breach('6', `${name} offers the clip of ${grant} before its ledger holds ${held} durably`);
    }
    const before = offered.get(grant);
    if (before !== undefined && before !== manifest) this.breach('7', `${name} offers a second clip under ${grant}`);
    offered.set(grant, manifest);
  }

  /** Numbers of the GOPs of the footage whose first picture is in `bytes`. */
  private marksIn(bytes: Uint8Array): number[] {
    if (bytes.length < 64) return [];
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return this.marks.flatMap((mark, at) => (buffer.includes(mark) ? [at] : []));
  }

  /** Whether the home filmed this GOP of the footage between two times of its own clock. */
  private isFilmed(home: WatchedHome, mark: number, startUs: number, endUs: number): boolean {
    const count = this.marks.length;
    return home.filmedFromUs.some((fromUs) => {
      const first = Math.max(0, Math.floor((startUs - fromUs + SLACK_US) / GOP_US));
      const last = Math.ceil((endUs - fromUs - SLACK_US) / GOP_US) - 1;
      for (let gop = first; gop <= last; gop += 1) if (gop % count === mark) return true;
      return false;
    });
  }
}

function grantOrderOf(home: Pick<TownHome, 'orders'>, grant: string): SignedOrder | undefined {
  return home.orders.find((order) => order.kind === 'grant' && order.jti === grant);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
