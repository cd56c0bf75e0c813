// Owns: whether other users of this machine could read, change or exchange what lies at a path: owners, permissions and links from the
// root down, and reading a secret file under these rules. Not here: access control lists, which nobody looks at here; what is in the files.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { CodedError } from '@doorsill/contract/errors/coded-error';
import { privatePathErrors } from '@doorsill/contract/errors/private-paths';

const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;
/** Only its owner, the folder's and root may rename or remove a file there, as in /tmp. */
const STICKY = 0o1000;
const GROUP_AND_OTHERS = 0o077;
/** All but reading by the group. */
const ALL_BUT_GROUP_READS = 0o037;
/** Linux follows as many links in one path. */
const LINKS_MAX = 40;

/**
 * The users who may own what this process trusts: itself, root, whoever called sudo to be root, and `also`; null where files have no
 * owners (Windows).
 */
function trustedUsers(also: readonly number[] = []): Set<number> | null {
  const own = process.geteuid?.();
  if (own === undefined) return null;
  const caller = own === 0 ? Number.parseInt(process.env['SUDO_UID'] ?? '', 10) : Number.NaN;
  return new Set([0, own, ...also, ...(Number.isNaN(caller) ? [] : [caller])]);
}

/** For root, who looks after what services of other users keep: the user who owns a folder. Nobody else is to trust another user. */
export function ownerForRoot(folder: string): number[] {
  if (process.geteuid?.() !== 0) return [];
  const facts = statSync(folder, { throwIfNoEntry: false });
  return facts ? [facts.uid] : [];
}

/**
 * Expects that no other user owns a folder or may write there, and that none may exchange it by renaming a folder or a link on the way
 * to it: what is checked is then what is opened later. sshd's StrictModes asks the same, but for folders like /tmp, where nobody can
 * rename what is not theirs. The end of a path that is not there yet is passed over. `also`: another user whom root trusts with it.
 * Throws `data_folder_exposed`, and the disk's errors.
 */
export function expectPrivateFolder(folder: string, also: readonly number[] = []): void {
  const users = trustedUsers(also);
  if (!users) return;
  const exposed = (detail: string, command: string) =>
    new CodedError('data_folder_exposed', privatePathErrors.data_folder_exposed, { folder, detail, command });
  const names = resolve(folder).split('/').filter(Boolean);
  let [path, links] = ['/', 0];
  for (;;) {
    const facts = lstatSync(path, { throwIfNoEntry: false });
    if (!facts) return;
    if (!users.has(facts.uid)) {
      const what = facts.isSymbolicLink() ? `the link ${path}` : path;
      const command = `chown -hR ${process.geteuid?.()} ${quoted(path)} && chmod -R go-w ${quoted(path)}`;
      throw exposed(`${what} belongs to user ${facts.uid}`, command);
    }
    if (facts.isSymbolicLink()) {
      links += 1;
      if (links > LINKS_MAX) throw Object.assign(new Error(`too many links: ${folder}`), { code: 'ELOOP' });
      const target = readlinkSync(path);
      names.unshift(...target.split('/').filter(Boolean));
      path = isAbsolute(target) ? '/' : join(path, '..');
      continue;
    }
    const isWritable =
      (facts.mode & OTHERS_WRITE) !== 0 || ((facts.mode & GROUP_WRITES) !== 0 && !isGroupOf(users, facts.gid));
    if (isWritable && (names.length === 0 || (facts.mode & STICKY) === 0)) {
      throw exposed(`other users may write to ${path}`, `chmod go-w ${quoted(path)}`);
    }
    const next = names.shift();
    if (next === undefined) return;
    path = join(path, next);
  }
}

/**
 * Whether all members of a group are these users, as Debian's sshd judges it: its users have a group of their own, and their folders
 * are writable for it. False where this cannot be seen.
 */
