// Signed grants stored on the owner's machine, so that the same command sends the same bytes again and a revocation can name them.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { utf8 } from '@doorsill/contract/bytes';
import { parseToken } from '@doorsill/contract/jws';
import { Grant } from '@doorsill/contract/owner-orders';

export interface KeptGrant {
  token: string;
  claims: Grant;
}

const TOKEN_BYTES_MAX = 65_536;

const grantsFolder = (ownerFolder: string) => join(ownerFolder, 'grants');

/** The stored grants, oldest first; files without a grant are skipped. */
export async function keptGrants(disk: Disk, ownerFolder: string): Promise<KeptGrant[]> {
  const folder = grantsFolder(ownerFolder);
  const names = (await disk.list(folder)).filter((name) => name.endsWith('.jws') && !name.startsWith('.'));
  const read = names.map(async (name) => {
    const token = new TextDecoder()
      .decode((await disk.readFile(join(folder, name), TOKEN_BYTES_MAX)) ?? new Uint8Array())
      .trim();
    const claims = Grant.safeParse(parseToken(token)?.claims);
    return claims.success ? [{ token, claims: claims.data }] : [];
  });
  return (await Promise.all(read)).flat().sort((a, b) => a.claims.iat - b.claims.iat);
}

/** Stores a grant before it is sent. */
export async function keepGrant(disk: Disk, ownerFolder: string, token: string): Promise<void> {
  const claims = Grant.parse(parseToken(token)?.claims);
  await disk.makeFolder(grantsFolder(ownerFolder));
  await disk.replaceFile(join(grantsFolder(ownerFolder), `${claims.jti}.jws`), utf8(`${token}\n`));
}

/** Deletes a revoked grant, so that the same choice later makes a new one. */
export async function forgetGrant(disk: Disk, ownerFolder: string, grant: string): Promise<void> {
  await disk.remove(join(grantsFolder(ownerFolder), `${grant}.jws`));
}
