// A gate in use as the target of forgeries: with pending, granted, denied, revoked, cancelled and unlawful requests; and the valid messages
// that forgeries start from.
import { sha256Hex } from '../../../../device/base/keys.ts';
import type { SeededRandom } from '../../../../device/base/random.ts';
import type { LiveGrant } from '../../../../device/consent/live-grant.ts';
import type { ErrorCode } from '../../../../device/contract/errors.ts';
import type { TokenType } from '../../../../device/contract/jws.ts';
import { CommandAction, mustNameLastOrder } from '../../../../device/contract/owner-orders.ts';
import type { Credential, PublishedRequest, Request } from '../../../../device/contract/request.ts';
import { Window } from '../../../../device/contract/shared-claims.ts';
import { GateRig } from '../../../device/consent/gate-rig.ts';
import { Cast, claimsOf, makeParty, type Party, textClaim } from '../../../support/parties.ts';
import { rawToken } from './raw-token.ts';

export type Claims = Record<string, unknown>;

/** An agency's request, with everything that a grant of it must contain. */
export interface Asked {
  id: string;
  token: string;
  sha256: string;
  key: string;
  window: Window;
  published: PublishedRequest;
}

/** A message that the gate would execute. */
export interface Base {
  link: 'home' | 'area';
  topic: string;
  typ: TokenType;
  claims: Claims;
  signer: Party;
}

const MINUTE_US = 60_000_000;

/** Agencies that may not request, each with its reason. */
const TRAPS: { code: ErrorCode; credential: (nowS: number) => Partial<Credential> }[] = [
  { code: 'consent_agency_ineligible', credential: () => ({ jurisdiction: 'federal' }) },
  { code: 'consent_agency_ineligible', credential: () => ({ jurisdiction: 'state' }) },
  { code: 'consent_credential_expired', credential: (nowS) => ({ iat: nowS - 3_600, exp: nowS - 1 }) },
  { code: 'consent_credential_invalid', credential: (nowS) => ({ exp: nowS + 24 * 3_600 + 1 }) },
  { code: 'consent_credential_invalid', credential: (nowS) => ({ iat: nowS + 40_000, exp: nowS + 80_000 }) },
  { code: 'consent_credential_invalid', credential: () => ({ scopes: [] }) },
  { code: 'consent_credential_invalid', credential: () => ({ scopes: ['community-requests'] }) },
  { code: 'consent_agency_revoked', credential: () => ({ revision: 1 }) },
];

export class Scene {
  readonly rig: GateRig;
  readonly cast: Cast;
  /** The parties of another place. */
  readonly strangers: Cast;
  /** A removed owner of this device. */
  readonly former: Party;
  /** Requests of agencies that may not request, with the expected code. */
  traps: { code: ErrorCode; asked: Asked }[] = [];
  /** Waits for its answer. */
  pending!: Asked;
  /** Waits, too; a grant of it was revoked before it arrived. */
  other!: Asked;
  ahead = '';
  /** Has a valid grant. */
  granted!: Asked;
  grantedToken = '';
  live!: LiveGrant;
  /** Granted and revoked. */
  spent!: Asked;
  spentToken = '';
  denied!: Asked;
  cancelled!: Asked;
  expired!: Asked;
  /** Never published: for forged area documents. */
  fresh!: Asked;
  /** The accepted area document and revocation list. */
  document = '';
  list = '';
  revision = 0;
  private readonly barred: Party[];
  private number = 0;
  private openIds: string[] = [];

  private constructor(rig: GateRig, random: SeededRandom) {
    this.rig = rig;
    this.cast = rig.cast;
    this.strangers = new Cast(rig.clock, random, rig.cast.place);
    this.former = makeParty('owner', random);
    this.barred = TRAPS.map(() => makeParty('agency', random));
  }

  static async open(random: SeededRandom): Promise<Scene> {
    const scene = new Scene(await GateRig.open(random), random);
    const { rig, cast, former } = scene;
    await rig.ready();
    await rig.gate.pair(former.key.publicKey, 'Sam');
    await rig.command(cast.command({ action: 'remove-owner', key: former.key.publicKey }));
    await scene.renew();
    return scene;
  }

  get nowS(): number {
    return this.cast.nowS();
  }

