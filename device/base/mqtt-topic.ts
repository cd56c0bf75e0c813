// How MQTT topic filters match topic names [MQTT-4.7].

/** Longer topic names are refused; the contract has none. */
export const TOPIC_BYTES_MAX = 512;

/** Whether a text can be the topic of a message: no wildcards [MQTT-3.3.2-2], no NUL [MQTT-4.7.3-2], not too long. */
export function isTopicName(topic: string): boolean {
  return topic.length > 0 && topic.length <= TOPIC_BYTES_MAX && !/[#+\0]/.test(topic);
}

/**
 * Whether a filter matches a topic name: `+` is one level, a last `#` any number; a filter that begins with one matches no `$...`
 * [MQTT-4.7.2-1].
 */
export function topicMatches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[#+]/.test(filter)) return false;
  const levels = topic.split('/');
  const wanted = filter.split('/');
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return at === wanted.length - 1;
    if (at >= levels.length || (level !== '+' && level !== levels[at])) return false;
  }
  return wanted.length === levels.length;
}
