// Owns: the log's shape and its one real writer (pino to stderr, so that stdout stays for results).
// Not here: what may be logged: never pixels, audio, secrets, tokens or a camera's credentials (SECURITY.md).
import pino from 'pino';

/** Facts beside a message; plain values only. */
export type LogFacts = Record<string, string | number | boolean | null | undefined>;

/** A structured log. Messages are lower-case sentences; values go into facts. */
export interface Log {
  debug(message: string, facts?: LogFacts): void;
  info(message: string, facts?: LogFacts): void;
  warn(message: string, facts?: LogFacts): void;
  error(message: string, facts?: LogFacts): void;
  /** A log whose lines all carry `facts`. */
  child(facts: LogFacts): Log;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

function wrap(inner: pino.Logger): Log {
  return {
    debug: (message, facts) => inner.debug(facts ?? {}, message),
    info: (message, facts) => inner.info(facts ?? {}, message),
    warn: (message, facts) => inner.warn(facts ?? {}, message),
    error: (message, facts) => inner.error(facts ?? {}, message),
    child: (facts) => wrap(inner.child(facts)),
  };
}

/** JSON lines on stderr, one per message, written at once (a crash loses none). */
export function openLog(level: LogLevel, name: string): Log {
  return wrap(pino({ level, name, base: { name } }, pino.destination({ fd: 2, sync: true })));
}

/** JSON lines at the end of a file (0600), from a level on; `name`: in each line, as on stderr. */
export function openLogFile(path: string, level: LogLevel = 'info', name?: string): Log {
  const base = name === undefined ? null : { name };
  return wrap(pino({ level, base }, pino.destination({ dest: path, append: true, mode: 0o600, sync: true })));
}

/** A log that says nothing. */
export function silentLog(): Log {
  return wrap(pino({ level: 'silent' }));
}
