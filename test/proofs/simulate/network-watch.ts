// The checks during a run: each piece on the network against what owners signed.

import { utf8 } from '@doorsill/contract/bytes';
import { parseToken } from '@doorsill/contract/jws';
import type { Manifest } from '@doorsill/contract/manifest';
import type { Grant } from '@doorsill/contract/owner-orders';
import { disclosedKeys, type Sealing } from '@doorsill/contract/sealing';
import type { DisclosureKey } from '@doorsill/contract/shared-claims';
import { type Footage, FRAME_US, GOP_US, MARK_BYTES } from './ffmpeg-twin.ts';
import type { CarriedPiece, Piece } from './memory-network.ts';
import { type OrderedHome, OrderWatch } from './order-watch.ts';
import type { SimulatedHome } from './simulated-home.ts';
import type { SignedOrder } from './simulated-owner.ts';

/** A broken promise of DESIGN.md. `rule` is its number there, or a name. */
export interface Breach {
  readonly rule: string;
  readonly atMs: number;
  readonly what: string;
}

/** Further breaches are dropped. */
const BREACHES_MAX = 1_000;
/** One byte less than a mark, so that the rest of a piece cannot contain a whole one. */
const MARK_REST_BYTES = MARK_BYTES - 1;
/** Longer than any fact. */
const REST_BYTES = 128;
const NOTHING = new Uint8Array(0);

/** The observed part of a home. */
export type WatchedHome = OrderedHome & Pick<SimulatedHome, 'facts' | 'filmedFromUs'>;

/** A fact that a home may disclose, as it may stand in a message. */
interface Fact {
  readonly key: DisclosureKey;
  readonly forms: readonly Buffer[];
}

/** State of one home's traffic. */
interface Seen {
  readonly home: WatchedHome;
  /** The manifest of the offered clip under each grant. */
  readonly offered: Map<string, string>;
  /** Bytes to the bridge since enrolment. */
  toBridge: number;
  readonly facts: readonly Fact[];
  /** Keys of the facts that it has given to the bridge in a form that the bridge can read. */
  readonly told: Set<DisclosureKey>;
  /** The current request on each connection to the bridge. */
  readonly asked: Map<number, Asked>;
}

/** A home's request to the bridge. */
interface Asked {
  /** The grant in its token, or in the token before. */
  readonly grant: string | null;
  /** The request so far, up to its manifest; null once that is known. */
  text: string | null;
  /** The last bytes so far: the rest of a mark or fact may be in the next piece. */
  end: Uint8Array;
}