function isGroupOf(users: ReadonlySet<number>, gid: number): boolean {
  if (process.platform !== 'linux') return false;
  try {
    const rows = (file: string) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .map((line) => line.split(':'));
    const named = rows('/etc/group')
      .filter(([, , id]) => Number(id) === gid)
      .flatMap(([, , , list = '']) => list.split(','));
    const accounts = rows('/etc/passwd').map(([name = '', , uid, group]) => ({
      name,
      uid: Number(uid),
      gid: Number(group),
    }));
    const uids = named.filter(Boolean).map((name) => accounts.find((each) => each.name === name)?.uid ?? Number.NaN);
    uids.push(...accounts.filter((each) => each.gid === gid).map(({ uid }) => uid));
    return uids.length > 0 && uids.every((uid) => users.has(uid));
  } catch {
    return false;
  }
}

/** What a secret file may be beyond one of this user's that nobody else can read. */
export interface SecretRules {
  /** Its group may read it: what an operator shares between programs on purpose, such as the key of a certificate. */
  groupMayRead?: boolean;
  /** A person named it: a link may lead to it, it may be a pipe, and it may lie in any folder. Else it lies in a data folder. */
  isNamed?: boolean;
  /** Another user who may own it, whom root trusts with it. */
  also?: readonly number[];
}

/**
 * The bytes of a secret file; null when it does not exist. The open file is judged, so nobody can exchange it between check and read. One that
 * root owns may be readable for its group, as libpq allows it: systemd hands credentials to a service's user that way.
 * Throws `secret_file_exposed` for one that another user owns, could read or could write, for a link unless it `isNamed`, and for what
 * is no file; `data_folder_exposed` for the folder of one that is not named; EFBIG beyond `bytesMax`; the disk's errors.
 */
export function readSecretFile(path: string, bytesMax: number, rules: SecretRules = {}): Uint8Array | null {
  if (!rules.isNamed) expectPrivateFolder(dirname(path), rules.also);
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  let file: number;
  try {
    // What is named may be a pipe, which is waited for.
    file = openSync(path, rules.isNamed ? O_RDONLY : O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : null;
    if (code === 'ENOENT') return null;
    if (code === 'ELOOP' && !rules.isNamed) throw isLink(path);
    throw thrown;
  }
  try {
    expectPrivateFile(path, fstatSync(file), rules);
    const bytes = new Uint8Array(bytesMax + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = readSync(file, bytes, length, bytes.length - length, null);
    }
    if (length > bytesMax) throw Object.assign(new Error(`file larger than ${bytesMax} bytes`), { code: 'EFBIG' });
    return bytes.slice(0, length);
  } finally {
    closeSync(file);
  }
}

/** What is judged of a file: `Stats` has it. */
interface FileFacts {
  uid: number;
  mode: number;
  isFile(): boolean;
  isFIFO(): boolean;
  isSymbolicLink(): boolean;
}

/** Throws `secret_file_exposed` where another user owns a file, or could read or write it. `facts`: of the file itself. */
export function expectPrivateFile(path: string, facts: FileFacts, rules: SecretRules = {}): void {
  const users = trustedUsers(rules.also);
  if (facts.isSymbolicLink()) throw isLink(path);
  const keep = `chmod 600 ${quoted(path)}`;
  if (!facts.isFile() && !(rules.isNamed && facts.isFIFO()))
    throw secretExposed(path, 'it is no file', `ls -ld ${quoted(path)}`);
  if (!users) return;
  const { uid, mode } = facts;
  const own = process.geteuid?.();
  if (!users.has(uid))
    throw secretExposed(path, `it belongs to user ${uid}`, `chown ${own} ${quoted(path)} && ${keep}`);
  const isRoots = uid === 0 && own !== 0;
  const open = mode & (isRoots || rules.groupMayRead ? ALL_BUT_GROUP_READS : GROUP_AND_OTHERS);
  if (open !== 0) throw secretExposed(path, `its mode is ${(mode & 0o7777).toString(8).padStart(4, '0')}`, keep);
}

function isLink(path: string): CodedError {
  return secretExposed(path, 'it is a link', `mv -f "$(readlink -f ${quoted(path)})" ${quoted(path)}`);
}

function secretExposed(file: string, detail: string, command: string): CodedError {
  return new CodedError('secret_file_exposed', privatePathErrors.secret_file_exposed, { file, detail, command });
}

/** A path as a shell takes it. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
