// A captured bridge's lies to doorbells, alone or with captured agencies: false receipts, offsets and places; forged and changed requests,
// lists and grants, all signed with its real key.

import { join } from 'node:path';
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { importSigningKey, type SigningKey, sha256Hex } from '@doorsill/base/keys';
import { freshId, integerBelow, type Random } from '@doorsill/base/random';
import { ENDED_PARTNERS } from '@doorsill/contract/built-in-ended-partners';
import { parseToken, signToken } from '@doorsill/contract/jws';
import { type IntakeReceipt, Manifest } from '@doorsill/contract/manifest';
import { Credential, PublishedRequest } from '@doorsill/contract/request';
import { PUBLIC_AUDIENCE, type Window } from '@doorsill/contract/shared-claims';
import { DEFAULT_PREFIX } from '@doorsill/contract/topics';
import { failure } from 'doorsill/errors';
import { agencyId } from 'doorsill/officer/agency-client';
import type { MemoryNetwork } from './memory-network.ts';
import { messagesIn, packetOf } from './mqtt-packets.ts';
import type { Lie } from './plan.ts';
import type { SimulatedAgencies } from './simulated-agencies.ts';
import type { SimulatedHome } from './simulated-home.ts';
import type { SimulatedServices } from './simulated-services.ts';

const KEY_BYTES_MAX = 200;
/** A captured agency requests this much more time, and every fact. */
const WIDER_US = 15 * 60_000_000;
const DOCUMENT_LIFE_S = 3_600;
const REQUESTS_MAX = 50;
/** More documents than a doorbell processes before the next ones come, but fewer than it lets wait. */
const FLOOD = 330;
const HOUR_US = 3_600_000_000;
/** The simulated agencies are not registered for this retention. */
const UNREGISTERED_RETENTION = 'noise';
/** An owner who is talked into a grant sends it this much later, when the home has the request. */
const TALKED_MS = 1_000;

export interface CapturedBridgeDeps {
  clock: Clock;
  random: Random;
  network: MemoryNetwork;
  services: SimulatedServices;
  agencies: SimulatedAgencies;
}

/** A home's request that waits for its answer. */
interface Asked {
  readonly method: string;
  readonly path: string;
  text: string;
}

/** A home's offered clip under a grant. */
interface Offered {
  readonly manifest: string;
  readonly statement: string;
}

type Claims = Record<string, unknown>;

export class CapturedBridge {
  private readonly deps: CapturedBridgeDeps;
  private readonly key: SigningKey;
  private readonly asked = new Map<string, Asked>();
  private readonly offered = new Map<string, Offered>();
  /** The lie that answers each home for now. */
  private readonly answering = new Map<string, Lie>();
  /** The honest bridge's last document, and each request that it ever published. */
  private document: { topic: string; claims: Claims } | null = null;
  private list: { topic: string; claims: Claims } | null = null;
  private readonly published = new Map<string, PublishedRequest>();

  private constructor(deps: CapturedBridgeDeps, key: SigningKey) {
    this.deps = deps;
    this.key = key;
  }

  /** Captures the bridge of a started run, whose key is then known. */
  static async capture(deps: CapturedBridgeDeps): Promise<CapturedBridge> {
    const { services } = deps;
    const secret = await services.disk.readFile(join(services.path('bridge'), 'signing.key'), KEY_BYTES_MAX);
    const key = importSigningKey(new TextDecoder().decode(secret ?? new Uint8Array(0)).trim());
    if (!key) throw failure('internal', { detail: 'the bridge has no key that could be stolen' });
    return new CapturedBridge(deps, key);
  }

