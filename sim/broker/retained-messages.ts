// Owns: the retained messages of the embedded broker, found by filter without looking at those of other homes. Not here: what is delivered
// (broker.ts), how filters match (device/base/mqtt-topic.ts).
import { topicMatches } from '@doorsill/base/mqtt-topic';

/** Of the contract's topics the first levels name the home or the area: `doorsill/v1/home/{device}`. */
const PLACE_LEVELS = 4;

export interface RetainedMessage {
  readonly topic: string;
  readonly payload: { readonly length: number };
}

/**
 * Messages by the first levels of their topics. With one list, each subscription of a thousand homes is compared with the messages of all of
 * them: half of a processor for 15 new homes a second.
 */
export class RetainedMessages<Message extends RetainedMessage> {
  private readonly places = new Map<string, Map<string, Message>>();

  /** Keeps the newest message of a topic; one without payload takes it away [MQTT-3.3.1-10]. */
  keep(message: Message): void {
    const place = placeOf(message.topic.split('/'));
    const messages = this.places.get(place);
    if (message.payload.length === 0) {
      messages?.delete(message.topic);
      if (messages?.size === 0) this.places.delete(place);
    } else if (messages) messages.set(message.topic, message);
    else this.places.set(place, new Map([[message.topic, message]]));
  }

  /** Those that a filter matches, one by one: each as it is when it is taken. */
  *matching(filter: string): Generator<Message, void> {
    const levels = filter.split('/');
    const isPlaced = !levels.slice(0, PLACE_LEVELS).some((level) => level === '+' || level === '#');
    const one = isPlaced ? this.places.get(placeOf(levels)) : null;
    // A `#` behind the place matches the place itself as well, which lies with it.
    const places = isPlaced ? (one ? [one] : []) : this.places.values();
    for (const messages of places)
      for (const [topic, message] of messages) if (topicMatches(filter, topic)) yield message;
  }
}

const placeOf = (levels: readonly string[]) => levels.slice(0, PLACE_LEVELS).join('/');
