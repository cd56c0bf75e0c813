// The cast of a test: keys of every actor and the documents they sign, valid unless a test says otherwise.
import { z } from 'zod';
import type { Clock } from '../../device/base/clock.ts';
import { wallSeconds } from '../../device/base/clock.ts';
import { generateSigningKey, type SigningKey, sha256, sha256Hex } from '../../device/base/keys.ts';
import { freshId, type Random, SystemRandom } from '../../device/base/random.ts';
import { cellOf, type Place } from '../../device/contract/area-cells.ts';
import { toBase64url } from '../../device/contract/bytes.ts';
import { commitmentOf, SALT_BYTES } from '../../device/contract/commitment.ts';
import { actorId, type Role } from '../../device/contract/ids.ts';
import { parseToken, signToken, type TokenType } from '../../device/contract/jws.ts';
import type { IntakeReceipt, Manifest } from '../../device/contract/manifest.ts';
import {
  type Command,
  type CommandAction,
  type Denial,
  type Grant,
  mustNameLastOrder,
  type Pairing,
  type Revoke,
} from '../../device/contract/owner-orders.ts';
import type {
  AreaDocument,
  Credential,
  Polygon,
  PublishedRequest,
  Request,
  Revocations,
} from '../../device/contract/request.ts';
import { PUBLIC_AUDIENCE, Window } from '../../device/contract/shared-claims.ts';
import { statementClaims } from '../../device/contract/statement-from-manifest.ts';

/** Somebody with a key and the id that follows from it. */
export interface Party {
  id: string;
  key: SigningKey;
}

export function makeParty(role: Role, random: Random): Party {
  const key = generateSigningKey(random);
  return { id: actorId(role, sha256Hex(key.publicKey)), key };
}

/** Where the tests' home stands, unless a test says otherwise. */
export const HOME: Place = { longitude: -122.4194, latitude: 37.7749 };

/** A square of about 800 m around a place. */
export function squareAround(place: Place, halfDeg = 0.0036): Polygon {
  const [west, east] = [place.longitude - halfDeg, place.longitude + halfDeg];
  const [south, north] = [place.latitude - halfDeg, place.latitude + halfDeg];
  return {
    type: 'Polygon',
    coordinates: [
      [
        [west, south],
        [east, south],
        [east, north],
        [west, north],
        [west, south],
      ],
    ],
  };
}

/** The claims of a token, unchecked: tests look into what they made themselves. */
export function claimsOf(token: string): Record<string, unknown> {
  const claims = parseToken(token)?.claims;
  if (typeof claims !== 'object' || claims === null) throw new Error('not a token');
  return { ...claims };
}

/** A claim that is a text. */
export function textClaim(token: string, name: string): string {
  const value = claimsOf(token)[name];
  if (typeof value !== 'string') throw new Error(`no claim ${name}`);
  return value;
}

/** One of each actor. Every document method signs with the right key and takes claims that replace the valid ones. */
export class Cast {
  readonly device: Party;
  readonly owner: Party;
  readonly agency: Party;
  readonly registry: Party;
  readonly bridge: Party;
  readonly vault: Party;
  readonly place: Place;
  readonly cell: string;
  private readonly clock: Clock;
  private readonly random: Random;
  private areaRevision = 1;
  /** The device's last accepted order, which commands name; absent: they name none. */
  lastOrder: (() => string) | undefined;

  constructor(clock: Clock, random: Random = new SystemRandom(), place: Place = HOME) {
    this.clock = clock;
    this.random = random;
    this.place = place;
    this.cell = cellOf(place);
    this.device = makeParty('device', random);
    this.owner = makeParty('owner', random);
    this.agency = makeParty('agency', random);
    this.registry = makeParty('registry', random);
    this.bridge = makeParty('bridge', random);
    // Not drawn from the seed: the published examples stay as they are.
    this.vault = makeParty('vault', new SystemRandom());
  }

  nowS(): number {
    return wallSeconds(this.clock);
  }

