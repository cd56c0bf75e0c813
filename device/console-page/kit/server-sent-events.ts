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
  let [event, data] = ['message', [] as string[]];
  for await (const raw of linesOf(texts, LINE_CHARS_MAX)) {
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

/** The whole lines of a text as it arrives. Throws when an unfinished line is longer than `charsMax`. */
export async function* linesOf(texts: AsyncIterable<string>, charsMax: number): AsyncGenerator<string> {
  let pending = '';
  for await (const text of texts) {
    const lines = (pending + text).split('\n');
    pending = lines.pop() ?? '';
    if (pending.length > charsMax) throw new Error('a line of the answer is too long');
    yield* lines;
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
