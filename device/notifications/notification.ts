// The content of a notification, made from a message to the owners.
import { Receipt } from '@doorsill/contract/home-messages';
import { parseToken } from '@doorsill/contract/jws';
import { oneLine } from '@doorsill/contract/outside-text';
import { Credential, Request } from '@doorsill/contract/request';
import type { HomeMessage } from '../home-link/home-link.ts';
import type { NotificationKind } from './notifications-settings.ts';

/** An event in words that reveal nothing about the home. */
export interface Notification {
  kind: NotificationKind | 'offline';
  text: string;
  /** The text with a request's words, for targets whose settings allow them. */
  textWithRequest?: string;
  atUs: number;
}

const TEXTS: Record<Notification['kind'], string> = {
  press: 'Somebody is at the door.',
  motion: 'Something moves before the door.',
  request: 'A request for footage waits for your answer.',
  'clip-sent': 'A clip that you granted was sent.',
  storage: 'The doorbell cannot store all that it should.',
  online: 'The doorbell has started.',
  offline: 'The doorbell stops.',
};
const REQUEST_LETTERS_MAX = 900;
const REMEMBERED_MAX = 1_000;

export function notificationOf(kind: Notification['kind'], atUs: number): Notification {
  return { kind, text: TEXTS[kind], atUs };
}

/** Makes notifications of messages: one for each request and each sent clip, however often it is published. */
export class NotificationReader {
  private readonly notified = new Set<string>();
  private isStorageOk = true;

  /** `nowUs`: the time of messages that hold none. */
  read(message: HomeMessage, nowUs: number): Notification | null {
    if (message.kind === 'event') {
      const { type, atUs } = message.event;
      if (type === 'ring') return notificationOf('press', atUs);
      return type === 'motion-start' ? notificationOf('motion', atUs) : null;
    }
    if (message.kind === 'state') {
      const wasOk = this.isStorageOk;
      this.isStorageOk = message.state.storage.state === 'ok';
      return wasOk && !this.isStorageOk ? notificationOf('storage', message.state.atUs) : null;
    }
    if (message.kind === 'receipt') {
      const receipt = Receipt.safeParse(parseToken(message.receipt)?.claims).data;
      if (receipt?.outcome !== 'sent' || !this.isNew(`sent ${receipt.grant}`)) return null;
      return notificationOf('clip-sent', nowUs);
    }
    return message.kind === 'request' ? this.request(message.request.published, nowUs) : null;
  }

  /** Reads claims without verifying: the gate verified the request and its credential before it was published. */
  private request(published: { request: string; credential: string }, nowUs: number): Notification | null {
    const request = Request.safeParse(parseToken(published.request)?.claims).data;
    const credential = Credential.safeParse(parseToken(published.credential)?.claims).data;
    if (!request || !this.isNew(`request ${request.jti}`)) return null;
    const kept = [...oneLine(request.text)].slice(0, REQUEST_LETTERS_MAX).join('');
    const notification = notificationOf('request', nowUs);
    return {
      ...notification,
      textWithRequest: `${oneLine(credential?.name ?? 'An agency')} asks for footage: ${kept}`,
    };
  }

  private isNew(key: string): boolean {
    if (this.notified.has(key)) return false;
    this.notified.add(key);
    const [oldest] = this.notified;
    if (this.notified.size > REMEMBERED_MAX && oldest !== undefined) this.notified.delete(oldest);
    return true;
  }
}
