// Owns: ending a call of the platform's, such as fetch, after a time. Not here: clocks (clock.ts), what is called.

/**
 * Makes a call with a signal that is aborted after `ms`, or with its caller's `signal`. Not by AbortSignal.any: what it joins may be collected
 * as garbage before its time is over, and the call then waits for ever (Node 20, nodejs/node#54614).
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
    // A listener keeps a signal of the platform's alive.
    source.addEventListener('abort', end, { once: true });
    return () => source.removeEventListener('abort', end);
  });
  try {
    return await call(ending.signal);
  } finally {
    for (const forget of undo) forget();
  }
}
