/**
 * Makes a call with a signal that is aborted after `ms`, or together with the caller's `signal`. Not by AbortSignal.any: the signals that
 * it joins may be garbage-collected before they fire, and the call then waits for ever (Node 20, nodejs/node#54614).
 */
export async function withinTime<Result>(
  ms: number,
  signal: AbortSignal | undefined,
  call: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const ending = new AbortController();
  const sources = [AbortSignal.timeout(ms), ...(signal ? [signal] : [])];
  const undo = sources.map((source) => {
    const end = () => ending.abort(source.reason);
    if (source.aborted) end();
    // The listener also keeps the signal from being garbage-collected.
    source.addEventListener('abort', end, { once: true });
    return () => source.removeEventListener('abort', end);
  });
  try {
    return await call(ending.signal);
  } finally {
    for (const forget of undo) forget();
  }
}
