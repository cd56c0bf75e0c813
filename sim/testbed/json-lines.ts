const LINE_BYTES_MAX = 1_000_000;

/** Splits a stream of bytes into JSON objects, one a line. Lines that are not JSON are skipped. */
export class JsonLines {
  private pending = '';
  private readonly onLine: (line: Record<string, unknown>) => void;

  constructor(onLine: (line: Record<string, unknown>) => void) {
    this.onLine = onLine;
  }

  /** Takes the next bytes; calls back once per complete line. */
  push(chunk: Uint8Array): void {
    const lines = (this.pending + new TextDecoder().decode(chunk)).split('\n');
    this.pending = (lines.pop() ?? '').slice(0, LINE_BYTES_MAX);
    for (const line of lines) {
      const parsed = parseObject(line);
      if (parsed) this.onLine(parsed);
    }
  }
}

/** A line as a JSON object; null for another line. */
export function parseObject(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
