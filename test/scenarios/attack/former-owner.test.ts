// A former owner gets no message of the home, whatever account they had.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { issueAccount, listAccounts } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { OwnerBrokerAccounts } from '../../../device/owner/owner-broker-accounts.ts';
import { AccountAccess } from '../../../sim/broker/account-login.ts';
import { makeParty } from '../../support/parties.ts';

const [disk, random] = [new SystemDisk(), new SystemRandom()];
const [alex, sam] = [makeParty('owner', random), makeParty('owner', random)];
const device = makeParty('device', random).id;
const neighbour = makeParty('device', random).id;
let folder: string;
let owners: string[] | null;
let accounts: OwnerBrokerAccounts;
let access: AccountAccess;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-accounts-'));
  owners = [alex.key.publicKey, sam.key.publicKey];
  accounts = new OwnerBrokerAccounts({
    disk,
    random,
    log: silentLog(),
    folder,
    device,
    owners: () => owners,
    hadOthers: () => true,
  });
  access = new AccountAccess({ disk, accounts: folder, prefix: 'doorsill/v1' });
});
afterEach(() => rm(folder, { recursive: true }));

async function changed(): Promise<void> {
  accounts.follow();
  await accounts.idle();
}

it('a removed owner cannot log in at the home broker, and nobody else is affected', async () => {
  const [first, second] = [await accounts.issue(alex.key.publicKey), await accounts.issue(sam.key.publicKey)];
  await issueAccount(disk, random, folder, { role: 'device-home', id: device });
  await issueAccount(disk, random, folder, { role: 'owner', id: sam.id, homes: [neighbour] });
  await changed();
  expect(await access.login(second.user, second.password)).not.toBeNull();
  owners = [alex.key.publicKey];
  await changed();
  expect(await access.login(second.user, second.password)).toBeNull();
  expect(await access.login(first.user, first.password)).not.toBeNull();
  expect(await listAccounts(disk, folder)).toHaveLength(3);
});

it('a former owner’s account left by a crash is removed at the next start', async () => {
  await accounts.issue(sam.key.publicKey);
  owners = [alex.key.publicKey];
  await changed();
  expect(await listAccounts(disk, folder)).toEqual([]);
});

it('a damaged ledger removes no account', async () => {
  const { user, password } = await accounts.issue(sam.key.publicKey);
  owners = null;
  await changed();
  expect(await access.login(user, password)).not.toBeNull();
});

it('an owner who pairs during the clean-up keeps their account', async () => {
  owners = [alex.key.publicKey];
  accounts.follow();
  owners = [alex.key.publicKey, sam.key.publicKey];
  const { user, password } = await accounts.issue(sam.key.publicKey);
  await accounts.idle();
  expect(await access.login(user, password)).not.toBeNull();
});

it('reads no account if there were no other owners: the folder may have those of a thousand homes', async () => {
  const seldom = new Proxy(disk, {
    get: (of, name) => {
      if (name === 'list') throw new Error('the folder is read');
      return Reflect.get(of, name).bind(of);
    },
  });
  let others = false;
  const warned: string[] = [];
  const log = { ...silentLog(), warn: (message: string) => warned.push(message) };
  const deps = { disk: seldom, random, log, folder, device, owners: () => owners, hadOthers: () => others };
  const quiet = new OwnerBrokerAccounts(deps);
  for (const now of [false, true]) {
    others = now;
    owners = [now ? alex.key.publicKey : sam.key.publicKey];
    quiet.follow();
    await quiet.idle();
    expect(warned).toHaveLength(Number(now));
  }
});

it('an owner who pairs again during the first pairing gets the valid password', async () => {
  const issued = await Promise.all(Array.from({ length: 8 }, () => accounts.issue(alex.key.publicKey)));
  const last = issued.at(-1);
  expect(await access.login(last?.user ?? '', last?.password ?? '')).not.toBeNull();
});
