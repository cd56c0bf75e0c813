// @module-tag long
// Over 600 generated agencies (good, federal by plain and disguised names, unknown, suspended, revoked, cross-signed, expired, key-rotated)
// each get exactly the expected code from registry, bridge and device, and the good ones are accepted.
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { AgencyCredentials } from '../../../../cloud-bridge/agencies/registry-credentials.ts';
import { Registry } from '../../../../cloud-bridge/registry/registry.ts';
import { RegistryConfig } from '../../../../cloud-bridge/registry/registry-config.ts';
import { ManualClock } from '../../../../device/base/clock.ts';
import { SystemDisk } from '../../../../device/base/disk.ts';
import { silentLog } from '../../../../device/base/log.ts';
import { freshId, SeededRandom } from '../../../../device/base/random.ts';
import { utf8 } from '../../../../device/contract/bytes.ts';
import type { ErrorCode } from '../../../../device/contract/errors.ts';
import { temporaryFolder } from '../../../support/command-line.ts';
import { Cast, makeParty, type Party } from '../../../support/parties.ts';
import { proved } from '../../../support/proved.ts';
import { deviceVerdict, type Papers } from './device-verdict.ts';
import { codeOf, KINDS, type Scene, type Verdicts } from './population.ts';

const SEED = 4_711;
const EACH = 16;

const folder = temporaryFolder('agencies');
afterAll(() => folder.dispose());

async function openScene(seed: number): Promise<Scene & { clock: ManualClock }> {
  const random = new SeededRandom(seed);
  const clock = new ManualClock(Date.UTC(2026, 10, 25, 12) * 1_000);
  const cast = new Cast(clock, random);
  const disk = new SystemDisk();
  const dataFolder = mkdtempSync(join(folder.path, 'registry-'));
  await disk.replaceFile(join(dataFolder, 'signing.key'), utf8(cast.registry.key.exportSecret()));
  const config = RegistryConfig.parse({ dataFolder });
  const domainProofs = [{ kind: 'local' as const, shows: async () => true as const }];
  const registry = new Registry({ clock, random, disk, log: silentLog(), config, domainProofs });
  await registry.start();
  const call = (claims: object, by: Party) => {
    const iat = cast.nowS();
    const base = { iss: by.key.publicKey, aud: registry.id, iat, exp: iat + 60, jti: freshId(random, 'call') };
    return cast.sign('doorsill-agency+jws', { ...base, agency: by.id, call: claims }, by);
  };
  const common = {
    action: 'register',
    contact: { name: 'Desk', phone: '+1 555 0100' },
    profiles: ['address-and-email'],
    retention: ['theft'],
  };
  return {
    clock,
    cast,
    registry,
    random,
    registration: (facts, by) => call({ ...common, ...facts }, by),
    rotation: (from, to) => call({ action: 'rotate-key', from: from.id }, to),
  };
}

/** A device's answer. */
const atDevice = (scene: Scene & { clock: ManualClock }, papers: Papers) =>
  deviceVerdict(scene, papers, mkdtempSync(join(folder.path, 'device-')));

it('answers each generated agency with the expected code', async (test) => {
  const scene = await openScene(SEED);
  const { clock, cast, registry } = scene;
  const made: { name: string; expected: Verdicts; party: Party; papers: Papers; applied: ErrorCode | null }[] = [];
  try {
    for (let round = 0; round < EACH; round += 1) {
      for (const kind of KINDS) made.push({ name: kind.name, expected: kind.expected, ...(await kind.make(scene)) });
    }
    const standing = new AgencyCredentials({
      clock,
      log: silentLog(),
      client: { credential: (id) => registry.credential(id), revocations: () => registry.revocations() },
      registryKey: registry.publicKey,
      store: { loadRevocations: async () => null, saveRevocations: async () => undefined },
      stateAgencies: false,
    });
    const atBridge = async (party: Party) =>
      codeOf(standing.credential(party.id).then(({ claims }) => standing.assertGood(claims, [cast.cell])));
    const wrong: unknown[] = [];
    for (const { name, expected, party, papers, applied } of made) {
      const found = { registry: applied, bridge: await atBridge(party), device: await atDevice(scene, papers) };
      if (JSON.stringify(found) !== JSON.stringify(expected)) wrong.push({ seed: SEED, name, found, expected });
    }
    expect(wrong).toEqual([]);
  } finally {
    await registry.stop();
  }
  const isGood = ({ expected }: { expected: Verdicts }) => Object.values(expected).every((code) => code === null);
  const good = made.filter(isGood).length;
  expect(made.length - good).toBeGreaterThan(500);
  expect(good).toBeGreaterThan(80);
  const figure = `${made.length - good} of ${made.length - good}; ${good} good ones let through`;
  proved(test, 'generated agencies that must not ask, refused with the right code', figure);
}, 120_000);

it('would detect a bad agency that is accepted', async () => {
  const scene = await openScene(SEED);
  try {
    const mallory = makeParty('agency', scene.random);
    await scene.registry.register(
      scene.registration({ name: 'A', jurisdiction: 'county', domain: 'a.example' }, mallory),
    );
    await scene.registry.approve(mallory.id);
    const papers = {
      request: scene.cast.request({}, mallory),
      credential: await scene.registry.credential(mallory.id),
    };
    expect(await atDevice(scene, papers)).toBeNull();
    await scene.registry.revoke(mallory.id);
    expect(await atDevice(scene, papers)).toBe('consent_agency_revoked');
  } finally {
    await scene.registry.stop();
  }
});
