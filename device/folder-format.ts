// The format version of a device's folder, and its migration before any other part opens it. Only the number itself may be
// written later, if the disk cannot be written at the start.
import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import { type Disk, systemCode } from '@doorsill/base/disk';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';

/** One step to the next format. If interrupted, it is run again from its beginning. */
type FormatUpgrade = (disk: Disk, folder: string) => Promise<void>;

const FORMAT_FILE = 'format.json';
const FORMAT_BYTES_MAX = 1_024;
/** How often writing the number is retried. */
const RETRY_MS = 10_000;
const formatSchema = z.object({ kind: z.literal('doorsill-device'), format: z.int().positive() });

/**
 * The steps, the first from format 1, which had no number (doorsill up to 0.1); its files are read unchanged. Each later format
 * holds data that an older doorsill cannot handle. 2: ring records packed closer (ring/record.ts). 3: ledger entries for a removal
 * that came before its owner was added. 4: ledger entries for privacy turned on by Home Assistant, which an older doorsill takes for
 * damage; past events (events/), which it would neither forget nor reset.
 */
const UPGRADES: readonly FormatUpgrade[] = [async () => undefined, async () => undefined, async () => undefined];

/** The format that this version writes. */
export const DEVICE_FORMAT = UPGRADES.length + 1;

/** The format named in a device's folder; null if none is, as in format 1. Throws `state_damaged` and disk errors. */
export async function storedFormat(disk: Disk, folder: string): Promise<number | null> {
  const path = join(folder, FORMAT_FILE);
  const stored = await disk.readFile(path, FORMAT_BYTES_MAX);
  const parsed = stored && formatSchema.safeParse(parseJson(fromUtf8(stored) ?? ''));
  if (parsed && !parsed.success) throw failure('state_damaged', { file: path, detail: 'it does not name a format' });
  return parsed?.data.format ?? null;
}

/**
 * Migrates a device's folder to the current format; each step is durable before its number is. Throws `data_newer` for a folder of a
 * later doorsill, which is left untouched, `state_damaged`, `file_unusable` when a step fails on the disk, and `format_unwritten`
 * when only the number could not be written: the folder is usable then, and this may be called again while it is in use.
 */
export async function bringUpToDate(disk: Disk, folder: string, upgrades = UPGRADES): Promise<void> {
  const path = join(folder, FORMAT_FILE);
  const newest = upgrades.length + 1;
  const isUpToDate = await unlessDisk('file_unusable', { detail: `${path}: ` }, async () => {
    const stored = await storedFormat(disk, folder);
    const isUsed = (await disk.sizeOf(join(folder, 'device.key'))) !== null;
    const format = stored ?? (isUsed ? 1 : newest);
    if (format > newest) throw failure('data_newer', { folder, format, known: newest });
    if (stored === newest) return true;
    await disk.makeFolder(folder);
    for (const upgrade of upgrades.slice(format - 1)) await upgrade(disk, folder);
    return false;
  });
  if (isUpToDate) return;
  const named = utf8(`${JSON.stringify({ kind: 'doorsill-device', format: newest })}\n`);
  await unlessDisk('format_unwritten', { folder, detail: '' }, () => disk.replaceFile(path, named));
}

/** Runs `work`; converts an operating system error into a failure with this code, appending it to `detail`. */
async function unlessDisk<Result>(
  code: 'file_unusable' | 'format_unwritten',
  facts: Record<string, string> & { detail: string },
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    const said = systemCode(thrown);
    if (said === null || isFailure(thrown)) throw thrown;
    throw failure(code, { ...facts, detail: `${facts.detail}${said}` }, thrown);
  }
}

interface FolderFormatDeps {
  disk: Disk;
  clock: Clock;
  folder: string;
  /** Called with the fault when the number cannot be written, and with null once it is. */
  storage(fault: Failure | null): void;
}

/** The format of a running device's folder. */
export class FolderFormat {
  private readonly deps: FolderFormatDeps;
  private readonly stopping = new AbortController();
  private retrying: Promise<void> = Promise.resolve();

  constructor(deps: FolderFormatDeps) {
    this.deps = deps;
  }

  /** Throws what `bringUpToDate` throws, except for a number that cannot be written yet: that is reported and retried. */
  async start(): Promise<void> {
    const fault = await this.attempt();
    if (fault && fault.code !== 'format_unwritten') throw fault;
    if (fault) this.retrying = this.retry(fault);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.retrying;
  }

  private async retry(first: Failure): Promise<void> {
    const { clock, storage } = this.deps;
    const { signal } = this.stopping;
    for (let fault: Failure | null = first; fault !== null; fault = await this.attempt()) {
      storage(fault);
      await clock.sleep(RETRY_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
    }
    storage(null);
  }

  private async attempt(): Promise<Failure | null> {
    try {
      await bringUpToDate(this.deps.disk, this.deps.folder);
      return null;
    } catch (thrown) {
      if (isFailure(thrown)) return thrown;
      throw thrown;
    }
  }
}
