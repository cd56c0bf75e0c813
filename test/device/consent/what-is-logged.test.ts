// The disk's refusals are in the device's log, with the disk's error; so are unusable records, a grant's end that could not be recorded,
// and each change of Search Party.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LogFacts } from '../../../device/base/log.ts';
import { FullDisk } from './full-disk.ts';
import { GateRig, type Logged, otherCast } from './gate-rig.ts';

let rig: GateRig;
let disk: FullDisk;
beforeEach(async () => {
  rig = await GateRig.open();
  disk = new FullDisk();
  rig.disk = disk;
  await rig.ready();
  rig.logged.length = 0;
});
afterEach(() => rig.close());

const line = (level: Logged['level'], facts: LogFacts) => ({ level, message: expect.stringMatching(/\w/), facts });
const noSpace = line('warn', { error: expect.stringContaining('no space left') });
const waitS = async (seconds: number) => {
  await rig.clock.advance(seconds * 1_000);
  await rig.gate.idle();
};

it.each<[string, () => Promise<unknown>]>([
  ['of a cell’s document', () => rig.publish()],
  ['of a revocation list', () => rig.revocations(rig.cast.revocations({ revision: 2 }))],
  ['of the clock', () => waitS(630)],
  ['of the clock that an owner reset', () => rig.command(rig.cast.command({ action: 'reset-clock-mark' }))],
  [
    'of a bridge that the device left',
    () => {
      const { bridge, registry } = otherCast(rig);
      return rig.gate.enrol({
        ...{ bridge: bridge.id, bridgeKey: bridge.key.publicKey },
        registryKey: registry.key.publicKey,
      });
    },
  ],
])('the mark %s that could not be stored is in the log', async (_what, work) => {
  disk.stuckFile = 'marks.json';
  await work();
  expect(rig.logged[0]).toEqual(noSpace);
});

it('missing room for revocations is in the log', async () => {
  await rig.gate.stop();
  await rm(join(rig.folder, 'revocations.reserve'));
  disk.isFull = true;
  await rig.boot();
  expect(rig.logged).toContainEqual(noSpace);
  disk.isFull = false;
});

it('a grant whose end could not be recorded is in the log', async () => {
  const { grant } = await rig.granted();
  rig.logged.length = 0;
  disk.isFull = true;
  await waitS(24 * 3_600);
  const facts = { grant, reason: 'expired', code: 'consent_storage_failed' };
  expect(rig.logged).toContainEqual(line('warn', facts));
  disk.isFull = false;
});

it('footage that could not be deleted yet is in the log', async () => {
  rig.effects.forgetFails = true;
  await rig.command(rig.cast.command({ action: 'forget' }));
  await waitS(30);
  expect(rig.logged).toEqual([line('warn', { code: 'ring_write_failed' })]);
});

it('records that cannot be used are in the log, as an error', async () => {
  await rig.gate.stop();
  const path = join(rig.folder, 'ledger.jsonl');
  await writeFile(path, (await readFile(path, 'utf8')).replace('"name":"Alex"', '"name":"Alix"'));
  await rig.boot();
  expect(rig.logged).toEqual([line('error', { detail: rig.gate.damaged })]);
});

it('each owner’s order about Search Party is in the log', async () => {
  for (const on of [true, false]) await rig.command(rig.cast.command({ action: 'search-party', on }));
  expect(rig.logged).toEqual([line('info', { on: true }), line('info', { on: false })]);
});
