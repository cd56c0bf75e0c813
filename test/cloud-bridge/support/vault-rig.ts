// A vault that knows a bridge, an officer of the agency that asked, and clips that answer its request: for tests that act as the bridge.
import { join } from 'node:path';
import type { VaultConfigInput } from '../../../cloud-bridge/vault/vault-config.ts';
import type { Disk } from '../../../device/base/disk.ts';
import type { Log } from '../../../device/base/log.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { OfferedClip, type Officer, VaultFixture } from '../../support/vault-fixture.ts';

export class VaultRig {
  readonly folder: ReturnType<typeof temporaryFolder>;
  readonly fixture: BridgeFixture;
  readonly vault: VaultFixture;
  /** With every scope. */
  readonly officer: Officer;
  /** The agency's, published. */
  readonly request: string;

  private constructor(
    folder: ReturnType<typeof temporaryFolder>,
    fixture: BridgeFixture,
    vault: VaultFixture,
    officer: Officer,
    request: string,
  ) {
    this.folder = folder;
    this.fixture = fixture;
    this.vault = vault;
    this.officer = officer;
    this.request = request;
  }

  /** `name`: of the folder. `disk`: used by the vault in place of the machine's. */
  static async open(name: string, settings: Partial<VaultConfigInput> = {}, disk?: Disk, log?: Log): Promise<VaultRig> {
    const folder = temporaryFolder(name);
    const { fixture, request } = await BridgeFixture.openReady();
    const vault = new VaultFixture(join(folder.path, 'vault'), settings, log);
    if (disk) vault.vaultDisk = disk;
    await vault.start();
    await vault.pin(fixture.cast.bridge);
    const officer = await vault.officer(fixture.cast.agency.id);
    return new VaultRig(folder, fixture, vault, officer, request);
  }

  async close(): Promise<void> {
    await this.vault.stop();
    await this.fixture.close();
    this.folder.dispose();
  }

  /** A clip that answers the request, not yet offered. `bytes`: its content. */
  clip(vault: VaultFixture = this.vault, bytes?: Uint8Array): OfferedClip {
    const parcel = this.fixture.parcel(this.request, bytes ? { clip: bytes } : {});
    return new OfferedClip(this.fixture, vault, this.request, parcel);
  }
}
