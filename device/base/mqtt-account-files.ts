// Broker accounts as files, one JSON file each, passwords only as salted hashes. Written where a home or an area link is issued, read by
// the embedded broker, printed for others.
import { pbkdf2, pbkdf2Sync, scrypt, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { assert } from '@doorsill/contract/assert';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from '@doorsill/contract/bytes';
import { encodeBase64, hashSync } from 'bcryptjs';
import { z } from 'zod';
import type { Disk } from './disk.ts';
import { sha256Hex } from './keys.ts';
import type { Random } from './random.ts';

const nameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);

/** As in mosquitto's password file: `$7$`, iterations, salt and PBKDF2-SHA512 hash. */
const MOSQUITTO_VERIFIER = /^\$7\$([1-9]\d{0,5})\$([A-Za-z0-9+/]{16})\$([A-Za-z0-9+/]{86}==)$/;
/** NATS accepts bcrypt's own form: version, cost, salt and hash. */
const NATS_VERIFIER = /^\$2b\$04\$[./A-Za-z0-9]{53}$/;

const holder = { user: nameSchema, role: nameSchema, id: nameSchema, homes: z.array(nameSchema).max(64) };
const Account = z.union([
  z.strictObject({
    ...holder,
    /** Password hashes in each broker's own format; the embedded broker checks mosquitto's. */
    verifiers: z.strictObject({
      mosquitto: z.string().regex(MOSQUITTO_VERIFIER),
      /** Unused; in accounts that were issued while RabbitMQ was supported. */
      rabbitmq: z.string().optional(),
      /** Absent in accounts that were issued before NATS was supported. */
      nats: z.string().regex(NATS_VERIFIER).optional(),
    }),
  }),
  /** The older format with a scrypt hash, for the embedded broker alone. Issuing the account again replaces it. */
  z.strictObject({ ...holder, salt: z.string().length(22), hash: z.string().length(43) }),
]);
/** One account as it is stored. */
export type Account = z.infer<typeof Account>;

const ACCOUNT_BYTES_MAX = 16_384;
const FILE_SUFFIX = '.json';
const PASSWORD_LENGTH_MAX = 128;
/** Low costs are enough, because passwords are 192 random bits, never chosen by people; so a whole fleet can log in at once. */
const SCRYPT = { N: 1024, r: 8, p: 1 };
const PBKDF2_ITERATIONS = 101;
const PBKDF2_SALT_BYTES = 12;
const PBKDF2_HASH_BYTES = 64;
const BCRYPT_SALT_BYTES = 16;

/** An account's future holder. `homes`: an owner's paired devices. */
export interface AccountWish {
  role: string;
  id: string;
  homes?: readonly string[];
}

/** The user name of an account. An owner has one for each pairing, so that a password is for one home only. */
export function accountUser(wish: AccountWish): string {
  const homes = wish.homes ?? [];
  const user = homes.length === 0 ? `${wish.role}-${wish.id}` : `${wish.role}-${pairingHash(wish.id, homes)}`;
  assert(nameSchema.safeParse(user).success, 'role and id make a user name');
  return user;
}

function pairingHash(id: string, homes: readonly string[]): string {
  return sha256Hex([id, ...homes].join(' ')).slice(0, 32);
}

/** Makes the account, or gives it a new password, which is stored nowhere. Rejects with the disk's errors. */
export async function issueAccount(
  disk: Disk,
  random: Random,
  folder: string,
  wish: AccountWish,
): Promise<{ user: string; password: string }> {
  const user = accountUser(wish);
  const password = toBase64url(random.bytes(24));
  const verifiers = {
    mosquitto: await mosquittoVerifier(password, random.bytes(PBKDF2_SALT_BYTES)),
    nats: natsVerifier(password, random.bytes(BCRYPT_SALT_BYTES)),
  };
  const account: Account = { user, role: wish.role, id: wish.id, homes: [...(wish.homes ?? [])], verifiers };
  await disk.makeFolder(folder);
  await disk.replaceFile(pathOf(folder, user), utf8(`${JSON.stringify(Account.parse(account))}\n`));
  return { user, password };
}

/** The account of a user name, which may be any text; null when there is none or its file is damaged. */
export async function readAccount(disk: Disk, folder: string, user: string): Promise<Account | null> {
  if (!nameSchema.safeParse(user).success) return null;
  const bytes = await disk.readFile(pathOf(folder, user), ACCOUNT_BYTES_MAX);
  const text = bytes && fromUtf8(bytes);
  if (!text) return null;
  try {
    const account = Account.safeParse(JSON.parse(text));
    return account.success && account.data.user === user ? account.data : null;
  } catch {
    return null;
  }
}

/** User names that have an account file, damaged or not. */
export async function listAccounts(disk: Disk, folder: string): Promise<string[]> {
  const files = (await disk.list(folder)).filter((name) => name.endsWith(FILE_SUFFIX));
  return files.map((name) => name.slice(0, -FILE_SUFFIX.length)).filter((user) => nameSchema.safeParse(user).success);
}

/** Removes an account; the broker ends its sessions soon after. */
export async function removeAccount(disk: Disk, folder: string, user: string): Promise<void> {
  if (nameSchema.safeParse(user).success) await disk.remove(pathOf(folder, user));
}

/** Whether this is the account's password. */
export async function passwordFits(account: Account, password: string): Promise<boolean> {
  if (password.length > PASSWORD_LENGTH_MAX) return false;
  if ('salt' in account) {
    const stored = fromBase64url(account.hash);
    return stored?.length === 32 && timingSafeEqual(stored, await scryptHash(password, account.salt));
  }
  const [, iterations = '', salt = '', hash = ''] = MOSQUITTO_VERIFIER.exec(account.verifiers.mosquitto) ?? [];
  const stored = Buffer.from(hash, 'base64');
  if (stored.length !== PBKDF2_HASH_BYTES) return false;
  return timingSafeEqual(stored, await pbkdf2Hash(password, Buffer.from(salt, 'base64'), Number(iterations)));
}

async function mosquittoVerifier(password: string, salt: Uint8Array): Promise<string> {
  const hash = await pbkdf2Hash(password, salt, PBKDF2_ITERATIONS);
  return ['', '7', PBKDF2_ITERATIONS, Buffer.from(salt).toString('base64'), hash.toString('base64')].join('$');
}

/** bcrypt at its lowest cost, 2^4 rounds; SCRYPT says why that is enough. */
function natsVerifier(password: string, salt: Uint8Array): string {
  return hashSync(password, `$2b$04$${encodeBase64(salt, BCRYPT_SALT_BYTES)}`);
}

async function pbkdf2Hash(password: string, salt: Uint8Array, iterations: number): Promise<Buffer> {
  // Our few iterations take less time than passing them to another thread, and a simulation owns this step. Foreign files may ask for more.
  if (iterations <= PBKDF2_ITERATIONS) return pbkdf2Sync(password, salt, iterations, PBKDF2_HASH_BYTES, 'sha512');
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, PBKDF2_HASH_BYTES, 'sha512', (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

function scryptHash(password: string, salt: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 32, SCRYPT, (error, key) => (error ? reject(error) : resolve(new Uint8Array(key))));
  });
}

function pathOf(folder: string, user: string): string {
  return join(folder, user + FILE_SUFFIX);
}
