// @module-tag long
// A bridge or a vault that dies at any step of a hand-over neither loses the clip nor makes a second one.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../device/base/keys.ts';
import { itemId, itemIdText } from '../../../device/contract/hand-over-documents.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { DyingDisk } from '../../support/dying-disk.ts';
import { bridgeWithVault, type Officer, type VaultFixture } from '../../support/vault-fixture.ts';

const folder = temporaryFolder('hand-over-crash');
let fixture: BridgeFixture;
let vault: VaultFixture;
let officer: Officer;
let request: string;
beforeEach(async () => {
  ({ fixture, vault } = await bridgeWithVault((options) => BridgeFixture.open(options), folder.path));
  request = await fixture.ready();
  officer = await vault.officer(fixture.cast.agency.id);
});
afterEach(async () => {
  await fixture.close();
  await vault.stop();
  folder.dispose();
});

const itemOf = ({ clipId }: Parcel) => itemId(sha256Hex(itemIdText(fixture.cast.bridge.id, clipId)));
const names = (path: string) => readdirSync(path);

/** The clip is in the vault, once and whole, and nowhere else. */
async function inVaultOnce(parcel: Parcel): Promise<void> {
  const item = itemOf(parcel);
  await expect
    .poll(async () => (await vault.as(officer, 'GET', `/evidence/${item}`)).body['state'], { timeout: 10_000 })
    .toBe('active');
  await expect.poll(() => names(join(fixture.bridgeFolder, 'clips')), { timeout: 5_000 }).toEqual([]);
  expect(names(join(vault.folder, 'blobs')).filter((name) => name === item)).toHaveLength(1);
  expect(names(join(vault.folder, 'staging'))).toEqual([]);
  expect(readFileSync(join(vault.folder, 'blobs', item, 'clip.mp4')).equals(parcel.clip)).toBe(true);
}

/** Resolves when the disk has died, or when there was no further change to die at. */
async function settled(disk: DyingDisk, parcel: Parcel): Promise<void> {
  const isOver = async () =>
    disk.dead || (await vault.as(officer, 'GET', `/evidence/${itemOf(parcel)}`)).status === 200;
  await expect.poll(isOver, { timeout: 10_000 }).toBe(true);
  // The steps after the item is shown: removing its staging folder and the bridge's own copy.
  await new Promise((resolve) => setTimeout(resolve, 50));
}

/** The clip is whole somewhere: neither side has deleted it too early. */
function assertNotLost(parcel: Parcel): void {
  const places = [
    join(fixture.bridgeFolder, 'clips', parcel.clipId, 'clip.mp4'),
    join(vault.folder, 'blobs', itemOf(parcel), 'clip.mp4'),
  ];
  const whole = places.filter((path) => {
    try {
      return sha256Hex(readFileSync(path)) === sha256Hex(parcel.clip);
    } catch {
      return false;
    }
  });
  expect(whole.length).toBeGreaterThan(0);
}

async function restartVault(disk: VaultFixture['vaultDisk'] = vault.disk): Promise<void> {
  await vault.stop();
  vault.vaultDisk = disk;
  await vault.start();
}

describe.each([false, true])('with the last change done: %s', (lastIsDone) => {
  it('a vault that dies at any step has the clip once after its restart', async () => {
    for (let step = 1; ; step += 1) {
      const disk = new DyingDisk(vault.disk);
      await restartVault(disk);
      disk.dieAt(step, lastIsDone);
      const parcel = fixture.parcel(request);
      await fixture.deliver(parcel);
      await settled(disk, parcel);
      assertNotLost(parcel);
      await restartVault();
      await inVaultOnce(parcel);
      if (!disk.dead) {
        // The clip staged, its manifest, its target cleared, the move into it, the leftovers removed.
        expect(step).toBeGreaterThan(5);
        return;
      }
    }
  }, 60_000);

  it('a bridge that dies at any step has handed the clip over once after its restart', async () => {
    for (let step = 1; ; step += 1) {
      const disk = new DyingDisk(fixture.disk);
      const parcel = fixture.parcel(request);
      await vault.stop();
      await fixture.bridge.stop();
      fixture.bridgeDisk = disk;
      await fixture.startBridge();
      await fixture.deliver(parcel);
      disk.dieAt(step, lastIsDone);
      await vault.start();
      await settled(disk, parcel);
      assertNotLost(parcel);
      await fixture.bridge.stop();
      fixture.bridgeDisk = fixture.disk;
      await fixture.startBridge();
      await inVaultOnce(parcel);
      if (!disk.dead) {
        // The three folders that a clip's files can be in.
        expect(step).toBeGreaterThan(3);
        return;
      }
    }
  }, 60_000);
});
