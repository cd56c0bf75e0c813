// Never log pixels, audio, secrets, tokens or a camera's credentials (SECURITY.md). Lines go to stderr, because stdout is for results.
import { createRequire } from 'node:module';
import type pino from 'pino';

/** Facts of a message; plain values only. */
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

/** From the most to the fewest lines; `silent` writes none. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
/** One of `LOG_LEVELS`. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A log that is opened for its first line: most commands write none, and loading pino takes a tenth of their time. */
function openLate(level: LogLevel, open: () => pino.Logger): Log {
  let opened: pino.Logger | null = null;
  const inner = () => {
    opened ??= open();
    return opened;
  };
  const at = (own: Exclude<LogLevel, 'silent'>) => {
    const isWritten = LOG_LEVELS.indexOf(own) >= LOG_LEVELS.indexOf(level);
    return isWritten ? (message: string, facts: LogFacts = {}) => inner()[own](facts, message) : () => undefined;
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (facts) => openLate(level, () => inner().child(facts)),
  };
}

const require = createRequire(import.meta.url);
const loadPino = (): typeof pino => require('pino');

/** JSON lines on stderr, one per message, written synchronously, so that a crash loses none. */
export function openLog(level: LogLevel, name: string): Log {
  return openLate(level, () => {
    const make = loadPino();
    return make({ level, name, base: { name } }, make.destination({ fd: 2, sync: true }));
  });
}

/** JSON lines appended to a file (0600), from a level on; `name`: in each line, as on stderr. Throws at once when it cannot be opened. */
export function openLogFile(path: string, level: LogLevel = 'info', name?: string): Log {
  const make = loadPino();
  const base = name === undefined ? null : { name };
  const logger = make({ level, base }, make.destination({ dest: path, append: true, mode: 0o600, sync: true }));
  return openLate(level, () => logger);
}

/** A log that writes nothing. */
export function silentLog(): Log {
  const nothing = () => undefined;
  const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => log };
  return log;
}
