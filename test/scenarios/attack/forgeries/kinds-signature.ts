// Forgeries of header and signature: other algorithms, embedded keys, other signers, changed or reused signatures.
import { createHmac, generateKeyPairSync, sign as signWith } from 'node:crypto';
import { toBase64url } from '../../../../device/contract/bytes.ts';
import type { ErrorCode } from '../../../../device/contract/errors.ts';
import { TOKEN_TYPES } from '../../../../device/contract/jws.ts';
import { encode, fromLittleEndian, IDENTITY, L, SMALL_ORDER, toLittleEndian } from '../../../support/edwards25519.ts';
import type { Party } from '../../../support/parties.ts';
import { ofBase } from './kinds-spelling.ts';
import { part, partsOf, rawInput, rawToken, resigned } from './raw-token.ts';
import type { Base, Claims, Scene } from './scene.ts';
import { counted, type Draw, type Kind } from './strike.ts';

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
/** An RSA signature is slow to make, and is refused before it is verified: one serves for all. */
const rsaSigned = signWith('sha256', Buffer.from('x'), generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);

/** A kind with another header, correctly signed. */
function ofHeader(
  name: string,
  change: (header: { alg: string; typ: string }, scene: Scene, draw: Draw) => object | string,
  code: ErrorCode = 'token_wrong_type',
): Kind {
  const forge = (base: Base, scene: Scene, draw: Draw) =>
    rawToken(change({ alg: 'EdDSA', typ: base.typ }, scene, draw), base.claims, base.signer.key);
  return ofBase(name, forge, counted(code));
}

/** A kind with another algorithm, signed with it. */
function ofAlgorithm(
  name: string,
  header: (base: Base, scene: Scene) => object,
  sign: (input: string, base: Base, draw: Draw) => Uint8Array,
  code: ErrorCode = 'token_wrong_type',
): Kind {
  const forge = (base: Base, scene: Scene, draw: Draw) => {
    const input = rawInput(header(base, scene), base.claims);
    return `${input}.${part(sign(input, base, draw))}`;
  };
  return ofBase(name, forge, counted(code));
}

/** A kind with right header and claims and a wrong signature. */
function ofSignature(
  name: string,
  change: (token: string, scene: Scene, draw: Draw, base: Base) => string,
  code: ErrorCode = 'token_bad_signature',
): Kind {
  const forge = (base: Base, scene: Scene, draw: Draw) =>
    change(scene.sign(base.typ, base.claims, base.signer), scene, draw, base);
  return ofBase(name, forge, counted(code));
}

/** A kind signed by another party, in its own name or in the right one's. */
function bySomebody(name: string, who: (scene: Scene, draw: Draw, base: Base) => Party): Kind[] {
  const kind = (named: string, inOwnName: boolean, code: ErrorCode): Kind => {
    const forge = (base: Base, scene: Scene, draw: Draw) => {
      const by = who(scene, draw, base);
      return scene.sign(base.typ, inOwnName ? { ...base.claims, iss: by.key.publicKey } : base.claims, by);
    };
    return ofBase(`${name}, in ${named} name`, forge, counted(code));
  };
  return [kind('their own', true, 'token_unknown_signer'), kind('the right one’s', false, 'token_bad_signature')];
}

const jwkOf = (key: string) => ({ kty: 'OKP', crv: 'Ed25519', x: key });
const half = (signature: Uint8Array, which: 0 | 1) => signature.slice(which * 32, which * 32 + 32);
const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

/** Changes a number in the claims, such as a grant's window, under the old signature. */
function tampered(token: string, draw: Draw): string {
  const [header, claims, signature] = partsOf(token);
  const json = Buffer.from(claims, 'base64url').toString();
  const numbers = [...json.matchAll(/[:[](\d+)(?=[,}\]])/g)];
  const found = draw.pick(numbers);
  const at = found.index + 1;
  const other = String(Number(found[1]) + 1 + draw.below(9));
  return `${header}.${part(json.slice(0, at) + other + json.slice(at + (found[1]?.length ?? 0)))}.${signature}`;
}

