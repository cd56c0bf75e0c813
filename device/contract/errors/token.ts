// Owns: the failures of tokens on the wire. Their sender cannot be established, so they are counted and never answered. Not here: the one closed table (../errors.ts).
import { refused } from './kinds.ts';

export const tokenErrors = {
  token_malformed: refused(400, 'The message is not a signed token.', 'Send a compact JWS as the contract describes.'),
  token_too_large: refused(413, 'The message is larger than 64 KiB.', 'Send less.'),
  token_wrong_type: refused(
    400,
    'The token is of another type than this place takes.',
    'Use the header {alg, typ} of the contract, with nothing else in it.',
  ),
  token_unknown_claims: refused(
    400,
    'The token has claims that are missing, unknown or out of limits.',
    'Send exactly the claims of the contract.',
  ),
  token_wrong_audience: refused(403, 'The token is addressed to somebody else.', 'Sign one for this reader.'),
  token_unknown_signer: refused(
    403,
    'The token is signed by a key that is not paired or pinned here.',
    'Pair the key with the device first.',
  ),
  token_bad_signature: refused(403, 'The signature does not fit the token.', 'Sign the exact bytes that are sent.'),
  token_expired: refused(403, 'The token has expired.', 'Sign a new one.'),
  message_retained: refused(
    400,
    'The message was retained by the broker; orders are never taken from storage.',
    'Publish it without the retain flag.',
  ),
  message_topic_mismatch: refused(
    400,
    'The topic and the signed message name different requests or actions.',
    'Publish it on its own topic.',
  ),
} as const;
