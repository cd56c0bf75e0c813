// Digest authentication (RFC 2617 §3) without `qop`, as RTSP clients use it.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '@doorsill/base/clock';
import type { Random } from '@doorsill/base/random';
import { toHex } from '@doorsill/contract/bytes';

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** Lifetime of a challenge, and how many are remembered. */
const NONCE_MS_MAX = 300_000;
const NONCES_MAX = 1_000;
export const REALM = 'doorsill camera';

export class DigestLogin {
  private readonly login: Login;
  private readonly clock: Clock;
  private readonly random: Random;
  /** When each challenge was made, oldest first. */
  private readonly nonces = new Map<string, number>();

  constructor(login: Login, { clock, random }: { clock: Clock; random: Random }) {
    this.login = login;
    this.clock = clock;
    this.random = random;
  }

  /**
   * Whether the Authorization header of a request with this method proves the password. `isAsked` says whether the URI in the header is the
   * requested one; if not, the result is `elsewhere`: a replayed proof for another address (RFC 2617 §3.2.2.5).
   */
  accepts(
    method: string,
    header: string | undefined,
    isAsked: (uri: string) => boolean,
  ): 'yes' | 'no' | 'stale' | 'elsewhere' {
    const facts = header === undefined ? null : readDigest(header);
    if (!facts) return 'no';
    const { user, password } = this.login;
    const secret = md5(`${user}:${REALM}:${password}`);
    const wanted = md5(`${secret}:${facts.nonce}:${md5(`${method}:${facts.uri}`)}`);
    const isRight =
      facts.username === user &&
      facts.realm === REALM &&
      facts.response.length === wanted.length &&
      timingSafeEqual(Buffer.from(facts.response), Buffer.from(wanted));
    if (!isRight) return 'no';
    if (!isAsked(facts.uri)) return 'elsewhere';
    const madeMs = this.nonces.get(facts.nonce);
    return madeMs !== undefined && this.clock.monotonicMs() - madeMs <= NONCE_MS_MAX ? 'yes' : 'stale';
  }

  /** A fresh challenge, as the value of `WWW-Authenticate`. */
  challenge(isStale: boolean): string {
    const nonce = toHex(this.random.bytes(16));
    this.nonces.set(nonce, this.clock.monotonicMs());
    const [oldest] = this.nonces.keys();
    if (this.nonces.size > NONCES_MAX && oldest !== undefined) this.nonces.delete(oldest);
    return `Digest realm="${REALM}", nonce="${nonce}"${isStale ? ', stale=TRUE' : ''}`;
  }
}

type DigestFacts = Record<'username' | 'realm' | 'nonce' | 'uri' | 'response', string>;

/** Null for another scheme, or if a field is missing. */
function readDigest(header: string): DigestFacts | null {
  const [, words] = /^Digest +(.{1,4000})$/i.exec(header) ?? [];
  if (words === undefined) return null;
  const found = new Map(
    [...words.matchAll(/([a-z]{1,20})=(?:"([^"]{0,1000})"|([^\s,"]{1,200}))/gi)].map(([, name = '', quoted, plain]) => [
      name.toLowerCase(),
      quoted ?? plain ?? '',
    ]),
  );
  const take = (name: string) => found.get(name) ?? '';
  const facts = {
    username: take('username'),
    realm: take('realm'),
    nonce: take('nonce'),
    uri: take('uri'),
    response: take('response').toLowerCase(),
  };
  return /^[0-9a-f]{32}$/.test(facts.response) ? facts : null;
}

/** RFC 2617 defines MD5, and RTSP clients support nothing else. */
function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
