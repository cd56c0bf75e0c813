// Whether files show a secret to whoever has the disk: as it is, in base64 or base64url at any offset, in hex, in UTF-16.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Encoded letters that the bytes before and behind a text do not change. */
function base64Of(bytes: Buffer, offset: number, encoding: 'base64' | 'base64url'): string {
  const letters = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString(encoding)
    .replaceAll('=', '');
  const whole = Math.floor(((offset + bytes.length) * 8) / 6);
  return letters.slice(Math.ceil((offset * 8) / 6), whole);
}

/** The forms in which a text or bytes may stand in a file. */
export function formsOf(secret: string | Uint8Array): Buffer[] {
  const bytes = Buffer.from(secret);
  const encoded = [0, 1, 2].flatMap((offset) =>
    (['base64', 'base64url'] as const).map((encoding) => base64Of(bytes, offset, encoding)),
  );
  const wide = typeof secret === 'string' ? [Buffer.from(secret, 'utf16le')] : [];
  const texts = [...encoded, bytes.toString('hex'), bytes.toString('hex').toUpperCase()];
  return [bytes, ...texts.map((text) => Buffer.from(text)), ...wide];
}

/** Five pieces of 64 bytes, from all over a clip. */
export function slicesOf(clip: Uint8Array): Uint8Array[] {
  return [0.02, 0.25, 0.5, 0.75, 0.98].map((part) => {
    const at = Math.floor((clip.length - 64) * part);
    return clip.subarray(at, at + 64);
  });
}

/** Names of the files of a folder, whatever their depth, that show one of the secrets. */
export async function filesThatShow(
  folder: string,
  secrets: readonly (string | Uint8Array)[],
): Promise<{ files: number; showing: string[] }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const forms = secrets.flatMap(formsOf);
  const showing: string[] = [];
  for (const path of paths) {
    const bytes = await readFile(path);
    if (forms.some((form) => bytes.includes(form))) showing.push(path.slice(folder.length + 1));
  }
  return { files: paths.length, showing };
}
