// A log that keeps what a part tells as an error of its own, and nothing else.
import { type Log, silentLog } from '../../device/base/log.ts';

/** `errors`: each with its facts as JSON, of the log and of all its children. */
export function errorLog(): { log: Log; errors: string[] } {
  const errors: string[] = [];
  const log: Log = {
    ...silentLog(),
    error: (message, facts) => void errors.push(`${message} ${JSON.stringify(facts)}`),
    child: () => log,
  };
  return { log, errors };
}
