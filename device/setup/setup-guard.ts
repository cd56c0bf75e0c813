// Admits one browser to the set-up page: the one that first shows the token of the code in the terminal.
import { timingSafeEqual } from 'node:crypto';
import { sha256 } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import { toBase64url, utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';

/** The header with the token. */
export const SETUP_HEADER = 'x-doorsill-setup';
const COOKIE = 'doorsill-setup';
const SECRET_BYTES = 16;
/** Guesses, after which the set-up ends. */
export const GUESSES_MAX = 10;

export class SetupGuard {
  /** In the code in the terminal. */
  readonly token: string;
  private readonly random: Random;
  private readonly guessed: () => void;
  private guesses = 0;
  /** The cookie of the admitted browser. */
  private browser: string | null = null;
  private isOver = false;

  /** `guessed`: called once there were as many guesses as are allowed. */
  constructor(random: Random, guessed: () => void) {
    this.random = random;
    this.guessed = guessed;
    this.token = this.secret();
  }

  /**
   * Admits a call by its header and its cookies; returns the cookie to be set, for the first one. Another browser with the same code is refused,
   * since a code may be photographed. Throws `setup_token_refused`, `setup_taken`, `setup_over`.
   */
  admit(token: unknown, cookies: string | undefined): string | null {
    if (typeof token !== 'string' || !isSame(token, this.token)) {
      if (token !== undefined) this.guess();
      throw failure('setup_token_refused');
    }
    // Also for a guess at the last moment: nothing is answered any more.
    if (this.isOver) throw failure('setup_over');
    const { browser } = this;
    if (browser === null) {
      this.browser = `${COOKIE}=${this.secret()}`;
      return this.browser;
    }
    if (
      !String(cookies)
        .split('; ')
        .some((cookie) => isSame(cookie, browser))
    )
      throw failure('setup_taken');
    return null;
  }

  /** From now on nobody is admitted. */
  end(): void {
    this.isOver = true;
  }

  private guess(): void {
    this.guesses += 1;
    if (this.guesses < GUESSES_MAX || this.isOver) return;
    this.end();
    this.guessed();
  }

  private secret(): string {
    return toBase64url(this.random.bytes(SECRET_BYTES));
  }
}

/** Compares hashes, which have one length, in a time that does not depend on them. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(sha256(utf8(a)), sha256(utf8(b)));
}
