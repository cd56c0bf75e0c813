// The keys that homes encrypt clips to when the vault keeps an agency's clips. Several instances have the file together, so it is read at
// each use: a key that another instance has just added opens clips here, too.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { SealingKeyPair } from '@doorsill/base/hpke';
import type { Random } from '@doorsill/base/random';
import {
  addSealingKey,
  keyAmong,
  loadSealingKeys,
  readSealingKeys,
  type SealingKeys,
} from '@doorsill/base/sealing-keys';
import { TaskQueue } from '@doorsill/base/task-queue';
import { failure } from '@doorsill/contract/errors';
import type { Turns } from '../persistence/instance-turns.ts';

const KEYS_NAME = 'sealing.keys';

export class VaultSealingKeys {
  readonly path: string;
  private readonly disk: Disk;
  private readonly random: Random;
  /** One addition at a time: two would write the same former keys, and one new key would be lost. */
  private readonly additions = new TaskQueue();

  /** `folder`: of the vault's secrets. */
  constructor(disk: Disk, random: Random, folder: string) {
    this.disk = disk;
    this.random = random;
    this.path = join(folder, KEYS_NAME);
  }

  /** Makes the first key where there is none, when the vault starts. Throws `state_damaged`, `secret_file_exposed`. */
  start(): Promise<SealingKeys> {
    return loadSealingKeys(this.disk, this.random, this.path);
  }

  /** The public key that clips are to be encrypted to from now on. Throws as `start`, and `state_damaged` without the file. */
  async newest(): Promise<string> {
    return (await this.load())[0].publicKey;
  }

  /** The pair of a public key; null when it is not one of these. Throws as `newest`. */
  async find(publicKey: string): Promise<SealingKeyPair | null> {
    return keyAmong(await this.load(), publicKey);
  }

  /** Adds a new key in a turn among the instances; former ones stay. Returns its public key. Throws as `newest`. */
  add(turns: Turns): Promise<string> {
    return this.additions.run(async () => {
      await turns.run('sealing keys', async () => {
        await this.load();
        await addSealingKey(this.disk, this.random, this.path);
      });
      return this.newest();
    });
  }

  /** Makes none: what was encrypted to keys whose file is missing needs those keys, and so does what comes meanwhile. */
  private async load(): Promise<SealingKeys> {
    const keys = await readSealingKeys(this.disk, this.path);
    if (!keys) throw failure('state_damaged', { file: this.path, detail: 'it is missing' });
    return keys;
  }
}