  /** An unused id. */
  freshId(): string {
    this.number += 1;
    return `fresh-${this.number}`;
  }

  /** Ends everything, and sets up the same scene with new requests by valid messages. */
  async renew(): Promise<void> {
    const { rig, cast } = this;
    const last = this.openIds;
    if (this.grantedToken) await rig.send('revoke', cast.revoke(this.grantedToken));
    // Long campaigns last a day: retained messages must be older than this, but not expired.
    await rig.command(cast.command({ action: 'privacy', on: false }));
    const good = () => this.ask();
    const { startUs, endUs } = cast.window();
    this.other = this.ask({ window: { startUs: startUs - 60 * MINUTE_US, endUs: endUs - 60 * MINUTE_US } });
    [this.pending, this.granted] = [good(), good()];
    [this.spent, this.denied, this.cancelled, this.fresh] = [good(), good(), good(), good()];
    this.expired = this.ask({ exp: this.nowS + 1 });
    this.traps = TRAPS.map(({ code, credential }, at) => {
      const agency = this.barred[at] ?? cast.agency;
      return { code, asked: this.ask({}, agency, credential(this.nowS)) };
    });
    const revoked = [{ agency: this.barred.at(-1)?.id ?? '', upToRevision: 1 }];
    this.revision += 10;
    this.list = cast.revocations({ revision: this.revision, revoked });
    await rig.revocations(this.list);
    const open = [this.pending, this.other, this.granted, this.spent, this.denied, this.cancelled, this.expired];
    await this.publish([...open, ...this.traps.slice(0, 2).map(({ asked }) => asked)], last);
    await this.publish(this.traps.slice(2).map(({ asked }) => asked));
    this.openIds = [...open, ...this.traps.map(({ asked }) => asked)].map(({ id }) => id);
    this.grantedToken = this.sign('doorsill-grant+jws', this.grantClaims(this.granted), cast.owner);
    await rig.send('grant', this.grantedToken);
    const live = rig.effects.made.at(-1);
    if (!live) throw new Error(`the scene's own grant was refused: ${JSON.stringify(rig.effects.receipts.at(-1))}`);
    this.live = live;
    this.spentToken = this.sign('doorsill-grant+jws', this.grantClaims(this.spent), cast.owner);
    await rig.send('grant', this.spentToken);
    await rig.send('revoke', cast.revoke(this.spentToken));
    await rig.send('deny', cast.denial(this.denied.token));
    this.ahead = this.sign('doorsill-grant+jws', this.grantClaims(this.other), cast.owner);
    await rig.send('revoke', cast.revoke(this.ahead));
    await rig.clock.advance(10_000);
    await this.publish([], [this.cancelled.id]);
  }

  private async publish(asked: readonly Asked[], cancelled: string[] = []): Promise<void> {
    this.revision += 1;
    const changes = { revision: this.revision, cancelled, exp: this.nowS + 12 * 3_600 };
    const published = asked.map((one) => one.published);
    this.document = this.cast.areaDocument(published, changes);
    await this.rig.area(this.document);
  }

  /** A request with its credential and publication, all validly signed. */
  ask(changes: Partial<Request> = {}, agency = this.cast.agency, credential: Partial<Credential> = {}): Asked {
    const { cast } = this;
    const token = cast.request({ ...changes }, agency);
    const credentialToken = cast.credential({ agency: agency.id, key: agency.key.publicKey, ...credential });
    return this.asked(token, agency.key.publicKey, cast.published(token, credentialToken));
  }

  asked(token: string, key: string, published: PublishedRequest): Asked {
    const window = Window.parse(claimsOf(token)['window']);
    return { id: textClaim(token, 'jti'), token, sha256: sha256Hex(token), key, window, published };
  }

  sign(typ: TokenType, claims: Claims, by: Party): string {
    return rawToken({ alg: 'EdDSA', typ }, claims, by.key);
  }

  consentTopic(request: string, action: 'grant' | 'deny' | 'revoke'): string {
    return this.rig.topics.consent(this.cast.device.id, request, action);
  }

