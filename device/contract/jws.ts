// Compact JWS with one algorithm (EdDSA over Ed25519, RFC 7515 §7.1, RFC 8037 §3.1). Keys and hashing are passed in.
import type { z } from 'zod';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from './bytes.ts';
import { PAYLOAD_BYTES_MAX } from './topics.ts';

/** All values of a token's `typ` (RFC 7515 §4.1.9; explicit typing: RFC 8725 §3.11). */
export const TOKEN_TYPES = [
  'doorsill-request+jws',
  'doorsill-publication+jws',
  'doorsill-credential+jws',
  'doorsill-revocations+jws',
  'doorsill-area+jws',
  'doorsill-grant+jws',
  'doorsill-denial+jws',
  'doorsill-revoke+jws',
  'doorsill-command+jws',
  'doorsill-pairing+jws',
  'doorsill-manifest+jws',
  'doorsill-statement+jws',
  'doorsill-certificate+jws',
  'doorsill-home-recall+jws',
  'doorsill-upload+jws',
  'doorsill-receipt+jws',
  'doorsill-intake+jws',
  'doorsill-enrolment+jws',
  'doorsill-access+jws',
  'doorsill-agency+jws',
  'doorsill-tree-head+jws',
  'doorsill-cosignature+jws',
  'doorsill-custody+jws',
  'doorsill-hand-over+jws',
  'doorsill-acknowledgement+jws',
  'doorsill-verdict+jws',
  'doorsill-recall+jws',
  'doorsill-recall-answer+jws',
  'doorsill-deletion+jws',
  'doorsill-search+jws',
  'doorsill-search-publication+jws',
  'doorsill-search-area+jws',
  'doorsill-search-call+jws',
  'doorsill-still+jws',
  'doorsill-content-key+jws',
] as const;
/** A token's `typ`. */
export type TokenType = (typeof TOKEN_TYPES)[number];

/** The bytes to sign for a token: `BASE64URL(header).BASE64URL(claims)`. */
export function signingInput(typ: TokenType, claims: object): string {
  const part = (value: object) => toBase64url(utf8(JSON.stringify(value)));
  return `${part({ alg: 'EdDSA', typ })}.${part(claims)}`;
}

/** The finished token from its signing input and the 64-byte signature. */
export function assembleToken(input: string, signature: Uint8Array): string {
  return `${input}.${toBase64url(signature)}`;
}

/** Signs claims with a synchronous key (Node). A browser, whose signing is asynchronous, calls the two functions above. */
export function signToken(typ: TokenType, claims: object, key: { sign(data: Uint8Array): Uint8Array }): string {
  const input = signingInput(typ, claims);
  return assembleToken(input, key.sign(utf8(input)));
}

/** Why a token was refused; TOKEN_FAULT_CODES in errors.ts maps each to a code. */
export type TokenFault =
  | 'malformed'
  | 'too-large'
  | 'wrong-type'
  | 'unknown-claims'
  | 'wrong-audience'
  | 'unknown-signer'
  | 'bad-signature';

/** A verified token's claims, or why it was refused. */
export type Opened<Claims> = { ok: true; claims: Claims; token: string } | { ok: false; fault: TokenFault };

/** A token parsed into its parts; nothing in it is verified yet. */
interface ParsedToken {
  header: unknown;
  claims: unknown;
  signed: Uint8Array;
  signature: Uint8Array;
}

/** Parses a compact JWS; null unless it is three canonical base64url parts of JSON objects. */
export function parseToken(token: string): ParsedToken | null {
  const parts = token.split('.');
  const [head = '', body = '', tail = ''] = parts;
  const signature = fromBase64url(tail);
  if (parts.length !== 3 || signature?.length !== 64) return null;
  const header = parseJsonPart(head);
  const claims = parseJsonPart(body);
  if (header === undefined || claims === undefined) return null;
  return { header, claims, signed: utf8(`${head}.${body}`), signature };
}

function parseJsonPart(part: string): unknown {
  const bytes = fromBase64url(part);
  const text = bytes && fromUtf8(bytes);
  if (!text) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    // Each value has one text. JSON.parse keeps the last of two equal keys, so a schema would not see a duplicate.
    return JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether `signature` over `data` is the key's, by the caller's implementation of Ed25519. */
export type Verify = (publicKey: string, data: Uint8Array, signature: Uint8Array) => boolean;

/** A reader's requirements of a token. */
interface Expectation<Schema extends z.ZodType> {
  typ: TokenType;
  /** Strict, with `iss` and `aud`. */
  schema: Schema;
  /** The reader's own audience: the token must be addressed to it. */
  audience: string;
  /** Pinned keys: one of them must have signed. */
  keys: readonly string[];
  verify: Verify;
}

/**
 * Opens a token. Checks size, form, exact header `{alg, typ}` (no embedded keys, no `none`, no `crit`), strict claims, audience, pinned
 * signer and signature, in that order; nothing in the token is used before all checks pass. Never throws.
 */
export function openToken<Schema extends z.ZodType<{ iss: string; aud: string }>>(
  token: string,
  expected: Expectation<Schema>,
): Opened<z.infer<Schema>> {
  if (token.length > PAYLOAD_BYTES_MAX) return { ok: false, fault: 'too-large' };
  const parsed = parseToken(token);
  if (!parsed) return { ok: false, fault: 'malformed' };
  if (JSON.stringify(parsed.header) !== JSON.stringify({ alg: 'EdDSA', typ: expected.typ })) {
    return { ok: false, fault: 'wrong-type' };
  }
  const claims = expected.schema.safeParse(parsed.claims);
  if (!claims.success) return { ok: false, fault: 'unknown-claims' };
  if (claims.data.aud !== expected.audience) return { ok: false, fault: 'wrong-audience' };
  if (!expected.keys.includes(claims.data.iss)) return { ok: false, fault: 'unknown-signer' };
  if (!expected.verify(claims.data.iss, parsed.signed, parsed.signature)) return { ok: false, fault: 'bad-signature' };
  return { ok: true, claims: claims.data, token };
}

/**
 * Opens a token with the key and audience that it names itself, for documents whose expected signer is not known beforehand. The caller
 * checks `iss` and `aud`. `why` completes a sentence that begins with the document's name. Never throws.
 */
export function openBySigner<Schema extends z.ZodType<{ iss: string; aud: string }>>(
  token: string,
  { typ, schema, verify }: Pick<Expectation<Schema>, 'typ' | 'schema' | 'verify'>,
): { ok: true; claims: z.infer<Schema> } | { ok: false; why: string } {
  const claims = schema.safeParse(parseToken(token)?.claims);
  if (!claims.success) return { ok: false, why: 'is not a valid document' };
  const { iss, aud } = claims.data;
  const opened = openToken(token, { typ, schema, audience: aud, keys: [iss], verify });
  return opened.ok ? opened : { ok: false, why: `does not verify (${opened.fault})` };
}
