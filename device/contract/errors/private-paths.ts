// Thrown by base's private-paths.ts; written here because a browser reads the whole table.
import type { ErrorRule } from './coded-error.ts';

/** The failures of a data folder or a secret file that is open to other users. */
export const privatePathErrors = {
  data_folder_exposed: {
    message: 'The folder {folder} is not safe from other users of this machine: {detail}.',
    advice: 'Name a folder of your own. If you know who made this one and what is in it, mend it: `{command}`.',
    retryable: false,
    http: 500,
    exit: 5,
  },
  secret_file_exposed: {
    message: 'The secret file {file} is not safe from other users of this machine: {detail}.',
    advice: 'Mend it with `{command}`, and make another secret if somebody else could have read this one.',
    retryable: false,
    http: 500,
    exit: 5,
  },
} as const satisfies Record<string, ErrorRule>;