const OTHER_HEADERS: Kind[] = [
  ofHeader('alg none, with a signature', (header) => ({ ...header, alg: 'none' })),
  ofHeader('alg none in other letters', (header, _, draw) => ({
    ...header,
    alg: draw.pick(['None', 'NONE', 'nOnE', '']),
  })),
  ofHeader('alg by another name', (header, _, draw) => ({
    ...header,
    alg: draw.pick(['Ed25519', 'eddsa', 'EDDSA', 'EdDSA ', 'EdDSA\0', 'Ed448', 'ed25519ph']),
  })),
  ofHeader('alg a list', (header) => ({ ...header, alg: ['EdDSA'] })),
  ofHeader('no alg', ({ typ }) => ({ typ })),
  ofHeader('no typ', ({ alg }) => ({ alg })),
  ofHeader('typ of another document', (header, _, draw) => ({
    ...header,
    typ: draw.pick(TOKEN_TYPES.filter((typ) => typ !== header.typ)),
  })),
  ofHeader('typ in other letters', (header, _, draw) => ({
    ...header,
    typ: draw.pick([header.typ.toUpperCase(), `application/${header.typ}`, `${header.typ} `, 'JWT', 'JOSE', '']),
  })),
  ofHeader('keys in another order', ({ alg, typ }) => ({ typ, alg })),
  ofHeader('jwk of the right key', (header, { cast }) => ({ ...header, jwk: jwkOf(cast.owner.key.publicKey) })),
  ofHeader('kid', (header, { cast }, draw) => ({
    ...header,
    kid: draw.pick([cast.owner.id, '../../owner.key', "' OR 1=1", '/dev/null', '0']),
  })),
  ofHeader('jku and x5u', (header, _, draw) => ({
    ...header,
    [draw.pick(['jku', 'x5u'])]: draw.pick(['http://127.0.0.1:9/keys', 'file:///etc/passwd', 'https://a.example/']),
  })),
  ofHeader('x5c', (header) => ({ ...header, x5c: ['MIIB'] })),
  ofHeader('crit', (header) => ({ ...header, crit: ['exp'], exp: 1 })),
  ofHeader('b64 false', (header) => ({ ...header, b64: false, crit: ['b64'] })),
  ofHeader('zip', (header) => ({ ...header, zip: 'DEF' })),
  ofHeader('cty', (header) => ({ ...header, cty: 'JWT' })),
  ofHeader('no header', (_, __, draw) => draw.pick(['{}', '[]', 'null', '"EdDSA"', '1'])),
  ofHeader('header key twice', ({ alg, typ }) => `{"alg":"none","alg":"${alg}","typ":"${typ}"}`, 'token_malformed'),
  ofHeader('header with __proto__', ({ alg, typ }) => `{"alg":"${alg}","typ":"${typ}","__proto__":{"alg":"none"}}`),
  ofHeader('header with white space', (header) => JSON.stringify(header, null, 1), 'token_malformed'),
];

const OTHER_ALGORITHMS: Kind[] = [
  ofAlgorithm(
    'alg none, unsigned',
    ({ typ }) => ({ alg: 'none', typ }),
    () => new Uint8Array(),
    'token_malformed',
  ),
  ofAlgorithm(
    'alg none, 64 zero bytes',
    ({ typ }) => ({ alg: 'none', typ }),
    () => new Uint8Array(64),
  ),
  ofAlgorithm(
    'HS256 keyed with the public key',
    ({ typ }) => ({ alg: 'HS256', typ }),
    (input, { signer }) => createHmac('sha256', signer.key.publicKey).update(input).digest(),
    'token_malformed',
  ),
  ofAlgorithm(
    'HS512 keyed with the public key',
    ({ typ }) => ({ alg: 'HS512', typ }),
    (input, { signer }) => createHmac('sha512', Buffer.from(signer.key.publicKey, 'base64url')).update(input).digest(),
  ),
  ofAlgorithm(
    'a MAC in place of a signature',
    ({ typ }) => ({ alg: 'EdDSA', typ }),
    (input, { signer }) => createHmac('sha512', Buffer.from(signer.key.publicKey, 'base64url')).update(input).digest(),
    'token_bad_signature',
  ),
  ofAlgorithm(
    'ES256 with its key in the header',
    ({ typ }) => ({ alg: 'ES256', typ, jwk: p256.publicKey.export({ format: 'jwk' }) }),
    (input) => signWith('sha256', Buffer.from(input), { key: p256.privateKey, dsaEncoding: 'ieee-p1363' }),
  ),
  ofAlgorithm(
    'RS256',
    ({ typ }) => ({ alg: 'RS256', typ }),
    () => rsaSigned,
    'token_malformed',
  ),
  ofAlgorithm(
    'jwk of the forger’s key',
    ({ typ }, { strangers }) => ({ alg: 'EdDSA', typ, jwk: jwkOf(strangers.owner.key.publicKey) }),
    (_, __, draw) => draw.bytes(64),
  ),
];

