// A change of an item while an officer's line is written into the trail counts: nothing is shown that was erased, deleted or classed higher
// meanwhile. On a real database, where the change is made right after the line.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ClipDownloads } from '../../../cloud-bridge/http/revocable-downloads.ts';
import { databasePlace } from '../../../cloud-bridge/persistence/open-database.ts';
import { type Actor, SCOPES } from '../../../cloud-bridge/vault/clients.ts';
import { EncryptedClips } from '../../../cloud-bridge/vault/encrypted-clips.ts';
import { Evidence } from '../../../cloud-bridge/vault/evidence.ts';
import { FolderBlobs } from '../../../cloud-bridge/vault/evidence-blobs.ts';
import { openVaultDatabase, type VaultDatabase } from '../../../cloud-bridge/vault/vault-database.ts';
import { VaultSealingKeys } from '../../../cloud-bridge/vault/vault-sealing-keys.ts';
import type { ItemChange, TrailLine } from '../../../cloud-bridge/vault/vault-store.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { plainItem } from '../support/plain-item.ts';

const actor: Actor = {
  by: 'client-a',
  officer: 'Det. Rivera',
  reason: 'case 117',
  agency: 'agency-a',
  scopes: SCOPES.filter((scope) => !/restricted|confidential/.test(scope)),
};

let folder: ReturnType<typeof temporaryFolder>;
let database: VaultDatabase;
let evidence: Evidence;
/** Called right after the next line of the trail. */
let meanwhile: ItemChange | null = null;

beforeEach(async () => {
  folder = temporaryFolder('shown-again');
  const [clock, disk, random] = [new SystemClock(), new SystemDisk(), new SystemRandom()];
  database = await openVaultDatabase(databasePlace({ dataFolder: folder.path }, 'vault'), { clock, disk });
  const { items, trail, access } = database;
  const add = async (line: TrailLine) => {
    await trail.add(line);
    const change = meanwhile;
    meanwhile = null;
    if (change)
      await items.change(
        'item-a',
        () => change,
        () => line,
      );
  };
  const watched = { add, list: trail.list.bind(trail) };
  const blobs = new FolderBlobs(disk, random, folder.path);
  const keys = new VaultSealingKeys(disk, random, folder.path);
  const encrypted = new EncryptedClips({ log: silentLog(), keys, blobs, checkZones: null });
  const rest = { encrypted, downloads: new ClipDownloads(), linkLifeS: 60 };
  evidence = new Evidence({ clock, random, items, trail: watched, access, ...rest });
  const { scopes, ...who } = actor;
  await items.add(
    { ...plainItem, clipBytes: 10, categories: [], verdict: '' },
    { ...who, atUs: 1, item: 'item-a', cases: [], event: 'received', detail: '' },
  );
});
afterEach(async () => {
  await database.close();
  folder.dispose();
});

const WAYS: [string, () => Promise<unknown>][] = [
  ['its facts', () => evidence.view(actor, 'item-a')],
  ['the manifest', () => evidence.manifest(actor, 'item-a')],
  ['the bytes', () => evidence.bytes(actor, 'item-a', 'downloaded')],
  ['a link', () => evidence.link(actor, 'item-a')],
];

it.each(WAYS)(
  'refuses %s of an item that was classed above its reader while the line was written',
  async (_what, ask) => {
    await expect(ask()).resolves.toBeDefined();
    meanwhile = { accessClass: 'confidential' };
    await expect(ask()).rejects.toMatchObject({ code: 'evidence_unknown' });
    expect(meanwhile).toBeNull();
  },
);

it.each(WAYS.slice(1))('refuses %s of an item that was erased while the line was written', async (_what, ask) => {
  meanwhile = { state: 'erased', statement: '', deletion: 'd' };
  await expect(ask()).rejects.toMatchObject({ code: 'evidence_state' });
  expect(meanwhile).toBeNull();
});