export class NetworkWatch {
  readonly breaches: Breach[] = [];
  /** The grant of each upload, by the bridge's name for it. */
  readonly uploads = new Map<string, string>();
  /** Uploads by an attacker with a doorbell's key: they may stay unfinished. */
  readonly stolen = new Set<string>();
  /** Clips of such an attacker that the bridge has taken, because it cannot read them. */
  readonly forged = new Set<string>();
  private readonly marks: readonly Buffer[];
  /** Numbers of the GOPs that homes have sent under grants. */
  private readonly granted = new Set<number>();
  private readonly passedMs: () => number;
  private readonly orders: OrderWatch;
  private readonly homes = new Map<string, Seen>();
  /** Whether officers read what the vault has: until then it shows nothing. */
  private isRead = false;
  /** Whether enrolment is over: from then on only granted data may go to the bridge. */
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
    const facts = Object.entries(home.facts).map(([key, value = '']) => ({
      key: key as DisclosureKey,
      forms: formsOf(value),
    }));
    this.homes.set(home.plan.name, { home, offered: new Map(), toBridge: 0, facts, told: new Set(), asked: new Map() });
  }

  /** Enrolment is over. */
  open(): void {
    this.isOpen = true;
  }

  /** From now on the vault answers officers with clips and facts. */
  officersRead(): void {
    this.isRead = true;
  }

  /** 9: no file of the bridge holds pictures or facts but those that homes have sent in a form that it can read. */
  keptByBridge(path: string, bytes: Uint8Array): void {
    if (this.marksIn(bytes).some((mark) => !this.granted.has(mark)))
      this.breach('9', `the bridge keeps pictures in ${path} that no home has sent to it readably`);
    this.readable(bytes, `the bridge keeps in ${path}`);
  }

  breach(rule: string, what: string): void {
    if (this.breaches.length < BREACHES_MAX) this.breaches.push({ rule, atMs: Math.round(this.passedMs()), what });
  }

  /** Bytes that a home has sent to the bridge since its enrolment. */
  toBridge(name: string): number {
    return this.homes.get(name)?.toBridge ?? 0;
  }

  /** Called with every delivered piece. */
  seen(piece: CarriedPiece): void {
    const sender = this.homes.get(piece.from);
    if (sender && piece.to === 'bridge') this.toTheBridge(sender, piece);
    else this.elsewhere(piece);
    if (sender && piece.to === 'broker') this.orders.published(sender.home, piece);
    const receiver = this.homes.get(piece.to);
    if (receiver && piece.from === 'broker') this.orders.delivered(receiver.home, piece);
    if (receiver && piece.from === 'bridge') this.named(receiver, piece);
  }

  /**
   * 1: pictures go only to the bridge; it hands over to the vault what homes have sent under grants. 9: facts go nowhere else but to the
   * vault, unless the bridge could read them. A home's own broker carries its notices, in which its owner reads what would be disclosed.
   */
  private elsewhere({ from, to, bytes }: Piece): void {
    if (from === 'vault' && this.isRead) return;
    if (from !== 'broker' && to !== 'broker') this.readable(bytes, `a piece from ${from} to ${to} holds`);
    const isHandOver = from === 'services' && to === 'vault';
    for (const mark of this.marksIn(bytes)) {
      if (!isHandOver) this.breach('1', `a piece from ${from} to ${to} holds pictures`);
      else if (!this.granted.has(mark)) this.breach('1', 'the vault is given pictures that no home has sent');
    }
  }

  /** 9: reports facts that the bridge was not given in a form that it can read. */
  private readable(bytes: Uint8Array, what: string): void {
    for (const { home, facts, told } of this.homes.values()) {
      for (const key of factsIn(bytes, facts))
        if (!told.has(key)) this.breach('9', `${what} the ${key} of ${home.plan.name}`);
    }
  }

  /** The bridge names an upload to the requesting home. */
  private named({ asked }: Seen, { connection, bytes }: CarriedPiece): void {
    const upload = /^location: \S*\/v1\/uploads\/([\w-]+)/im.exec(latin1(bytes))?.[1];
    const grant = asked.get(connection)?.grant ?? null;
    if (upload !== undefined && grant !== null) this.uploads.set(upload, grant);
  }

  private toTheBridge(seen: Seen, piece: CarriedPiece): void {
    if (!this.isOpen) return;
    seen.toBridge += piece.bytes.length;
    const asked = this.askedIn(seen, piece);
    const offer = /"manifest":"([\w.-]+)"/.exec(asked.text ?? '')?.[1];
    if (offer !== undefined) {
      asked.text = null;
      this.offered(seen, offer);
    }
    const bytes = Buffer.concat([asked.end, piece.bytes]);
    // A rest that begins before it may hold a whole fact, which was reported then.
    asked.end = bytes.subarray(-REST_BYTES);
    const marks = this.marksIn(bytes.subarray(Math.max(0, bytes.length - piece.bytes.length - MARK_REST_BYTES)));
    if (marks.length > 0) this.pictures(seen, piece, { marks, grant: asked.grant });
    for (const key of factsIn(bytes, seen.facts)) this.fact(seen, key, asked.grant);
  }

  /** The request that a piece begins or continues: each names its grant in its token, and begins with a head. */
  private askedIn(seen: Seen, piece: CarriedPiece): Asked {
    const text = latin1(piece.bytes);
    const before = seen.asked.get(piece.connection);
    const [, path] = /^(?:GET|HEAD|POST|PATCH|DELETE) (\S+) HTTP\/1/.exec(text) ?? [];
    if (before && path === undefined) {
      if (before.text !== null) before.text += text;
      return before;
    }
    const bearer = /authorization: bearer ([\w.-]+)/i.exec(text)?.[1];
    const grant = bearer === undefined ? null : String(asRecord(parseToken(bearer)?.claims)['grant'] ?? '');
    // An upload contains a clip, and no manifest.
    const upload = /\/v1\/uploads\/([\w-]+)$/.exec(path ?? '')?.[1];
    const asked: Asked = {
      grant: grant ?? before?.grant ?? null,
      text: upload === undefined ? text : null,
      end: NOTHING,
    };
    seen.asked.set(piece.connection, asked);
    if (grant !== null) this.begun(seen, piece, grant);
    if (grant !== null && upload !== undefined) this.uploads.set(upload, grant);
    return asked;
  }

  /** 8: a device never begins a request under a grant after it got the revocation. */
  private begun(seen: Seen, { sentUs }: Piece, grant: string): void {
    const revokedUs = this.orders.revokedUs(seen.home, grant);
    if (revokedUs !== null && sentUs > revokedUs)
      this.breach('8', `${seen.home.plan.name} goes on with ${grant} after it was given its revocation`);
  }

  /**
   * Pictures to the bridge must belong to an offered clip of a grant and its window, and must not be sent after the doorbell got the
   * revocation. The promise allows for data that a machine's network has buffered; the simulated network buffers hardly anything.
   */
  private pictures(
    { home, offered }: Seen,
    { sentUs }: Piece,
    { marks, grant }: { marks: readonly number[]; grant: string | null },
  ): void {
    const order = grant === null || !offered.has(grant) ? undefined : grantOrderOf(home, grant);
    if (!order?.window) {
      this.breach('1', `${home.plan.name} sent pictures before it had offered a granted clip`);
      return;
    }
    if (sealingOf(order) !== null) {
      this.breach('9', `${home.plan.name} sent pictures of ${grant} that the bridge can read`);
      return;
    }
    for (const mark of marks) {
      this.granted.add(mark);
      if (!this.isFilmed(home, mark, order.window.startUs, order.window.endUs))
        this.breach('2', `${home.plan.name} sent a picture that is outside of the window of ${grant}`);
    }
    const revokedUs = this.orders.revokedUs(home, order.jti);
    if (revokedUs !== null && sentUs > revokedUs)
      this.breach('8', `${home.plan.name} went on sending pictures after it had the revocation of ${grant}`);
  }

  /** 9: a fact may only be read by the bridge if it was granted to a recipient whose clips are not encrypted. */
  private fact({ home, told }: Seen, key: DisclosureKey, grant: string | null): void {
    const order = grant === null ? undefined : grantOrderOf(home, grant);
    if (order && sealingOf(order) === null && order.disclose?.includes(key)) told.add(key);
    else this.breach('9', `${home.plan.name} sent its ${key} readably under ${grant ?? 'no grant'}`);
  }

  /** An offered clip must be exactly what one grant of its owner allows, recorded durably, and always the same. */
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
    const sealed = asRecord(claims['sealed']);
    if ((sealingOf(order)?.key ?? '') !== String(sealed['recipientKey'] ?? ''))
      this.breach('9', `${name} offers a clip that is not encrypted as ${grant} says`);
    const named = { disclosed: {}, ...claims } as Pick<Manifest, 'disclosed' | 'sealed'>;
    const disclosed = [...disclosedKeys(named)].sort();
    if (disclosed.join() !== [...(order.disclose ?? [])].sort().join())
      this.breach('3', `${name} discloses ${disclosed.join(', ') || 'nothing'} under ${grant}`);
    const presented = `"type":"token-presented","body":{"request":"${order.request}","grant":"${grant}"}`;
    for (const held of [grant, presented]) {
      if (!home.disk.durablyHolds(home.ledgerFolder, utf8(held)))
        this.breach('6', `${name} offers the clip of ${grant} before its ledger holds ${held} durably`);
    }
    const before = offered.get(grant);
    if (before !== undefined && before !== manifest) this.breach('7', `${name} offers a second clip under ${grant}`);
    offered.set(grant, manifest);
  }

  /** Numbers of the GOPs whose first picture is in `bytes`. */
  private marksIn(bytes: Uint8Array): number[] {
    if (bytes.length < MARK_BYTES) return [];
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return this.marks.flatMap((mark, at) => (buffer.includes(mark) ? [at] : []));
  }

  /** Whether the home filmed the first picture of this GOP from `startUs` on and before `endUs`, to the microsecond by its own clock. */
  private isFilmed(home: WatchedHome, mark: number, startUs: number, endUs: number): boolean {
    const count = this.marks.length;
    return home.filmedFromUs.some((fromUs) => {
      const first = Math.max(0, Math.ceil((startUs - fromUs) / GOP_US));
      const last = Math.ceil((endUs - fromUs) / GOP_US) - 1;
      for (let gop = first; gop <= last; gop += 1) if (gop % count === mark) return true;
      return false;
    });
  }
}

function grantOrderOf(home: Pick<SimulatedHome, 'orders'>, grant: string): SignedOrder | undefined {
  return home.orders.find((order) => order.kind === 'grant' && order.jti === grant);
}

/** How the clip of a grant is encrypted; null: not at all. */
function sealingOf({ token }: SignedOrder): Sealing | null {
  return (asRecord(parseToken(token)?.claims)['recipient'] as Partial<Grant['recipient']> | undefined)?.sealing ?? null;
}

/** A text as it is, and inside of base64url, as in signed messages: its letters there depend on how many bytes stand before it. */
function formsOf(text: string): Buffer[] {
  const encoded = [0, 1, 2].map((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]);
    return bytes.toString('base64url').slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6));
  });
  return [text, ...encoded].map((form) => Buffer.from(form));
}

function factsIn(bytes: Uint8Array, facts: readonly Fact[]): DisclosureKey[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return facts.flatMap(({ key, forms }) => (forms.some((form) => buffer.includes(form)) ? [key] : []));
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