  /** The default requested window: from 30 to 10 minutes ago. */
  window(): Window {
    const nowUs = this.nowS() * 1_000_000;
    return { startUs: nowUs - 30 * 60_000_000, endUs: nowUs - 10 * 60_000_000 };
  }

  sign(typ: TokenType, claims: object, by: Party): string {
    return signToken(typ, claims, by.key);
  }

  credential(changes: Partial<Credential> = {}, by: Party = this.registry): string {
    const claims: Credential = {
      iss: by.key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: this.nowS(),
      exp: this.nowS() + 12 * 3600,
      agency: this.agency.id,
      key: this.agency.key.publicKey,
      name: 'Springfield Police Department',
      jurisdiction: 'municipal',
      domain: 'springfield.example',
      scopes: ['community-request'],
      revision: 1,
      ...changes,
    };
    return this.sign('doorsill-credential+jws', claims, by);
  }

  request(changes: Partial<Request> = {}, by: Party = this.agency): string {
    const claims: Request = {
      iss: by.key.publicKey,
      aud: this.bridge.id,
      iat: this.nowS(),
      exp: this.nowS() + 7 * 24 * 3600,
      jti: freshId(this.random, 'request'),
      agency: by.id,
      investigation: 'SPD-2026-0117',
      incidentType: 'package theft',
      text: 'A parcel was taken from a porch. Did your camera see the street?',
      contact: { name: 'Det. Rivera', email: 'rivera@springfield.example' },
      area: squareAround(this.place),
      window: this.window(),
      profile: 'address-and-email',
      retention: 'theft',
      ...changes,
    };
    return this.sign('doorsill-request+jws', claims, by);
  }

  publication(requestToken: string, by: Party = this.bridge): string {
    const claims = {
      iss: by.key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: this.nowS(),
      request: textClaim(requestToken, 'jti'),
      requestSha256: sha256Hex(requestToken),
    };
    return this.sign('doorsill-publication+jws', claims, by);
  }

  published(requestToken: string = this.request(), credentialToken: string = this.credential()): PublishedRequest {
    return { request: requestToken, credential: credentialToken, publication: this.publication(requestToken) };
  }

  /** The cell's document; its revision grows with each call. */
  areaDocument(
    requests: readonly PublishedRequest[],
    changes: Partial<AreaDocument> = {},
    by: Party = this.bridge,
  ): string {
    const claims: AreaDocument = {
      iss: by.key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: this.nowS(),
      exp: this.nowS() + 1800,
      cell: this.cell,
      revision: this.areaRevision++,
      part: 1,
      parts: 1,
      requests: [...requests],
      cancelled: [],
      ...changes,
    };
    return this.sign('doorsill-area+jws', claims, by);
  }

  revocations(changes: Partial<Revocations> = {}, by: Party = this.registry): string {
    const claims: Revocations = {
      iss: by.key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: this.nowS(),
      exp: this.nowS() + 24 * 3600,
      revision: 1,
      revoked: [],
      ...changes,
    };
    return this.sign('doorsill-revocations+jws', claims, by);
  }

  /** A grant of the middle of the request's window (one minute before and after left out), address and email disclosed. */
  grant(requestToken: string, changes: Partial<Grant> = {}, by: Party = this.owner): string {
    const asked = Window.parse(claimsOf(requestToken)['window']);
    const claims: Grant = {
      iss: by.key.publicKey,
      aud: this.device.id,
      iat: this.nowS(),
      exp: this.nowS() + 24 * 3600,
      jti: freshId(this.random, 'grant'),
      request: textClaim(requestToken, 'jti'),
      requestSha256: sha256Hex(requestToken),
      recipient: { kind: 'agency', key: textClaim(requestToken, 'iss') },
      window: { startUs: asked.startUs + 60_000_000, endUs: asked.endUs - 60_000_000 },
      audio: true,
      zones: [],
      disclose: ['address', 'email'],
      byteLimit: 450_000_000,
      ...changes,
    };
    return this.sign('doorsill-grant+jws', claims, by);
  }

