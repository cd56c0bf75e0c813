// Forgeries that encode a valid message differently: bytes, base64url, JSON. Signed by the right key where possible, so that only the
// encoding is wrong.
import type { ErrorCode } from '../../../../device/contract/errors.ts';
import { part, partsOf, rawToken } from './raw-token.ts';
import type { Base, Scene } from './scene.ts';
import { counted, type Draw, type Fate, type Forgery, ignored, type Kind } from './strike.ts';

const MALFORMED = counted('token_malformed');
const BYTES_MAX = 65_536;

/** A message on a base's topic. */
export function on(base: Base, payload: Uint8Array | string, fate: Fate): Forgery {
  return { topic: base.topic, payload: Buffer.from(payload), retained: base.link === 'area', fate };
}

/** A kind that forges a token in place of any base's. */
export function ofBase(
  name: string,
  forge: (base: Base, scene: Scene, draw: Draw) => string | Uint8Array,
  fate: Fate,
): Kind {
  return {
    name,
    make: (scene, draw) => {
      const base = draw.pick(scene.bases());
      return on(base, forge(base, scene, draw), fate);
    },
  };
}

/** A kind that changes the finished, valid token of any base. */
function ofToken(name: string, change: (token: string, draw: Draw) => string | Uint8Array, code?: ErrorCode): Kind {
  const forge = (base: Base, scene: Scene, draw: Draw) => change(scene.sign(base.typ, base.claims, base.signer), draw);
  return ofBase(name, forge, counted(code ?? 'token_malformed'));
}

/** A kind that changes the JSON of any base's claims before signing. */
function ofJson(
  name: string,
  change: (json: string, draw: Draw, base: Base) => string | Uint8Array,
  fate?: Fate,
): Kind {
  const forge = (base: Base, _: Scene, draw: Draw) => {
    const json = change(JSON.stringify(base.claims), draw, base);
    return rawToken({ alg: 'EdDSA', typ: base.typ }, json, base.signer.key);
  };
  return ofBase(name, forge, fate ?? MALFORMED);
}

function insert(token: string, draw: Draw, what: string): string {
  const at = draw.below(token.length + 1);
  return token.slice(0, at) + what + token.slice(at);
}

/** Inserts bytes at a random place. */
function spliced(token: string, draw: Draw, what: number[]): Uint8Array {
  const at = draw.below(token.length + 1);
  return Buffer.concat([Buffer.from(token.slice(0, at)), Buffer.from(what), Buffer.from(token.slice(at))]);
}

