import { type Disk, systemCode } from '@doorsill/base/disk';
import { fromUtf8 } from '@doorsill/contract/bytes';

/** Why a text cannot be read, as half a sentence; the caller adds which text. */
export class TextUnreadable extends Error {}

/** A file's text, without a byte order mark. Throws `TextUnreadable`, also for devices and pipes, which count as empty. */
export async function readText(path: string, disk: Disk, bytesMax: number): Promise<string> {
  try {
    // A device or a pipe has no size, and reading it might not end.
    if ((await disk.sizeOf(path)) === 0) throw new TextUnreadable('it is empty');
    const bytes = await disk.readFile(path, bytesMax);
    if (!bytes) throw new TextUnreadable('there is no such file');
    const text = fromUtf8(bytes);
    if (text === null) throw new TextUnreadable('it is not UTF-8 text');
    return text.replace(/^\uFEFF/, '');
  } catch (thrown) {
    const code = systemCode(thrown);
    if (code === null) throw thrown;
    throw new TextUnreadable(REASONS[code] ?? `system error ${code}`);
  }
}

const REASONS: Record<string, string> = {
  EFBIG: 'it is too large',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is not a folder',
  EACCES: 'this user may not read it',
};
