// Authenticates calls by a WS-Security UsernameToken with a digest (OASIS Username Token Profile 1.0), each accepted once.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '@doorsill/base/clock';
import { sha256 } from '@doorsill/base/keys';
import { toHex, utf8 } from '@doorsill/contract/bytes';
import { SoapFault, WSSE } from './soap.ts';
import { childOf, type XmlElement } from './xml.ts';

const WSU = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd';
const PROFILE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0';
const BASE64 = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary';

/** Maximum difference between the client's and the camera's time. Clients ask for the camera's time first. */
const WINDOW_US = 60_000_000;
/** Remembered logins; while all of them could still be replayed, further logins are refused. */
const LOGINS_MAX = 5_000;
const NONCE_BYTES_MIN = 8;
const NONCE_BYTES_MAX = 128;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

export interface Account {
  user: string;
  password: string;
}

export class Logins {
  private readonly account: Account;
  private readonly clock: Clock;
  /** Creation times of accepted tokens, in microseconds on the camera's clock, by the hash of their nonce. */
  private readonly used = new Map<string, number>();

  constructor(account: Account, clock: Clock) {
    this.account = account;
    this.clock = clock;
  }

  /**
   * Accepts the login in a message's header, once. The digest is Base64(SHA-1(nonce + created + password)). Throws the same `SoapFault`
   * `login` for every error, and `XmlFault` if an element is repeated.
   */
  accept(header: XmlElement | undefined): void {
    const token = childOf(childOf(header, WSSE, 'Security'), WSSE, 'UsernameToken');
    const user = childOf(token, WSSE, 'Username')?.text ?? '';
    const password = childOf(token, WSSE, 'Password');
    const nonceElement = childOf(token, WSSE, 'Nonce');
    const created = childOf(token, WSU, 'Created')?.text ?? '';
    const nonce = nonceOf(nonceElement);
    const createdUs = TIME.test(created) ? Date.parse(created) * 1_000 : Number.NaN;
    const digest = createHash('sha1')
      .update(nonce ?? '')
      .update(created)
      .update(this.account.password)
      .digest();
    // Both are compared in any case, in constant time, so that timing does not reveal which is wrong.
    const isUser = timingSafeEqual(sha256(utf8(user)), sha256(utf8(this.account.user)));
    const isDigest = timingSafeEqual(sha256(utf8(password?.text ?? '')), sha256(utf8(digest.toString('base64'))));
    const isType = password?.attributes.get('Type') === `${PROFILE}#PasswordDigest`;
    const isNow = Math.abs(createdUs - this.clock.wallUs()) <= WINDOW_US;
    if (!nonce || !isUser || !isDigest || !isType || !isNow) throw new SoapFault('login');
    this.remember(toHex(sha256(nonce)), createdUs);
  }

  /**
   * Tokens are dropped only if the store is full and the camera's clock has passed their window: setting the clock back allows no replay.
   */
  private remember(nonce: string, createdUs: number): void {
    if (this.used.has(nonce)) throw new SoapFault('login');
    if (this.used.size >= LOGINS_MAX) {
      const nowUs = this.clock.wallUs();
      for (const [other, otherUs] of this.used) if (nowUs - otherUs > WINDOW_US) this.used.delete(other);
    }
    if (this.used.size >= LOGINS_MAX) throw new SoapFault('login');
    this.used.set(nonce, createdUs);
  }
}

function nonceOf(element: XmlElement | undefined): Buffer | null {
  if (!element || (element.attributes.get('EncodingType') ?? BASE64) !== BASE64) return null;
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(element.text)) return null;
  const nonce = Buffer.from(element.text, 'base64');
  return nonce.length < NONCE_BYTES_MIN || nonce.length > NONCE_BYTES_MAX ? null : nonce;
}