function onePart(token: string, draw: Draw, change: (text: string) => string): string {
  const which = draw.below(3);
  return partsOf(token)
    .map((text, at) => (at === which ? change(text) : text))
    .join('.');
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The last letter of a 64-byte signature encodes two bits; its other four must be 0. */
function looseBits(token: string, draw: Draw): string {
  const value = ALPHABET.indexOf(token.slice(-1));
  return token.slice(0, -1) + ALPHABET.charAt(value + 1 + draw.below(15));
}

/** Replaces the number in `iat`. */
const iat = (text: string) => (json: string) => json.replace(/"iat":\d+/, `"iat":${text}`);
const UNKNOWN = counted('token_unknown_claims');

/** Invalid UTF-8 is dropped by the area link, and counted by the gate if it is an owner's. */
const notText = (base: Base): Fate => (base.link === 'area' ? ignored : MALFORMED);

function ofBytes(name: string, change: (scene: Scene, base: Base, draw: Draw) => Uint8Array): Kind {
  return {
    name,
    make: (scene, draw) => {
      const base = draw.pick(scene.bases());
      return on(base, change(scene, base, draw), notText(base));
    },
  };
}

const tokenOf = (scene: Scene, base: Base) => scene.sign(base.typ, base.claims, base.signer);

export const SPELLING_KINDS: Kind[] = [
  ofToken('a part left out', (token, draw) => {
    const left = draw.below(3);
    return partsOf(token)
      .filter((_, at) => at !== left)
      .join('.');
  }),
  ofToken('a part doubled', (token) => `${token}.${partsOf(token)[2]}`),
  ofToken('a part empty', (token, draw) => onePart(token, draw, () => '')),
  ofToken('no signature', (token) => token.slice(0, token.lastIndexOf('.') + 1)),
  ofToken('cut off anywhere', (token, draw) => token.slice(0, 1 + draw.below(token.length - 1))),
  ofToken('more behind it', (token, draw) => token + draw.pick(['A', '.', 'AAAA', '\n', '\0', token])),
  ofToken('padding', (token, draw) => onePart(token, draw, (text) => text + '='.repeat(1 + draw.below(3)))),
  ofToken('white space in it', (token, draw) => insert(token, draw, draw.pick([' ', '\n', '\t', '\r\n', '\u00a0']))),
  ofToken('a letter of standard base64', (token, draw) => {
    const at = draw.below(token.length);
    return token.slice(0, at) + draw.pick(['+', '/', '=']) + token.slice(at + 1);
  }),
  ofToken('loose bits at the end', looseBits),
  ofToken('a look-alike letter', (token, draw) => {
    const at = draw.below(token.length);
    return token.slice(0, at) + draw.pick(['е', 'А', 'ⅰ', '０', '𝟎', '‐']) + token.slice(at + 1);
  }),
  ofToken('a byte order mark', (token) => `\ufeff${token}`),
  ofToken('a null byte in it', (token, draw) => insert(token, draw, '\0')),
  ofToken('percent encoding', (token) => token.replaceAll('.', '%2E')),
  ofToken('quotes around it', (token) => JSON.stringify(token)),
  ofToken('JSON serialization', (token) => {
    const [header, payload, signature] = partsOf(token);
    return JSON.stringify({ payload, protected: header, signature });
  }),
  ofToken('the claims in the open', (token) => Buffer.from(partsOf(token)[1], 'base64url').toString()),
  ofToken('encrypted form, five parts', (token) => `${token}.AAAA.AAAA`),
  ofToken('junk', (_, draw) => part(draw.bytes(1 + draw.below(300)))),
  ofToken('parts of junk', (_, draw) => [9, 99, 64].map((length) => part(draw.bytes(length))).join('.')),
  ofBytes('empty', () => new Uint8Array()),
  ofBytes('invalid UTF-8', (scene, base, draw) =>
    spliced(tokenOf(scene, base), draw, draw.pick([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80], [0x80]])),
  ),
  ofBytes('UTF-16', (scene, base) =>
    Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(tokenOf(scene, base), 'utf16le')]),
  ),
  ofBytes('compressed', (_, __, draw) => Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), draw.bytes(40)])),
  {
    ...ofToken(
      '64 KiB and a byte',
      (token, draw) => {
        const more = 'A'.repeat(BYTES_MAX + 1 - token.length + draw.below(1_000));
        return draw.pick([token + more, more + token]);
      },
      'token_too_large',
    ),
    needs: 'local',
  },
  ofToken('64 KiB of the same letter', (_, draw) => draw.pick(['A', '.', '-']).repeat(BYTES_MAX)),
  ofJson('white space in the JSON', (json, draw) => draw.pick([` ${json}`, `${json}\n`, json.replace(':', ': ')])),
  ofJson('escapes in the JSON', (json) => json.replace('"iss"', '"\\u0069ss"')),
  ofJson('an escaped slash in the JSON', (json) => json.replace('"iss":"', '"iss":"\\/')),
  ofJson('a key twice', (json, draw, base) => {
    const key = draw.pick(Object.keys(base.claims));
    const twin = `${JSON.stringify(key)}:${JSON.stringify(base.claims[key])}`;
    return draw.pick([`{${twin},${json.slice(1)}`, `${json.slice(0, -1)},${twin}}`]);
  }),
  ofJson('a signer twice', (json) => `${json.slice(0, -1)},"iss":"${'A'.repeat(43)}"}`),
  ofJson('more behind the JSON', (json, draw) => json + draw.pick(['{}', '\0', ',', json])),
  ofJson('a comment in the JSON', (json) => `/**/${json}`),
  ofJson('a trailing comma', (json) => `${json.slice(0, -1)},}`),
  ofJson('single quotes', (json) => json.replaceAll('"', "'")),
  ofJson('JSON cut off', (json, draw) => json.slice(0, draw.below(json.length))),
  ofJson('JSON with a byte order mark', (json) => `\ufeff${json}`),
  ofJson('JSON of invalid UTF-8', (json, draw) => spliced(json, draw, [0xff])),
  ofJson('a lone surrogate', (json) => json.replace('"iss":"', '"iss":"\\ud800'), UNKNOWN),
  ofJson('a number not written shortest', (json, draw) =>
    iat(draw.pick(['-0', '1e9', '1.0', '01', '+1', '0x10', '1790000000.0', '17900000000e-1']))(json),
  ),
  ofJson('no number', (json, draw) => iat(draw.pick(['NaN', 'Infinity', '-Infinity', 'undefined', '1e999']))(json)),
  ofJson('a number doubles cannot hold', iat('9007199254740993')),
  ofJson('an unsafe number', (json, draw) => iat(draw.pick(['9007199254740992', '1e+21', '1e+300']))(json), UNKNOWN),
  ofJson(
    'a number out of range',
    (json, draw) => iat(draw.pick(['-1', '0.5', '1790000000.5', '5e-324']))(json),
    UNKNOWN,
  ),
  ofJson('a number as text', (json, draw) => iat(draw.pick(['"0"', '"1790000000"', '""']))(json), UNKNOWN),
  ofJson('another kind of value', (json, draw) => iat(draw.pick(['null', 'true', '[]', '{}', '[1]']))(json), UNKNOWN),
  ofJson('no object', (_, draw) => draw.pick(['null', '[]', '1', '"x"', 'true', '{}']), UNKNOWN),
  ofJson('nested deep', (json) => `{"deep":${'['.repeat(900)}${']'.repeat(900)},${json.slice(1)}`, UNKNOWN),
  ofJson('nested without end', (_, draw) => {
    const depth = 16_000 + draw.below(4_000);
    return draw.pick([
      `${'['.repeat(depth)}${']'.repeat(depth)}`,
      '{"a":'.repeat(4_000 + draw.below(4_000)),
      '['.repeat(depth),
    ]);
  }),
];