const BENT: Kind[] = [
  ofSignature('S raised by the group order', (token) =>
    resigned(token, (bytes) => joined(half(bytes, 0), toLittleEndian(fromLittleEndian(half(bytes, 1)) + L))),
  ),
  ofSignature('one bit of the signature', (token, _, draw) =>
    resigned(token, (bytes) => {
      const bit = draw.below(512);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return bytes;
    }),
  ),
  ofSignature('R of small order, S zero', (token, _, draw) =>
    resigned(token, () => joined(encode(draw.pick(SMALL_ORDER)), new Uint8Array(32))),
  ),
  ofSignature('S zero', (token) => resigned(token, (bytes) => joined(half(bytes, 0), new Uint8Array(32)))),
  ofSignature('halves swapped', (token) => resigned(token, (bytes) => joined(half(bytes, 1), half(bytes, 0)))),
  ofSignature('all zero or all one', (token, _, draw) =>
    resigned(token, () => new Uint8Array(64).fill(draw.pick([0, 0xff]))),
  ),
  ofSignature('random signature', (token, _, draw) => resigned(token, () => draw.bytes(64))),
  ofSignature('signature cut by a byte', (token) => resigned(token, (bytes) => bytes.slice(0, 63)), 'token_malformed'),
  ofSignature(
    'signature longer by a byte',
    (token, _, draw) => resigned(token, (bytes) => joined(bytes, draw.bytes(1 + draw.below(64)))),
    'token_malformed',
  ),
  ofSignature('claims changed under the signature', (token, _, draw) => tampered(token, draw)),
  ofSignature('signature of another message', (token, scene, draw) => {
    const [header, claims] = partsOf(token);
    const [, , other] = partsOf(draw.pick([scene.grantedToken, scene.spentToken, scene.document, scene.list]));
    return `${header}.${claims}.${other}`;
  }),
  ofSignature('signed without its header', (token, _, __, { signer }) => {
    const [header, claims] = partsOf(token);
    return `${header}.${claims}.${part(signer.key.sign(Buffer.from(claims)))}`;
  }),
  ofSignature('signed before it was encoded', (token, _, __, { signer }) => {
    const [header, claims] = partsOf(token);
    return `${header}.${claims}.${part(signer.key.sign(Buffer.from(claims, 'base64url')))}`;
  }),
  ofBase(
    'a signer’s key of small order',
    (base, _, draw) => {
      const claims: Claims = { ...base.claims, iss: toBase64url(encode(draw.pick(SMALL_ORDER))) };
      const input = rawInput({ alg: 'EdDSA', typ: base.typ }, claims);
      return `${input}.${part(joined(encode(IDENTITY), new Uint8Array(32)))}`;
    },
    counted('token_unknown_signer'),
  ),
];

/** A party with a valid key but no authority on this base's topic. */
function insider({ cast }: Scene, draw: Draw, { signer }: Base): Party {
  const all = [cast.owner, cast.device, cast.agency, cast.bridge, cast.registry];
  return draw.pick(all.filter((party) => party !== signer));
}

export const SIGNATURE_KINDS: Kind[] = [
  ...OTHER_HEADERS,
  ...OTHER_ALGORITHMS,
  ...BENT,
  ...bySomebody('a stranger', ({ strangers }, draw) =>
    draw.pick([strangers.owner, strangers.device, strangers.agency, strangers.bridge, strangers.registry]),
  ),
  ...bySomebody('somebody else of this town', insider),
  ...bySomebody('a former owner', ({ former }) => former),
];
