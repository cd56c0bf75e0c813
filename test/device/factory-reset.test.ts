import { existsSync, linkSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { SystemDisk } from '../../device/base/disk.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { utf8 } from '../../device/contract/bytes.ts';
import { EVENT_FILES } from '../../device/events/event-files.ts';
import { beginFactoryReset, factoryReset, finishFactoryReset } from '../../device/factory-reset.ts';
import { loadOrCreateDeviceKey } from '../../device/identity.ts';
import { RESERVE_BYTES, RevocationReserve } from '../../device/ledger/revocation-reserve.ts';
import { FileDeviceKey, loadOrCreateSealKey } from '../../device/ring/wrapped-key-files.ts';
import { temporaryFolder } from '../support/command-line.ts';

const [disk, random] = [new SystemDisk(), new SystemRandom()];
const folder = temporaryFolder('reset');
afterEach(() => folder.dispose());

it('overwrites every key, past event and decision in place, removes all sealed files, and keeps the settings', async () => {
  const at = (name: string) => join(folder.path, name);
  const wrapper = new FileDeviceKey(disk, random, at('wrapping.key'));
  await loadOrCreateSealKey(disk, random, wrapper, at('outbox.key'), 'outbox');
  const before = await loadOrCreateDeviceKey(disk, random, folder.path);
  await disk.replaceFile(at('ring'), utf8('sealed'));
  await disk.replaceFile(at('device.json'), utf8('{}'));
  await disk.replaceFile(at('home-assistant.json'), utf8('{}'));
  await disk.makeFolder(at('consent'));
  const reserve = new RevocationReserve(disk, at('consent'));
  await reserve.start();
  expect(await reserve.keep('a revocation')).toBe(true);
  await reserve.stop();
  await disk.makeFolder(at('events'));
  for (const name of EVENT_FILES) await disk.replaceFile(at(`events/${name}`), utf8('somebody was here'));
  await disk.makeFolder(at('console'));
  await disk.replaceFile(at('console/server.key.pem'), utf8('of the page'));
  await disk.replaceFile(at('console/server.cert.pem'), utf8('of the page'));
  // A second name keeps the bytes reachable after the removal.
  linkSync(at('wrapping.key'), at('copy'));
  linkSync(at('console/server.key.pem'), at('server.key.pem'));
  const secret = readFileSync(at('copy'));
  for (const name of EVENT_FILES) linkSync(at(`events/${name}`), at(name));
  await disk.replaceFile(at('consent/ledger.jsonl'), utf8('12 Maple Street was told'));
  linkSync(at('consent/ledger.jsonl'), at('ledger.jsonl'));

  await factoryReset(disk, random, folder.path);
  await factoryReset(disk, random, folder.path);

  expect(readFileSync(at('copy')).equals(secret)).toBe(false);
  expect(readFileSync(at('server.key.pem'), 'latin1')).not.toContain('page');
  for (const name of EVENT_FILES) expect(readFileSync(at(name), 'latin1')).not.toContain('somebody');
  expect(readFileSync(at('ledger.jsonl'), 'latin1')).not.toContain('Maple');
  const gone = ['wrapping.key', 'outbox.key', 'device.key', 'ring', 'consent', 'events', 'console'];
  expect(gone.filter((name) => existsSync(at(name)))).toEqual([]);
  expect(existsSync(at('device.json'))).toBe(true);
  // With it the next start removes the former device from Home Assistant.
  expect(existsSync(at('home-assistant.json'))).toBe(true);
  await disk.makeFolder(at('consent'));
  expect(await reserve.start()).toEqual([]);
  await reserve.makeRoom();
  expect(readFileSync(at('consent/revocations.reserve')).length).toBe(RESERVE_BYTES);
  await reserve.stop();
  expect((await loadOrCreateDeviceKey(disk, random, folder.path)).publicKey).not.toBe(before.publicKey);
});

it('finishes a reset that was interrupted anywhere, and does nothing if none was begun', async () => {
  const at = (name: string) => join(folder.path, name);
  const secrets = ['wrapping.key', 'ring.key', 'device.key', 'ring'];
  const fill = async () => {
    await disk.makeFolder(folder.path);
    for (const name of secrets) await disk.replaceFile(at(name), utf8('secret'));
  };
  await fill();
  expect(await finishFactoryReset(disk, random, folder.path)).toBe(false);
  expect(secrets.every((name) => existsSync(at(name)))).toBe(true);
  // The power fails at each removal in turn, and once between the button and the first of them.
  for (let lasts = 0; lasts <= 10; lasts += 1) {
    await fill();
    let left = lasts;
    const dying = Object.create(disk, {
      remove: {
        value: async (path: string) => (left-- > 0 ? disk.remove(path) : Promise.reject(new Error('power cut'))),
      },
    });
    if (lasts === 0) await beginFactoryReset(disk, folder.path);
    else await factoryReset(dying, random, folder.path).catch(() => undefined);
    expect(await finishFactoryReset(disk, random, folder.path)).toBe(lasts < 10);
    expect(secrets.filter((name) => existsSync(at(name)))).toEqual([]);
    expect(await finishFactoryReset(disk, random, folder.path)).toBe(false);
  }
});
