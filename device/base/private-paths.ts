// Whether other users of this machine could read, change or exchange the file at a path: checks owners, permissions and links from the root
// down, and reads secret files under these rules. Access control lists are not checked.
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
/** Only the file's owner, the folder's owner and root may rename or remove a file there, as in /tmp. */
const STICKY = 0o1000;
const GROUP_AND_OTHERS = 0o077;
/** Every permission of group and others, except that the group may read. */
const ALL_BUT_GROUP_READS = 0o037;
/** As many as Linux follows in one path. */
const LINKS_MAX = 40;

/**
 * The users whose files this process trusts: its own, root, the caller of sudo, and `also`; null where files have no owners (Windows).
 */
function trustedUsers(also: readonly number[] = []): Set<number> | null {
  const own = process.geteuid?.();
  if (own === undefined) return null;
  const caller = own === 0 ? Number.parseInt(process.env['SUDO_UID'] ?? '', 10) : Number.NaN;
  return new Set([0, own, ...also, ...(Number.isNaN(caller) ? [] : [caller])]);
}

/** For root, who looks after folders of services' users: the owner of a folder. Empty for others, who trust no other user. */
export function ownerForRoot(folder: string): number[] {
  if (process.geteuid?.() !== 0) return [];
  const facts = statSync(folder, { throwIfNoEntry: false });
  return facts ? [facts.uid] : [];
}

/**
 * Expects that no other user owns a folder or may write there, nor can exchange it by renaming a folder or link on its path: the folder
 * that is opened later is then the one that was checked. As sshd's StrictModes, but allows parents like /tmp, where users can rename only
 * their own files. Missing folders at the end of the path are not checked. `also`: another user whom root trusts with it. Throws
 * `data_folder_exposed`, and the disk's errors.
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
 * Whether all members of a group are these users, as Debian's sshd checks it: each user has a group of its own, which may write to the
 * user's folders. False where the members cannot be read.
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

/** Exceptions from the rule that a secret file is this user's and nobody else can read it. */
export interface SecretRules {
  /** Its group may read it: an operator shares some files between programs on purpose, such as a certificate's key. */
  groupMayRead?: boolean;
  /** A person named it: it may be a link or a pipe, in any folder. Otherwise it is in a data folder. */
  isNamed?: boolean;
  /** Another user whom root trusts with it. */
  also?: readonly number[];
}

/**
 * The bytes of a secret file; null when it does not exist. The open file is checked, so nobody can exchange it between check and read. A
 * file of root's may be readable for its group, as libpq allows it: systemd passes credentials to a service's user that way. Throws
 * `secret_file_exposed` for a file that another user owns, could read or could write, for a link unless it `isNamed`, and for anything that
 * is not a file; `data_folder_exposed` for the folder of one that is not named; EFBIG beyond `bytesMax`; the disk's errors.
 */
export function readSecretFile(path: string, bytesMax: number, rules: SecretRules = {}): Uint8Array | null {
  if (!rules.isNamed) expectPrivateFolder(dirname(path), rules.also);
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  let file: number;
  try {
    // A named file may be a pipe, which is waited for.
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

/** The part of `Stats` that is checked. */
interface FileFacts {
  uid: number;
  mode: number;
  isFile(): boolean;
  isFIFO(): boolean;
  isSymbolicLink(): boolean;
}

/**
 * Throws `secret_file_exposed` where another user owns a file, or could read or write it. `facts`: of the file itself, not of a link to it.
 */
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

/** A path, quoted for a shell. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