  denial(requestToken: string, changes: Partial<Denial> = {}, by: Party = this.owner): string {
    const claims: Denial = {
      iss: by.key.publicKey,
      aud: this.device.id,
      iat: this.nowS(),
      exp: this.nowS() + 24 * 3600,
      jti: freshId(this.random, 'denial'),
      request: textClaim(requestToken, 'jti'),
      requestSha256: sha256Hex(requestToken),
      ...changes,
    };
    return this.sign('doorsill-denial+jws', claims, by);
  }

  revoke(grantToken: string, changes: Partial<Revoke> = {}, by: Party = this.owner): string {
    const claims: Revoke = {
      iss: by.key.publicKey,
      aud: this.device.id,
      iat: this.nowS(),
      jti: freshId(this.random, 'revoke'),
      request: textClaim(grantToken, 'request'),
      grant: textClaim(grantToken, 'jti'),
      grantSha256: sha256Hex(grantToken),
      ...changes,
    };
    return this.sign('doorsill-revoke+jws', claims, by);
  }

  command(command: CommandAction, changes: Partial<Command> = {}, by: Party = this.owner): string {
    const claims: Command = {
      iss: by.key.publicKey,
      aud: this.device.id,
      iat: this.nowS(),
      exp: this.nowS() + 600,
      jti: freshId(this.random, 'command'),
      command,
      ...(this.lastOrder && mustNameLastOrder(command) ? { after: this.lastOrder() } : {}),
      ...changes,
    };
    return this.sign('doorsill-command+jws', claims, by);
  }

  /** The device's statement that a key is its owner's. */
  pairing(changes: Partial<Pairing> = {}, by: Party = this.device): string {
    const claims: Pairing = {
      iss: by.key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: this.nowS(),
      device: this.device.id,
      key: this.owner.key.publicKey,
      ...changes,
    };
    return this.sign('doorsill-pairing+jws', claims, by);
  }

  /** What the device signs about a clip besides its full manifest, and the key of its statement. */
  statement(
    manifestToken: string,
    grant: string,
    changes: { statement?: object; certificate?: object; homeRecall?: object; home?: Party; device?: Party } = {},
  ): { home: Party; statement: string; certificate: string; homeRecall: string } {
    const { home = makeParty('home', this.random), device = this.device } = changes;
    // Also of manifests that must be refused: nothing is checked here.
    const manifest = z.custom<Manifest>().parse(claimsOf(manifestToken));
    const salt = this.random.bytes(SALT_BYTES);
    const commitment = commitmentOf(salt, manifestToken, sha256);
    const key = home.key.publicKey;
    const claims = { ...statementClaims(manifest, { key, home: home.id, grant, commitment }), ...changes.statement };
    const statement = this.sign('doorsill-statement+jws', claims, home);
    const about = { grant, clip: manifest.jti, statementSha256: sha256Hex(statement) };
    const certificate = {
      iss: device.key.publicKey,
      aud: this.bridge.id,
      iat: this.nowS(),
      jti: freshId(this.random, 'certificate'),
      device: device.id,
      ...about,
      key,
      manifestSha256: sha256Hex(manifestToken),
      salt: toBase64url(salt),
      ...changes.certificate,
    };
    const { iss, aud, iat } = claims;
    const recall = {
      iss,
      aud,
      iat,
      jti: freshId(this.random, 'recall'),
      home: home.id,
      ...about,
      ...changes.homeRecall,
    };
    return {
      home,
      statement,
      certificate: this.sign('doorsill-certificate+jws', certificate, device),
      homeRecall: this.sign('doorsill-home-recall+jws', recall, home),
    };
  }

  /** The bridge's receipt for a clip under a grant. */
  intakeReceipt(grant: string, changes: Partial<IntakeReceipt> = {}, by: Party = this.bridge): string {
    const claims: IntakeReceipt = {
      iss: by.key.publicKey,
      aud: this.device.id,
      iat: this.nowS(),
      jti: freshId(this.random, 'intake'),
      grant,
      outcome: 'stored',
      clipSha256: sha256Hex('clip'),
      clipBytes: 4_096,
      manifestSha256: sha256Hex('manifest'),
      ...changes,
    };
    return this.sign('doorsill-intake+jws', claims, by);
  }
}
