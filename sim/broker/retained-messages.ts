import { topicMatches } from '@doorsill/base/mqtt-topic';

/** The first levels of the contract's topics name the home or the area: `doorsill/v1/home/{device}`. */
const PLACE_LEVELS = 4;

export interface RetainedMessage {
  readonly topic: string;
  readonly payload: { readonly length: number };
}

/**
 * Retained messages, indexed by the first levels of their topics. In one list, each subscription of a thousand homes was compared with the
 * messages of all of them: half of a processor for 15 new homes a second.
 */
export class RetainedMessages<Message extends RetainedMessage> {
  private readonly places = new Map<string, Map<string, Message>>();

  /** Keeps the newest message of a topic; an empty payload removes it [MQTT-3.3.1-10]. */
  keep(message: Message): void {
    const place = placeOf(message.topic.split('/'));
    const messages = this.places.get(place);
    if (message.payload.length === 0) {
      messages?.delete(message.topic);
      if (messages?.size === 0) this.places.delete(place);
    } else if (messages) messages.set(message.topic, message);
    else this.places.set(place, new Map([[message.topic, message]]));
  }

  /** The messages that a filter matches, each read when it is yielded. */
  *matching(filter: string): Generator<Message, void> {
    const levels = filter.split('/');
    const isPlaced = !levels.slice(0, PLACE_LEVELS).some((level) => level === '+' || level === '#');
    const one = isPlaced ? this.places.get(placeOf(levels)) : null;
    // A `#` after the place also matches the place itself, which has the same key.
    const places = isPlaced ? (one ? [one] : []) : this.places.values();
    for (const messages of places)
      for (const [topic, message] of messages) if (topicMatches(filter, topic)) yield message;
  }
}

const placeOf = (levels: readonly string[]) => levels.slice(0, PLACE_LEVELS).join('/');
