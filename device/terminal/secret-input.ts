// Reads secrets from standard input, from a terminal without echo, or from a file, which for a code must be unreadable for others; never
// from an argument or the environment, which other users of the machine may read.
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { type Readable, Writable } from 'node:stream';
import { type Disk, systemCode } from '@doorsill/base/disk';
import { expectPrivateFile } from '@doorsill/base/private-paths';
import { parseEnrolmentCode } from '@doorsill/contract/enrolment';
import { failure, isFailure } from './errors.ts';

const LINE_CHARACTERS_MAX = 4_096;

/** Name of the service manager's credential with the code (systemd.exec(5), LoadCredential=). */
export const CODE_CREDENTIAL = 'enrolment-code';

/**
 * The one-time enrolment code from the source that `--enrol` names: `-` is one line of standard input, anything else a file that only
 * its owner may read. Without the option, from the service manager's credential; undefined where there is none. Throws
 * `enrolment_code_exposed` when others could have read it, `usage` when it is not a code, `file_unusable`.
 */
export async function readEnrolmentInput(
  source: string | undefined,
  { stdin, environment }: Pick<NodeJS.Process, 'stdin'> & { environment: NodeJS.ProcessEnv },
): Promise<string | undefined> {
  if (source === undefined) {
    const folder = environment['CREDENTIALS_DIRECTORY'];
    // systemd lets the service's user read the credential by an ACL, whose mask shows in the group bits.
    if (folder === undefined) return undefined;
    return checkedCode(await lineOfFile(join(folder, CODE_CREDENTIAL), { groupMayRead: true, mayBeMissing: true }));
  }
  if (parseEnrolmentCode(source)) throw failure('enrolment_code_exposed', { detail: 'it is on the command line' });
  if (source !== '-') return checkedCode(await lineOfFile(resolve(source), {}));
  return checkedCode(stdin.isTTY ? await askHidden('Enrolment code: ') : await firstLine(stdin));
}

function checkedCode(text: string | undefined): string | undefined {
  if (text !== undefined && !parseEnrolmentCode(text)) {
    throw failure('usage', { detail: 'the text that --enrol read is not an enrolment code' });
  }
  return text?.trim();
}

/** The first line of a file that nobody else can read, except its group where that is allowed; undefined if it may be missing and is. */
async function lineOfFile(
  path: string,
  { groupMayRead = false, mayBeMissing = false }: { groupMayRead?: boolean; mayBeMissing?: boolean },
): Promise<string | undefined> {
  const file = await open(path, 'r').catch((thrown: unknown) => {
    if (mayBeMissing && systemCode(thrown) === 'ENOENT') return null;
    throw thrown;
  });
  if (!file) return undefined;
  try {
    // fstat on the open file, so that nobody can swap the file between check and read.
    try {
      expectPrivateFile(path, await file.stat(), { isNamed: true, groupMayRead });
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      throw failure('enrolment_code_exposed', { detail: `${path}: ${thrown.facts['detail']}` }, thrown);
    }
    return await firstLine(file.createReadStream({ autoClose: false }));
  } finally {
    await file.close();
  }
}

/** One line without its line end; the rest stays in the stream for the next reader. A line over the limit is cut off. */
function firstLine(input: Readable): Promise<string> {
  return new Promise((done, failed) => {
    let text = '';
    const end = () => {
      input.off('data', take).off('end', end).off('error', failed).pause();
      done(text);
    };
    const take = (chunk: Buffer) => {
      const lineEnd = chunk.indexOf('\n');
      text += chunk.toString('utf8', 0, lineEnd < 0 ? chunk.length : lineEnd);
      if (lineEnd < 0 && text.length <= LINE_CHARACTERS_MAX) return;
      text = text.slice(0, LINE_CHARACTERS_MAX);
      end();
      if (lineEnd >= 0 && lineEnd + 1 < chunk.length) input.unshift(chunk.subarray(lineEnd + 1));
    };
    input.on('data', take).once('end', end).once('error', failed);
  });
}

/** Asks on the terminal without showing the answer. */
export async function askHidden(question: string): Promise<string> {
  process.stderr.write(question);
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: silence, terminal: true });
  try {
    return await reader.question('');
  } finally {
    reader.close();
    process.stderr.write('\n');
  }
}

const SECRET_BYTES_MAX = 4_096;

/**
 * A password, passphrase or token in a file or pipe, without its line end. Throws `file_unusable` when the file does not exist,
 * `secret_file_exposed` when other users could read or change it.
 */
export async function readSecretText(disk: Disk, file: string): Promise<string> {
  const bytes = await disk.readSecret(resolve(file), SECRET_BYTES_MAX, { isNamed: true });
  if (!bytes) throw failure('file_unusable', { detail: `${file} does not exist` });
  return new TextDecoder().decode(bytes).replace(/\r?\n$/, '');
}
