// Decides by an account's access list (device/contract/topic-access.ts) what it may publish, subscribe to and receive. Pure.
import { idSchema } from '@doorsill/contract/ids';
import type { TopicAccess } from '@doorsill/contract/topic-access';

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
