/** A span of bytes to read. `end` is exclusive. */
export interface Span {
  start: number;
  end: number;
}

/** The span of a `Range` header (RFC 9110 §14.1.2); null for no, several or unsatisfiable ranges: everything is sent then. */
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
