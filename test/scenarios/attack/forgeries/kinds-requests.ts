// Forgeries of single requests inside a document that the bridge really signed: the bridge may be the attacker.
import { sha256Hex } from '../../../../device/base/keys.ts';
import type { ErrorCode } from '../../../../device/contract/errors.ts';
import type { Request } from '../../../../device/contract/request.ts';
import { PUBLIC_AUDIENCE } from '../../../../device/contract/shared-claims.ts';
import { claimsOf } from '../../../support/parties.ts';
import { documentOf } from './kinds-area.ts';
import { rawToken, resigned } from './raw-token.ts';
import type { Claims, Scene } from './scene.ts';
import { counted, type Draw, ignored, type Kind } from './strike.ts';

/** The parts of a published request, unsigned. */
interface Parts {
  request: Claims;
  credential: Claims;
  publication: Claims;
}
type Keys = { [part in keyof Parts]: Scene['cast']['agency'] };

/**
 * A kind of request in a document that the bridge signed. All three tokens are valid and consistent until `bend` changes them; the
 * publication refers to the request in it, unless `bend` changes that.
 */
function ofEntry(
  name: string,
  bend: (parts: Parts, scene: Scene, keys: Keys, draw: Draw) => void,
  code: ErrorCode | null,
  finish: (tokens: Record<keyof Parts, string>, scene: Scene, draw: Draw) => void = () => undefined,
): Kind {
  return {
    name: `a published request ${name}`,
    needs: 'paced',
    make: (scene, draw) => {
      const { cast, nowS, fresh } = scene;
      const keys: Keys = { request: cast.agency, credential: cast.registry, publication: cast.bridge };
      const parts: Parts = {
        request: { ...claimsOf(fresh.token), jti: `request-${scene.freshId()}` },
        credential: claimsOf(fresh.published.credential),
        publication: { iss: cast.bridge.key.publicKey, aud: PUBLIC_AUDIENCE, iat: nowS },
      };
      bend(parts, scene, keys, draw);
      const request = scene.sign('doorsill-request+jws', parts.request, keys.request);
      const publication = { request: parts.request['jti'], requestSha256: sha256Hex(request), ...parts.publication };
      const tokens = {
        request,
        credential: scene.sign('doorsill-credential+jws', parts.credential, keys.credential),
        publication: scene.sign('doorsill-publication+jws', publication, keys.publication),
      };
      finish(tokens, scene, draw);
      const fate = code === null ? ignored : counted(code);
      return documentOf(scene, scene.documentClaims({ requests: [tokens] }), fate);
    },
  };
}

const flipped = (bytes: Uint8Array) => bytes.with(0, (bytes[0] ?? 0) ^ 1);

const CREDENTIAL = 'consent_credential_invalid';

