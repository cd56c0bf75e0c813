import { isDeepStrictEqual } from 'node:util';
import type { Disk } from '@doorsill/base/disk';
import { sha256Hex } from '@doorsill/base/keys';
import { type Account, listAccounts, passwordFits, readAccount } from '@doorsill/base/mqtt-account-files';
import { idSchema } from '@doorsill/contract/ids';
import { AccountHolder, type AccountRole, accessOf, type TopicAccess } from '@doorsill/contract/topic-access';

export interface AccessOptions {
  disk: Disk;
  /** Folder of account files; read at every login, so that new accounts need no restart. */
  accounts: string;
  /** Topic prefix under which the accounts may publish and subscribe. */
  prefix: string;
}

/** One connected client. */
export interface Session {
  readonly account: Account;
  readonly access: TopicAccess;
  /** Its subscriptions. */
  readonly filters: Set<string>;
}

/** Roles with accounts for several concurrent clients; a second client of any other account ends the session of the first. */
const SHARED: readonly AccountRole[] = ['owner', 'home-assistant'];
export const isShared = (user: string) => SHARED.some((role) => user.startsWith(`${role}-`));

export class AccountAccess {
  private readonly options: AccessOptions;
  /** Number of clients so far that named no id. */
  private unnamed = 0;

  constructor(options: AccessOptions) {
    this.options = options;
  }

  /** The session for a user name and password; null when no account matches both. */
  async login(user: string, password: string): Promise<Session | null> {
    const session = await this.sessionOf(user);
    return session && (await passwordFits(session.account, password)) ? session : null;
  }

  /** The session of a user who was authenticated by other means; null when there is no such account. */
  async sessionOf(user: string): Promise<Session | null> {
    const { disk, accounts, prefix } = this.options;
    const account = await readAccount(disk, accounts, user);
    if (!account) return null;
    const holder = AccountHolder.safeParse(account);
    return holder.success ? { account, access: accessOf(prefix, holder.data), filters: new Set() } : null;
  }

  /** User names that have an account file. */
  async users(): Promise<Set<string>> {
    const { disk, accounts } = this.options;
    return new Set(await listAccounts(disk, accounts));
  }

  /** Whether the account is still as it was at login. */
  async stillHolds(session: Session): Promise<boolean> {
    const { disk, accounts } = this.options;
    const account = await readAccount(disk, accounts, session.account.user).catch(() => null);
    return account !== null && isDeepStrictEqual(account, session.account);
  }

  /**
   * The client id that the broker uses. Devices and the bridge have one session: a new one ends the old one, whose will is published
   * before the new one's messages. Clients of shared accounts are distinguished by the client id they send; without one, each gets its
   * own [MQTT-3.1.3-6].
   */
  clientIdOf(user: string | undefined, asked: string): string {
    if (user === undefined) return 'nobody';
    if (!isShared(user)) return user;
    if (asked !== '') return `${user}/${sha256Hex(asked).slice(0, 16)}`;
    this.unnamed += 1;
    return `${user}/-${this.unnamed}`;
  }
}

/** Whether a message or will may be published. */
export function mayPublish(access: TopicAccess, topic: string, retain: boolean): boolean {
  return access.publish.some((rule) => fits(rule.pattern, topic) && (rule.retain || !retain));
}

/** Whether a filter may be subscribed to: an exact topic, or a pattern of the list. */
export function maySubscribe(access: TopicAccess, asked: string): boolean {
  return (
    access.broadFilters.includes(asked) ||
    access.subscribe.some((rule) => (rule.wildcard && rule.pattern === asked) || fits(rule.pattern, asked))
  );
}

/** Whether a message on this topic may be delivered, whatever the subscription. */
export function mayReceive(access: TopicAccess, topic: string): boolean {
  return access.subscribe.some((rule) => fits(rule.pattern, topic));
}

/** A topic fits a pattern if each level is equal, or is an id where the pattern has `+`. A wildcard is not an id. */
function fits(pattern: string, topic: string): boolean {
  const wanted = pattern.split('/');
  const levels = topic.split('/');
  return (
    wanted.length === levels.length &&
    wanted.every((level, at) => (level === '+' ? idSchema.safeParse(levels[at]).success : level === levels[at]))
  );
}
