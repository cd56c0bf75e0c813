// Footage, decisions and settings of an older doorsill's folder stay usable.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeBackup } from '../../device/backup.ts';
import { ManualClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { silentLog } from '../../device/base/log.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { parseDeviceConfig } from '../../device/config.ts';
import { GateState } from '../../device/consent/gate-state.ts';
import { bringUpToDate, DEVICE_FORMAT, FolderFormat } from '../../device/folder-format.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from '../../device/identity.ts';
import { walkLedger } from '../../device/ledger/ledger.ts';
import { RingFile } from '../../device/ring/ring-file.ts';
import { FileDeviceKey } from '../../device/ring/wrapped-key-files.ts';
import { Running } from '../support/command-line.ts';
import { unpackFormerDevice } from '../support/former-device.ts';
import { proved } from '../support/proved.ts';

const disk = new SystemDisk();
const random = new SystemRandom();
const RETENTION_S = 24 * 3600;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-format-'));
  await unpackFormerDevice(folder);
});

afterEach(() => rm(folder, { recursive: true }));

const formatOf = async () => JSON.parse(await readFile(join(folder, 'format.json'), 'utf8')).format;

async function fold(): Promise<{ state: GateState; lastUs: number; grants: string[] }> {
  const key = await loadOrCreateDeviceKey(disk, random, folder);
  const device = { id: deviceIdOf(key), key: key.publicKey };
  const state = new GateState(device.id);
  const grants: string[] = [];
  let lastUs = 0;
  await walkLedger(disk, join(folder, 'consent'), device, (entry) => {
    expect(state.apply(entry)).toBeNull();
    lastUs = entry.atUs;
    if (entry.type === 'granted') grants.push(entry.body.grant);
  });
  return { state, lastUs, grants };
}

describe('a folder of format 1', () => {
  it('keeps its footage, its decisions and its settings', async (test) => {
    await bringUpToDate(disk, folder);
    expect(await formatOf()).toBe(DEVICE_FORMAT);

    const { state, lastUs, grants } = await fold();
    expect(grants).toHaveLength(1);
    expect(state.used.has(grants[0] ?? '')).toBe(true);
    expect([...state.requests.values()].map((record) => record.state.at)).toEqual(['delivered']);
    expect(state.owners.size).toBe(1);
    expect(state.pins).not.toBeNull();

    const clock = new ManualClock(lastUs + 1_000_000);
    const ring = new RingFile({
      disk,
      clock,
      random,
      log: silentLog(),
      wrapper: new FileDeviceKey(disk, random, join(folder, 'wrapping.key')),
      path: join(folder, 'ring'),
      bytesMax: 256 * 1024 * 1024,
      retentionS: RETENTION_S,
      cipher: 'aes-256-gcm',
    });
    await ring.start();
    let segments = 0;
    const window = { startUs: 0, endUs: clock.wallUs() };
    for await (const segment of ring.read(window)) segments += segment.endUs > segment.startUs ? 1 : 0;
    const { damaged } = ring.stats();
    await ring.stop();
    expect(segments).toBeGreaterThan(2);
    expect(damaged).toBe(0);

    const settings = JSON.parse(await readFile(join(folder, 'device.json'), 'utf8'));
    expect(parseDeviceConfig(settings, 'device.json').disclosure.email).toBe('robin@maple.example');
    proved(
      test,
      'A device folder of the previous format, opened',
      `${segments} segments, ${grants.length} grant, 0 damaged`,
    );
  });

  it('is opened by a running device', async () => {
    const device = new Running(['device', '--data', folder, '--json']);
    const ready = await device.line('the device', (line) => line['event'] === 'ready');
    expect(ready['enrolled']).toBe(true);
    expect(ready['device']).toBe(deviceIdOf(await loadOrCreateDeviceKey(disk, random, folder)));
    await device.stop();
    expect(await formatOf()).toBe(DEVICE_FORMAT);
  });
});

/** The machine's disk, whose writes fail with this code while it is set. */
function failing(code: string) {
  const fault = { code: code as string | null };
  const refuse = async () => {
    if (fault.code !== null) throw Object.assign(new Error(fault.code), { code: fault.code });
  };
  const inner = new SystemDisk();
  const broken = Object.assign(Object.create(inner) as SystemDisk, {
    replaceFile: (path: string, bytes: Uint8Array) => refuse().then(() => inner.replaceFile(path, bytes)),
  });
  return { broken, fault };
}

describe.each(['ENOSPC', 'EROFS', 'EIO'])('a folder of format 1 on a disk that answers %s', (code) => {
  it('is used unchanged, reports why it has no number, and gets one once the disk works', async () => {
    const { broken, fault } = failing(code);
    const clock = new ManualClock(1_000_000);
    const told: (string | null)[] = [];
    const format = new FolderFormat({
      disk: broken,
      clock,
      folder,
      storage: (why) => told.push(why && `${why.code} ${String(why.facts['detail'])}`),
    });
    await format.start();
    expect(told).toEqual([`format_unwritten ${code}`]);
    expect(await disk.sizeOf(join(folder, 'format.json'))).toBeNull();
    fault.code = null;
    await clock.advance(60_000);
    await expect.poll(() => told.at(-1)).toBeNull();
    expect(await formatOf()).toBe(DEVICE_FORMAT);
    await format.stop();
  });

  it('is not opened if a step to the next format fails', async () => {
    const step = async () => {
      throw Object.assign(new Error(code), { code });
    };
    await expect(bringUpToDate(disk, folder, [step])).rejects.toMatchObject({ code: 'file_unusable' });
  });
});

it('a folder of format 1 can be stopped and backed up while it waits for its disk', async () => {
  const { broken } = failing('EIO');
  const clock = new ManualClock(1_000_000);
  const format = new FolderFormat({ disk: broken, clock, folder, storage: () => undefined });
  await format.start();
  await format.stop();
  const backup = await makeBackup({ disk: broken, clock, random }, folder, 'correct horse battery');
  expect(backup.length).toBeGreaterThan(1_000);
});

describe('an upgrade', () => {
  const noted: string[] = [];
  const step = (name: string) => async () => {
    noted.push(name);
  };

  beforeEach(() => {
    noted.length = 0;
  });

  it('runs every step once, in order, and resumes at the interrupted step', async () => {
    const torn = async () => {
      throw new Error('the power went');
    };
    await expect(bringUpToDate(disk, folder, [step('one'), torn])).rejects.toThrow('the power went');
    await bringUpToDate(disk, folder, [step('one'), step('two')]);
    await bringUpToDate(disk, folder, [step('one'), step('two')]);
    await bringUpToDate(disk, folder, [step('one'), step('two'), step('three')]);
    expect(noted).toEqual(['one', 'one', 'two', 'three']);
    expect(await formatOf()).toBe(4);
  });

  it('runs no step on a new folder, and leaves a newer or nameless one unchanged', async () => {
    const fresh = join(folder, 'fresh');
    await bringUpToDate(disk, fresh, [step('one')]);
    expect(noted).toEqual([]);
    await bringUpToDate(disk, folder, [step('one'), step('two')]);
    await expect(bringUpToDate(disk, folder, [step('one')])).rejects.toMatchObject({ code: 'data_newer' });
    await writeFile(join(folder, 'format.json'), '{}');
    await expect(bringUpToDate(disk, folder)).rejects.toMatchObject({ code: 'state_damaged' });
  });
});
