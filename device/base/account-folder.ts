// Owns: broker accounts as files, one JSON file each, passwords only as salted scrypt hashes; written where a home or an area
// link is issued, read by the embedded broker. Not here: what an account may do (protocol/access.ts).
import { scrypt, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { assert } from './assert.ts';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from './bytes.ts';
import type { Disk } from './disk.ts';
import { sha256Hex } from './keys.ts';
import type { Random } from './random.ts';

const nameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);

const accountSchema = z.strictObject({
  user: nameSchema,
  role: nameSchema,
  id: nameSchema,
  homes: z.array(nameSchema).max(64),
  salt: z.string().length(22),
  hash: z.string().length(43),
});
/** One account as it is stored. */
export type Account = z.infer<typeof accountSchema>;

const ACCOUNT_BYTES_MAX = 16_384;
const FILE_SUFFIX = '.json';
const PASSWORD_LENGTH_MAX = 128;
/** Passwords are 192 random bits, never chosen by people, so a light cost is enough and a fleet can log in at once. */
const SCRYPT = { N: 1024, r: 8, p: 1 };

/** Who gets an account. `homes`: for an owner, the devices paired with. */
export interface AccountWish {
  role: string;
  id: string;
  homes?: readonly string[];
}

/** The user name that follows from an account's holder. An owner has one account for each pairing, so that one password stays one home's. */
export function accountUser(wish: AccountWish): string {
  const homes = wish.homes ?? [];
  const user = homes.length === 0 ? `${wish.role}-${wish.id}` : `${wish.role}-${pairingHash(wish.id, homes)}`;
  assert(nameSchema.safeParse(user).success, 'role and id make a user name');
  return user;
}

function pairingHash(id: string, homes: readonly string[]): string {
  return sha256Hex([id, ...homes].join(' ')).slice(0, 32);
}

/** Makes the account, or gives it a new password; the password is nowhere else. Rejects with the disk's errors. */
export async function issueAccount(
  disk: Disk,
  random: Random,
  folder: string,
  wish: AccountWish,
): Promise<{ user: string; password: string }> {
  const user = accountUser(wish);
  const password = toBase64url(random.bytes(24));
  const salt = toBase64url(random.bytes(16));
  const hash = toBase64url(await hashOf(password, salt));
  const account: Account = { user, role: wish.role, id: wish.id, homes: [...(wish.homes ?? [])], salt, hash };
  await disk.makeFolder(folder);
  await disk.replaceFile(pathOf(folder, user), utf8(`${JSON.stringify(accountSchema.parse(account))}\n`));
  return { user, password };
}

/** The account of a user name, which may come from anyone; null when there is none or its file is not whole. */
export async function readAccount(disk: Disk, folder: string, user: string): Promise<Account | null> {
  if (!nameSchema.safeParse(user).success) return null;
  const bytes = await disk.readFile(pathOf(folder, user), ACCOUNT_BYTES_MAX);
  const text = bytes && fromUtf8(bytes);
  if (!text) return null;
  try {
    const account = accountSchema.safeParse(JSON.parse(text));
    return account.success && account.data.user === user ? account.data : null;
  } catch {
    return null;
  }
}

/** User names that have an account file, whole or not. */
export async function listAccounts(disk: Disk, folder: string): Promise<string[]> {
  const files = (await disk.list(folder)).filter((name) => name.endsWith(FILE_SUFFIX));
  return files.map((name) => name.slice(0, -FILE_SUFFIX.length)).filter((user) => nameSchema.safeParse(user).success);
}

/** Ends an account; the broker ends its sessions soon after. */
export async function removeAccount(disk: Disk, folder: string, user: string): Promise<void> {
  if (nameSchema.safeParse(user).success) await disk.remove(pathOf(folder, user));
}

/** Whether this is the account's password. */
export async function passwordFits(account: Account, password: string): Promise<boolean> {
  const stored = fromBase64url(account.hash);
  if (stored?.length !== 32 || password.length > PASSWORD_LENGTH_MAX) return false;
  return timingSafeEqual(stored, await hashOf(password, account.salt));
}

function hashOf(password: string, salt: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 32, SCRYPT, (error, key) => (error ? reject(error) : resolve(new Uint8Array(key))));
  });
}

function pathOf(folder: string, user: string): string {
  return join(folder, user + FILE_SUFFIX);
}
