// Owns: whether an account's access list lets it publish, subscribe and receive. Pure. Not here: the list (device/contract/topic-access.ts),
// refusing it (broker.ts).
import { idSchema } from '@doorsill/contract/ids';
import type { TopicAccess } from '@doorsill/contract/topic-access';

/** Whether a message may be published, also as a will. */
export function mayPublish(access: TopicAccess, topic: string, retain: boolean): boolean {
  return access.publish.some((rule) => fits(rule.pattern, topic) && (rule.retain || !retain));
}

/** Whether a filter may be subscribed to: an exact topic, or a pattern exactly as the list has it. */
export function maySubscribe(access: TopicAccess, asked: string): boolean {
  return (
    access.broadFilters.includes(asked) ||
    access.subscribe.some((rule) => (rule.wildcard && rule.pattern === asked) || fits(rule.pattern, asked))
  );
}

/** Whether a message on this topic may be delivered, whatever was subscribed to. */
export function mayReceive(access: TopicAccess, topic: string): boolean {
  return access.subscribe.some((rule) => fits(rule.pattern, topic));
}

/** An exact topic fits a pattern if every level is equal, or an id where the pattern has `+`. A wildcard is not an id. */
function fits(pattern: string, topic: string): boolean {
  const wanted = pattern.split('/');
  const levels = topic.split('/');
  return (
    wanted.length === levels.length &&
    wanted.every((level, at) => (level === '+' ? idSchema.safeParse(levels[at]).success : level === levels[at]))
  );
}
