// Owns: which bytes a `Range` header asks for.

/** A span of bytes to read. `end` is exclusive. */
export interface Span {
  start: number;
  end: number;
}

/** The span a `Range` header asks for (RFC 9110 §14.1.2); null for none, several, or an unsatisfiable one: all is sent. */
export function rangeOf(header: string | undefined, sizeBytes: number): Span | null {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return null;
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes);
    return length === 0 ? null : { start: sizeBytes - length, end: sizeBytes };
  }
  const start = Number(first);
  const end = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  return start < end ? { start, end } : null;
}