export const REQUEST_KINDS: Kind[] = [
  ofEntry(
    'under an id that is none of a request',
    ({ request }, scene, _, draw) => {
      const id = scene.freshId();
      request['jti'] = draw.pick([`search-${id}`, id, 'request', `request-`, `requests-${id}`, `owner-${id}`]);
    },
    'id_kind_wrong',
  ),
  ofEntry(
    'whose agency was swapped',
    ({ request }, { strangers, traps }, _, draw) => {
      request['agency'] = draw.pick([strangers.agency.id, claimsOf(traps[0]?.asked.token ?? '')['agency']]);
    },
    CREDENTIAL,
  ),
  ofEntry(
    'signed by another agency',
    ({ request }, { strangers }, keys) => {
      keys.request = strangers.agency;
      request['iss'] = strangers.agency.key.publicKey;
    },
    CREDENTIAL,
  ),
  ofEntry(
    'signed by another agency in this one’s name',
    (_, { strangers }, keys) => {
      keys.request = strangers.agency;
    },
    'token_bad_signature',
  ),
  ofEntry(
    'signed by the bridge',
    (_, { cast }, keys) => {
      keys.request = cast.bridge;
    },
    'token_bad_signature',
  ),
  ofEntry(
    'with another agency’s credential',
    (parts, { traps }, _, draw) => {
      parts.credential = claimsOf(draw.pick(traps).asked.published.credential);
    },
    CREDENTIAL,
  ),
  ofEntry(
    'with a credential of another registry',
    ({ credential }, { strangers }, keys) => {
      keys.credential = strangers.registry;
      credential['iss'] = strangers.registry.key.publicKey;
    },
    CREDENTIAL,
  ),
  ofEntry(
    'with a credential by the bridge',
    ({ credential }, { cast }, keys, draw) => {
      keys.credential = cast.bridge;
      if (draw.below(2)) credential['iss'] = cast.bridge.key.publicKey;
    },
    CREDENTIAL,
  ),
  ofEntry(
    'with a credential of its own making',
    ({ credential }, { cast }, keys, draw) => {
      keys.credential = cast.agency;
      if (draw.below(2)) credential['iss'] = cast.agency.key.publicKey;
    },
    CREDENTIAL,
  ),
  ofEntry(
    'with a credential for another key',
    ({ credential, request }, { strangers }, keys) => {
      credential['key'] = strangers.agency.key.publicKey;
      request['iss'] = strangers.agency.key.publicKey;
      keys.request = strangers.agency;
    },
    CREDENTIAL,
  ),
  ofEntry(
    'with a jurisdiction nobody knows',
    ({ credential }, _, __, draw) => {
      credential['jurisdiction'] = draw.pick(['galactic', 'Municipal', '', 'municipal ']);
    },
    CREDENTIAL,
  ),
  ofEntry(
    'with a credential for another reader',
    ({ credential }, { cast }) => {
      credential['aud'] = cast.bridge.id;
    },
    CREDENTIAL,
  ),
  ofEntry(
    'published by an agency',
    ({ publication }, { cast }, keys) => {
      keys.publication = cast.agency;
      publication['iss'] = cast.agency.key.publicKey;
    },
    'token_unknown_signer',
  ),
  ofEntry(
    'published by another in the bridge’s name',
    (_, { strangers, cast }, keys, draw) => {
      keys.publication = draw.pick([strangers.bridge, cast.registry, cast.agency]);
    },
    'token_bad_signature',
  ),
  ofEntry(
    'with a publication of another request',
    ({ publication }, { pending }, _, draw) => {
      if (draw.below(2)) publication['request'] = pending.id;
      else publication['requestSha256'] = pending.sha256;
    },
    'consent_request_changed',
  ),
  ofEntry(
    'with other words under an open request’s id',
    ({ request }, { pending, other }, _, draw) => {
      request['jti'] = draw.pick([pending, other]).id;
      request['text'] = 'All of yesterday, please.';
    },
    'consent_request_changed',
  ),
  ofEntry(
    'for another bridge',
    ({ request }, { strangers }) => {
      request['aud'] = strangers.bridge.id;
    },
    'token_wrong_audience',
  ),
  ofEntry(
    'that is over',
    ({ request }, { nowS }, _, draw) => {
      request['exp'] = nowS - draw.below(9_999);
    },
    'consent_request_expired',
  ),
  ofEntry(
    'that was cancelled',
    ({ request }, { cancelled }) => {
      request['jti'] = cancelled.id;
    },
    null,
  ),
  ofEntry(
    'with an id that is none',
    ({ request }, _, __, draw) => {
      request['jti'] = draw.pick(['../grant', '+', '#', 'a/b', 'x'.repeat(64), '__proto__', 'requеst-1', '']);
    },
    'token_unknown_claims',
  ),
  ofEntry(
    'with a profile nobody knows',
    ({ request }, _, __, draw) => {
      request['profile'] = draw.pick<unknown>(['everything', '__proto__', 'constructor', '', null, ['nothing']]);
    },
    'token_unknown_claims',
  ),
  ofEntry(
    'with an area that is none',
    ({ request }, _, __, draw) => {
      const areas: unknown[] = [{ type: 'Point', coordinates: [0, 0] }, null, { type: 'Polygon', coordinates: [] }];
      const open: Request['area']['coordinates'] = [
        [
          [0, 0],
          [1, 0],
          [1, 1],
          [0, 1],
        ],
      ];
      const far = [
        [
          [0, 0],
          [1e9, 0],
          [1, 1],
          [0, 0],
        ],
      ];
      const many = [Array(66).fill([0, 0])];
      request['area'] = draw.pick([
        ...areas,
        ...[open, far, many].map((coordinates) => ({ type: 'Polygon', coordinates })),
      ]);
    },
    'token_unknown_claims',
  ),
  ofEntry(
    'without the agency’s signature',
    () => undefined,
    'token_bad_signature',
    (tokens) => {
      tokens.request = resigned(tokens.request, flipped);
    },
  ),
  ofEntry(
    'without the registry’s signature',
    () => undefined,
    CREDENTIAL,
    (tokens) => {
      tokens.credential = resigned(tokens.credential, flipped);
    },
  ),
  ofEntry(
    'without the bridge’s signature',
    () => undefined,
    'token_bad_signature',
    (tokens) => {
      tokens.publication = resigned(tokens.publication, flipped);
    },
  ),
  ofEntry(
    'of alg none',
    () => undefined,
    'token_wrong_type',
    (tokens, { cast }) => {
      const claims = claimsOf(tokens.request);
      tokens.request = rawToken({ alg: 'none', typ: 'doorsill-request+jws' }, claims, cast.agency.key);
    },
  ),
  ofEntry(
    'with its credential in its place',
    () => undefined,
    'token_wrong_type',
    (tokens) => {
      tokens.request = tokens.credential;
    },
  ),
];
