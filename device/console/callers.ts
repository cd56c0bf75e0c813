// Identifies the caller: an owner by session (cookie and header together), a viewer by id and token (Basic, RFC 7617), or nobody.
import { sha256Hex } from '@doorsill/base/keys';
import { type Viewer, ViewRight } from '@doorsill/contract/console-messages';
import { failure } from '@doorsill/contract/errors';
import type { OwnerSessions } from './owner-sessions.ts';

export interface Caller {
  role: 'owner' | 'viewer';
  /** An owner's key, or a viewer's id: recorded when pictures are shown. */
  id: string;
  name: string;
  rights: readonly ViewRight[];
  /** Aborted when this caller loses its rights. */
  signal: AbortSignal;
}

export const SESSION_HEADER = 'x-doorsill-session';

export interface CallerHeaders {
  authorization?: string | undefined;
  cookie?: string | undefined;
  [SESSION_HEADER]?: string | string[] | undefined;
}

const BASIC = /^Basic ([A-Za-z0-9+/]{1,400}={0,2})$/i;

/** The name of a device's cookie. All ports of a machine share their cookies, so two doorbells on one machine need different names. */
export function sessionCookieName(device: string): string {
  return `doorsill-session-${device}`;
}

/** The secret in this device's session cookie; null if the header has no such cookie. */
export function sessionCookie(cookies: string | undefined, device: string): string | null {
  // The name must match from its start: another cookie's name may end with it.
  return new RegExp(`(?:^|; )${sessionCookieName(device)}=([A-Za-z0-9_-]{22})(?:;|$)`).exec(cookies ?? '')?.[1] ?? null;
}

/** Guessing is hopeless: a token has 128 bits, and refusals are rate-limited. */
const NO_VIEWER = 'console_viewer_refused';

export class Callers {
  private readonly device: string;
  private readonly sessions: OwnerSessions;
  private readonly findViewer: (id: string) => Viewer | null;
  /** By viewer id; aborted when the viewer is removed or expires. */
  private readonly ends = new Map<string, AbortController>();

  constructor(device: string, sessions: OwnerSessions, findViewer: (id: string) => Viewer | null) {
    this.device = device;
    this.sessions = sessions;
    this.findViewer = findViewer;
  }

  /** The authenticated caller; null without credentials. Throws `console_session_refused`, `console_viewer_refused`. */
  callerOf(headers: CallerHeaders): Caller | null {
    if (headers.authorization !== undefined) return this.viewerOf(headers.authorization);
    const header = headers[SESSION_HEADER];
    if (header === undefined) return null;
    return this.ownerOf(headers.cookie, String(header));
  }

  /** The owner of the session with this cookie and header secret. Throws `console_session_refused`. */
  ownerOf(cookies: string | undefined, secret: string): Caller {
    const cookie = sessionCookie(cookies, this.device);
    const session = cookie === null ? null : this.sessions.find(cookie, secret);
    if (!session)
      throw failure('console_session_refused', { detail: 'the session has ended, or its cookie or secret is missing' });
    return { role: 'owner', id: session.key, name: session.name, rights: ViewRight.options, signal: session.signal };
  }

  /** Ends the views of removed and expired viewers. Call it when viewers change, and regularly. */
  sweep(): void {
    for (const [id, end] of this.ends) {
      if (this.findViewer(id)) continue;
      end.abort(failure(NO_VIEWER));
      this.ends.delete(id);
    }
  }

  private viewerOf(authorization: string): Caller {
    const [, encoded = ''] = BASIC.exec(authorization) ?? [];
    const [id = '', ...rest] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
    const viewer = this.findViewer(id);
    // Compares hashes, so that the timing reveals nothing about the token.
    if (!viewer || viewer.tokenSha256 !== sha256Hex(rest.join(':'))) throw failure(NO_VIEWER);
    const end = this.ends.get(id) ?? new AbortController();
    this.ends.set(id, end);
    return { role: 'viewer', id, name: viewer.name, rights: viewer.rights, signal: end.signal };
  }
}
