// Splits what is published for one map cell (its entries: requests or searches) into parts that fit an MQTT payload, and publishes each
// part as a retained message.

import type { Log } from '@doorsill/base/log';
import { utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { PAYLOAD_BYTES_MAX } from '@doorsill/contract/topics';

export interface AreaPublisher {
  /** Resolves when the broker has acknowledged the message; rejects when it was dropped. */
  publish(topic: string, payload: string, options: { retain: boolean }): Promise<void>;
}

/** Bytes for the JSON of entries and ids, without the token's header, signature, other claims and base64 overhead. */
const JSON_BYTES_MAX = Math.floor(((PAYLOAD_BYTES_MAX - 200) * 3) / 4) - 600;
const ENDED_MAX = 400;
const PARTS_MAX = 99;

export interface CellContent<Entry> {
  cell: string;
  entries: readonly Entry[];
  /** Ids of entries that ended early. */
  ended: readonly string[];
}

/** The entries of each part; at least one part. Ended ids go into the first. Throws `request_limits`. */
export function packParts<Entry>(content: CellContent<Entry>, entriesPerPartMax: number): Entry[][] {
  const parts: Entry[][] = [[]];
  let room = JSON_BYTES_MAX - jsonBytes(keptEnded(content));
  for (const entry of content.entries) {
    const bytes = jsonBytes(entry) + 1;
    const last = parts.at(-1);
    if (last && bytes <= room && last.length < entriesPerPartMax) last.push(entry);
    else {
      parts.push([entry]);
      room = JSON_BYTES_MAX;
    }
    room -= bytes;
  }
  if (parts.length > PARTS_MAX) throw failure('request_limits', { detail: 'too many entries are open in one cell' });
  return parts;
}

/** The newest ended ids, as many as a document may hold: older ones were in earlier documents for long enough. */
export function keptEnded({ ended }: Pick<CellContent<unknown>, 'ended'>): string[] {
  return ended.slice(-ENDED_MAX);
}

function jsonBytes(value: unknown): number {
  return utf8(JSON.stringify(value)).length;
}

/** Publishes without waiting: the link queues while the broker is down, and everything is published again when it is back. */
export function put({ publisher, log }: { publisher: AreaPublisher; log: Log }, topic: string, payload: string): void {
  publisher.publish(topic, payload, { retain: true }).catch((thrown: unknown) => {
    log.debug('a message did not reach the area broker; it is published again when the broker is back', {
      topic,
      detail: thrown instanceof Error ? thrown.message : '',
    });
  });
}

/** Publishes a cell's document, and removes former parts that it does not need any more. */
export function putParts(
  deps: { publisher: AreaPublisher; log: Log },
  topicOf: (part: number) => string,
  tokens: readonly string[],
  partsBefore: number,
): void {
  tokens.forEach((token, at) => {
    put(deps, topicOf(at + 1), token);
  });
  // An empty retained message removes a former one [MQTT-3.3.1-10].
  for (let part = tokens.length + 1; part <= partsBefore; part += 1) put(deps, topicOf(part), '');
}
