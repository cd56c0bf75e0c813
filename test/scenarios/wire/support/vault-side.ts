// What stands behind a testbed's bridge: its backups, its log, and the vault that it hands clips over to. The hop between both is recorded,
// and closed until all scenarios have played, so that until then every clip is at the bridge.
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { generateSealingKey, type SealingKeyPair } from '../../../../device/base/hpke.ts';
import { type Log, openLogFile, silentLog } from '../../../../device/base/log.ts';
import { loadSealingKeys } from '../../../../device/base/sealing-keys.ts';
import type { ClipKeeper } from '../../../../device/contract/sealing.ts';
import { zoneCheck } from '../../../../sim/testbed/check-zones.ts';
import type { BridgeFixture } from '../../../support/bridge-fixture.ts';
import { Sqlite } from '../../../support/sqlite.ts';
import { VaultFixture } from '../../../support/vault-fixture.ts';
import { Front } from './front.ts';
import { LOOPBACK } from './home-flows.ts';

/** Evidence of the vault, as an officer lists it. */
const handedOverSchema = z.object({
  items: z.array(z.looseObject({ readableBy: z.string(), verdict: z.string().nullable() })),
});
export type HandedOver = z.infer<typeof handedOverSchema>['items'][number];

let checkZones: ReturnType<typeof zoneCheck> | undefined;

const ITEMS_MAX = 200;
/** Longer than a testbed: the scenarios are not held up by attempts that must fail. */
const RETRY_MS = 3_600_000;
const PATIENCE_MS = 30_000;
const LOOK_AGAIN_MS = 20;

export class VaultSide {
  /** The bridge's connections to the vault. */
  readonly hop: Front;
  readonly logFile: string;
  readonly log: Log;
  readonly backups: string;
  private readonly vault: VaultFixture;
  private backupsMade = 0;

  private constructor(folder: string) {
    this.logFile = join(folder, 'services.log');
    this.log = openLogFile(this.logFile, 'debug');
    this.backups = join(folder, 'backups');
    this.vault = new VaultFixture(join(folder, 'vault'), {}, this.log);
    this.hop = new Front('vault', LOOPBACK, null, { isRecorded: true });
  }

  /** Starts the vault; the hop is closed. */
  static async open(folder: string): Promise<VaultSide> {
    const side = new VaultSide(folder);
    const { vault, hop } = side;
    // Once for all testbeds: it tries which limits the system knows.
    checkZones ??= zoneCheck({ clock: vault.clock, log: silentLog() }, 'where-possible');
    vault.checkZones = await checkZones;
    await vault.start();
    hop.targetPort = Number(new URL(vault.vault.url).port);
    // For its port, which the bridge is told.
    await hop.start();
    await hop.stop();
    return side;
  }

  /** The bridge's setting that names this vault. */
  setting() {
    const url = `http://${LOOPBACK}:${this.hop.port}`;
    return this.vault.setting({ url, retryMsFirst: RETRY_MS, retryMsMost: RETRY_MS });
  }

  /** The key that clips are encrypted to: the vault's, or one that the agency alone has. */
  async key(keeper: ClipKeeper): Promise<SealingKeyPair> {
    const { disk, random, folder } = this.vault;
    if (keeper === 'recipient') return generateSealingKey(random);
    const [newest] = await loadSealingKeys(disk, random, join(folder, 'sealing.keys'));
    return newest;
  }

  /** Copies the bridge's folder, and its database as SQLite copies it. */
  async backUp({ folder, bridgeFolder }: BridgeFixture): Promise<void> {
    this.backupsMade += 1;
    const to = join(this.backups, String(this.backupsMade));
    await mkdir(this.backups, { recursive: true });
    await cp(folder, to, { recursive: true });
    const database = new Sqlite(join(bridgeFolder, 'bridge.sqlite'), { readonly: true });
    try {
      database.prepare('vacuum into ?').run(`${to}.sqlite`);
    } finally {
      database.close();
    }
  }

  /** Opens the hop, restarts the bridge, and resolves once the vault has `clips` clips, with what its officers see of each. */
  async handOver(fixture: BridgeFixture, clips: number): Promise<HandedOver[]> {
    const { vault, hop } = this;
    const { cast } = fixture;
    await vault.pin(cast.bridge);
    await hop.start();
    // A bridge that starts does not wait for the time of its next attempt.
    await fixture.bridge.stop();
    await fixture.startBridge();
    const officer = await vault.officer(cast.agency.id);
    const endMs = vault.clock.monotonicMs() + PATIENCE_MS;
    for (;;) {
      const { body } = await vault.as(officer, 'GET', `/evidence?limit=${ITEMS_MAX}`);
      const { items } = handedOverSchema.parse(body);
      if (items.length >= clips) return items;
      if (vault.clock.monotonicMs() > endMs) throw new Error(`the vault has ${items.length} of ${clips} clips`);
      await vault.clock.sleep(LOOK_AGAIN_MS);
    }
  }

  async stop(): Promise<void> {
    await this.hop.stop();
    await this.vault.stop();
  }
}