  /** Notes what a home sends to the bridge. */
  record(home: string, bytes: Uint8Array): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const [, method, path] = /^(GET|HEAD|POST|PATCH|DELETE) (\S+) HTTP\/1/.exec(text) ?? [];
    const begun = method !== undefined && path !== undefined ? { method, path, text: '' } : null;
    const asked = begun ?? this.asked.get(home);
    if (!asked) return;
    asked.text += text;
    this.asked.set(home, asked);
    // A long request comes in several pieces.
    const manifest = /"manifest":"([\w.-]+)"/.exec(asked.text)?.[1];
    const statement = /"statement":"([\w.-]+)"/.exec(asked.text)?.[1] ?? '';
    if (manifest === undefined) return;
    const grant = claimsIn(String(claimsIn(manifest)['grant']))['jti'];
    if (typeof grant === 'string') this.offered.set(grant, { manifest, statement });
  }

  /** Notes the bridge's documents as the broker delivers them. */
  learn(bytes: Uint8Array): void {
    for (const { topic, payload } of messagesIn(bytes)) {
      if (!topic.startsWith(`${DEFAULT_PREFIX}/area/`)) continue;
      const claims = claimsIn(Buffer.from(payload).toString('latin1'));
      if (topic.endsWith('/revocations')) this.list = { topic, claims };
      const requests = PublishedRequest.array().safeParse(claims['requests']);
      if (!topic.endsWith('/requests') || !requests.success) continue;
      this.document = { topic, claims };
      if (this.published.size < REQUESTS_MAX)
        for (const one of requests.data) this.published.set(String(claimsIn(one.request)['jti']), one);
    }
  }

  /** Tells a home one lie: false answers for a while, or a document now. */
  async lieTo(home: SimulatedHome, lie: Lie, forMs: number): Promise<void> {
    const { name } = home.plan;
    this.publish(home, lie);
    this.answering.set(name, lie);
    await this.deps.clock.sleep(forMs);
    this.answering.delete(name);
  }

  /** Replaces the honest bridge's answer to a home. */
  answered(home: string, bytes: Uint8Array): Uint8Array {
    const lie = this.answering.get(home);
    const asked = this.asked.get(home);
    const isAnswer = Buffer.from(bytes.subarray(0, 5)).toString('latin1') === 'HTTP/';
    return (lie && asked && isAnswer ? this.falseAnswer(lie, asked) : null) ?? bytes;
  }

  private falseAnswer(lie: Lie, asked: Asked): Uint8Array | null {
    const { method, path } = asked;
    const isUpload = path.startsWith('/v1/uploads/');
    const isIntake = /^\/v1\/intakes(\/[\w-]+)?$/.test(path) && method !== 'HEAD';
    const isRevocation = path.endsWith('/revocation');
    switch (lie) {
      case 'says that it is stored':
        return isIntake ? this.status(asked, 'stored', {}) : null;
      case 'says that another clip is stored':
        return isIntake ? this.status(asked, 'stored', { clipSha256: sha256Hex(''), clipBytes: 1 }) : null;
      case 'says that it is deleted':
        return isRevocation ? this.status(asked, 'deleted', {}) : null;
      case 'keeps what was revoked':
        return isRevocation ? this.status(asked, 'stored', {}) : null;
      case 'wants it again':
        return isUpload ? answer('404 Not Found', {}) : null;
      case 'wants it elsewhere':
        if (method !== 'POST' || path !== '/v1/uploads') return null;
        return answer('201 Created', { location: 'http://127.0.0.1:8102/v1/uploads/elsewhere' });
      case 'wants another part':
        return isUpload ? this.offset(asked) : null;
      default:
        return null;
    }
  }

  /** The status of the requested grant, with a receipt signed by the bridge. */
  private status(asked: Asked, outcome: 'stored' | 'deleted', other: Partial<IntakeReceipt>): Uint8Array | null {
    const { clock, random } = this.deps;
    const named = /\/v1\/intakes\/([\w-]+)/.exec(asked.path)?.[1];
    const [grant = '', offered] =
      [...this.offered].find(([id, { manifest }]) => id === named || asked.text.includes(manifest)) ?? [];
    const manifest = Manifest.safeParse(claimsIn(offered?.manifest ?? ''));
    if (!offered || !manifest.success) return null;
    const { device, clipSha256, clipBytes } = manifest.data;
    const claims = {
      ...{ iss: this.key.publicKey, aud: device, iat: wallSeconds(clock), jti: freshId(random, 'intake') },
      ...{ grant, outcome, clipSha256, clipBytes, manifestSha256: sha256Hex(offered.manifest) },
      ...(outcome === 'stored' ? { statementSha256: sha256Hex(offered.statement) } : {}),
      ...other,
    };
    const receipt = signToken('doorsill-intake+jws', claims, this.key);
    return answer('200 OK', { 'content-type': 'application/json' }, JSON.stringify({ grant, state: outcome, receipt }));
  }

  private offset({ method, text }: Asked): Uint8Array {
    const bearer = /authorization: bearer ([\w.-]+)/i.exec(text)?.[1] ?? '';
    const length = Number(claimsIn(bearer)['clipBytes']);
    const from = Number(/upload-offset: (\d+)/i.exec(text)?.[1] ?? 0);
    const at = method === 'HEAD' ? integerBelow(this.deps.random, length + 1) : from + 1;
    const head = { 'tus-resumable': '1.0.0', 'upload-offset': String(at), 'upload-length': String(length) };
    return answer(method === 'HEAD' ? '200 OK' : '204 No Content', head);
  }

  private publish(home: SimulatedHome, lie: Lie): void {
    const last = [...this.published.values()].at(-1);
    const changed = last ? this.changedRequest(lie, claimsIn(last.request), last.credential) : null;
    if (changed) this.sayDocument(home, [changed], []);
    if (changed && lie.startsWith('talks an owner into'))
      home.owner.talkedInto(changed.request, TALKED_MS, {
        window: lie === 'talks an owner into time to come' ? this.toCome() : undefined,
        sealing: Credential.safeParse(claimsIn(changed.credential)).data?.sealing,
      });
    for (let more = lie === 'publishes without end' ? FLOOD : 0; more > 0; more -= 1)
      this.sayDocument(home, [], [], more);
    if (lie === 'publishes again what has ended') this.sayDocument(home, [...this.published.values()], []);
    if (lie === 'says that no agency has ended') this.sayList(home);
    if (lie === 'grants in the owner’s place') this.sayGrant(home);
  }

  /** A published request, changed by a lie; null if the lie concerns something else. */
  private changedRequest(lie: Lie, claims: Claims, credential: string): PublishedRequest | null {
    const { enteredKeys } = this.deps.agencies;
    const own = enteredKeys.find((key) => agencyId(key) === claims['agency']);
    const other = enteredKeys.find((key) => agencyId(key) !== claims['agency']);
    switch (lie) {
      case 'publishes a forged agency’s request':
        return this.forged(claims, credential);
      case 'publishes another agency’s request under its id':
        return other ? this.asPublished(ofAgency(claims, other), other, this.credentialOf(other) ?? credential) : null;
      case 'publishes a wider request under its id':
        return own ? this.asPublished(wider(claims), own, credential) : null;
      case 'publishes a request of an ended partner': {
        const jti = freshId(this.deps.random, 'request');
        return own ? this.asPublished({ ...claims, jti, partner: ENDED_PARTNERS[0]?.id }, own, credential) : null;
      }
      case 'talks an owner into more than its agency may ask': {
        const jti = freshId(this.deps.random, 'request');
        return own ? this.asPublished({ ...claims, jti, retention: UNREGISTERED_RETENTION }, own, credential) : null;
      }
      case 'talks an owner into time to come': {
        const jti = freshId(this.deps.random, 'request');
        const { startUs } = asClaims(claims['window']);
        return own
          ? this.asPublished({ ...claims, jti, window: { ...this.toCome(), startUs } }, own, credential)
          : null;
      }
      default:
        return null;
    }
  }

  /** The hour that begins now. */
  private toCome(): Window {
    const startUs = this.deps.clock.wallUs();
    return { startUs, endUs: startUs + HOUR_US };
  }

  private asPublished(claims: Claims, key: SigningKey, credential: string): PublishedRequest {
    const request = signToken('doorsill-request+jws', claims, key);
    const published = { request: claims['jti'], requestSha256: sha256Hex(request) };
    return {
      request,
      credential,
      publication: signToken('doorsill-publication+jws', this.publicly(published), this.key),
    };
  }

  /** A request of an unregistered agency under a new id, with a credential signed by the bridge. */
  private forged(claims: Claims, credential: string): PublishedRequest {
    const { agencies, random } = this.deps;
    const [stranger] = agencies.strangerKeys;
    const key = stranger ?? this.key;
    const jti = freshId(random, 'request');
    const forged = { ...claimsIn(credential), iss: this.key.publicKey, agency: agencyId(key), key: key.publicKey };
    const token = signToken('doorsill-credential+jws', forged, this.key);
    const published = this.asPublished({ ...ofAgency(claims, key), jti }, key, token);
    agencies.unlawful.add(sha256Hex(published.request));
    return published;
  }

  /** An agency's credential, as it was once published. */
  private credentialOf(key: SigningKey): string | null {
    const known = [...this.published.values()].find(({ credential }) => claimsIn(credential)['key'] === key.publicKey);
    return known?.credential ?? null;
  }

  /** `longerS`: extra lifetime, so that its key is unique. */
  private sayDocument(
    home: SimulatedHome,
    requests: readonly PublishedRequest[],
    cancelled: readonly string[],
    longerS = 0,
  ): void {
    const { document } = this;
    if (!document) return;
    const claims = { ...document.claims, ...this.publicly({ requests, cancelled }), ...this.life(longerS) };
    this.inject(home, document.topic, signToken('doorsill-area+jws', claims, this.key), true);
  }

  private sayList(home: SimulatedHome): void {
    const { list } = this;
    if (!list) return;
    const revision = Number(list.claims['revision']) + 1;
    const claims = { ...list.claims, ...this.publicly({ revision, revoked: [] }), ...this.life() };
    this.inject(home, list.topic, signToken('doorsill-revocations+jws', claims, this.key), true);
  }

  /** An owner's former grant, with more time, signed by the bridge in its own name or in the owner's. */
  private sayGrant(home: SimulatedHome): void {
    const { random } = this.deps;
    const manifest = [...this.offered.values()].at(-1)?.manifest;
    const token = String(claimsIn(manifest ?? '')['grant']);
    const claims = claimsIn(token);
    const request = claims['request'];
    if (typeof request !== 'string') return;
    const iss = random.fraction() < 0.5 ? claims['iss'] : this.key.publicKey;
    const grant = { ...wider(claims), iss, jti: freshId(random, 'grant'), aud: home.device.id };
    const topic = `${DEFAULT_PREFIX}/home/${home.device.id}/consent/${request}/grant`;
    this.inject(home, topic, signToken('doorsill-grant+jws', grant, this.key), false);
  }

  private publicly(claims: Claims): Claims {
    return { iss: this.key.publicKey, aud: PUBLIC_AUDIENCE, iat: wallSeconds(this.deps.clock), ...claims };
  }

  private life(longerS = 0): Claims {
    return { exp: wallSeconds(this.deps.clock) + DOCUMENT_LIFE_S + longerS };
  }

  private inject(home: SimulatedHome, topic: string, token: string, retained: boolean): void {
    const payload = Buffer.from(token, 'latin1');
    this.deps.network.inject('broker', home.plan.name, packetOf({ topic, payload, retained }));
  }
}

function ofAgency(claims: Claims, key: SigningKey): Claims {
  return { ...claims, iss: key.publicKey, agency: agencyId(key) };
}

/** The claims of a request or a grant, with more time. */
function wider(claims: Claims): Claims {
  const { startUs, endUs } = asClaims(claims['window']);
  const window = { startUs: Number(startUs) - WIDER_US, endUs: Number(endUs) };
  return { ...claims, window };
}

function answer(status: string, head: Record<string, string>, body = ''): Uint8Array {
  const lines = Object.entries({ ...head, 'content-length': String(body.length) });
  return Buffer.from(
    `HTTP/1.1 ${status}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
}

function claimsIn(token: string): Claims {
  return asClaims(parseToken(token)?.claims);
}

function asClaims(value: unknown): Claims {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
