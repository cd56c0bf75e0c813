// Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream) from a fetched answer:
// the browser's EventSource cannot send the session's header.

export interface SentEvent {
  event: string;
  data: string;
}

/** No message of the device is longer. */
const LINE_CHARS_MAX = 1_000_000;

/** The events of a stream of text, each at its closing blank line. Skips comments and unknown fields. */
export async function* sentEvents(texts: AsyncIterable<string>): AsyncGenerator<SentEvent> {
  let pending = '';
  let [event, data] = ['message', [] as string[]];
  for await (const text of texts) {
    pending += text;
    const lines = pending.split('\n');
    pending = lines.pop() ?? '';
    if (pending.length > LINE_CHARS_MAX) throw new Error('a line of the stream is too long');
    for (const raw of lines) {
      const line = raw.replace(/\r$/, '');
      if (line === '') {
        if (data.length > 0) yield { event, data: data.join('\n') };
        [event, data] = ['message', []];
        continue;
      }
      const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
    }
  }
}

/** The text of a body as it arrives; `came` is called for each piece, even an empty one. */
export async function* textOf(body: ReadableStream<Uint8Array>, came = () => {}): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      came();
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