  /** Claims of a valid grant of a request, with a fresh id. */
  grantClaims(asked: Asked, changes: Claims = {}): Claims {
    const { startUs, endUs } = asked.window;
    return {
      ...this.orderClaims('grant'),
      // A scene lasts as long as its documents, one a second.
      exp: this.nowS + 6 * 3_600,
      request: asked.id,
      requestSha256: asked.sha256,
      recipient: { kind: 'agency', key: asked.key },
      window: { startUs: startUs + MINUTE_US, endUs: endUs - MINUTE_US },
      audio: true,
      zones: [],
      disclose: ['address', 'email'],
      byteLimit: 450_000_000,
      ...changes,
    };
  }

  denialClaims(asked: Asked, changes: Claims = {}): Claims {
    return { ...this.orderClaims('deny'), request: asked.id, requestSha256: asked.sha256, ...changes };
  }

  revokeClaims(changes: Claims = {}): Claims {
    const { exp: _, ...claims } = this.orderClaims('revoke');
    const { facts } = this.live;
    const grant = { request: this.granted.id, grant: facts.grant.jti, grantSha256: sha256Hex(this.grantedToken) };
    return { ...claims, ...grant, ...changes };
  }

  commandClaims(command: Claims, changes: Claims = {}): Claims {
    const known = CommandAction.safeParse(command);
    const after = known.success && mustNameLastOrder(known.data) ? { after: this.rig.gate.lastOrder } : {};
    return { ...this.orderClaims('command'), command, ...after, ...changes };
  }

  documentClaims(changes: Claims = {}): Claims {
    const { nowS, cast } = this;
    return {
      iss: cast.bridge.key.publicKey,
      aud: 'public',
      iat: nowS,
      exp: nowS + 1_800,
      cell: cast.cell,
      revision: this.revision,
      part: 1,
      parts: 1,
      requests: [this.fresh.published],
      cancelled: [],
      ...changes,
    };
  }

  listClaims(changes: Claims = {}): Claims {
    const { nowS, cast } = this;
    const revoked = [{ agency: cast.agency.id, upToRevision: 9 }];
    const claims = { iss: cast.registry.key.publicKey, aud: 'public', iat: nowS, exp: nowS + 3_600 };
    return { ...claims, revision: this.revision + 1, revoked, ...changes };
  }

  /** One of each message that would have an effect if accepted. */
  bases(): Base[] {
    const { cast, rig, pending } = this;
    const owner = { link: 'home', signer: cast.owner } as const;
    const area = { link: 'area', topic: rig.topics.areaRequests(cast.cell, 1), signer: cast.bridge } as const;
    const command = { ...owner, topic: rig.topics.command(cast.device.id), typ: 'doorsill-command+jws' } as const;
    const key = this.strangers.owner.key.publicKey;
    return [
      {
        ...owner,
        topic: this.consentTopic(pending.id, 'grant'),
        typ: 'doorsill-grant+jws',
        claims: this.grantClaims(pending),
      },
      {
        ...owner,
        topic: this.consentTopic(pending.id, 'deny'),
        typ: 'doorsill-denial+jws',
        claims: this.denialClaims(pending),
      },
      {
        ...owner,
        topic: this.consentTopic(this.granted.id, 'revoke'),
        typ: 'doorsill-revoke+jws',
        claims: this.revokeClaims(),
      },
      { ...command, claims: this.commandClaims({ action: 'forget' }) },
      { ...command, claims: this.commandClaims({ action: 'privacy', on: true }) },
      { ...command, claims: this.commandClaims({ action: 'add-owner', key, name: 'Mallory' }) },
      { ...area, typ: 'doorsill-area+jws', claims: this.documentClaims() },
      { ...area, typ: 'doorsill-area+jws', claims: this.documentClaims({ requests: [], cancelled: [pending.id] }) },
      {
        link: 'area',
        topic: rig.topics.revocations,
        signer: cast.registry,
        typ: 'doorsill-revocations+jws',
        claims: this.listClaims(),
      },
    ];
  }

  private orderClaims(kind: string): Claims {
    const { nowS, cast } = this;
    const jti = this.freshId();
    return {
      iss: cast.owner.key.publicKey,
      aud: cast.device.id,
      iat: nowS,
      exp: nowS + 600,
      jti: `${kind}-${jti}`,
    };
  }

  async close(): Promise<void> {
    await this.rig.close();
  }
}
