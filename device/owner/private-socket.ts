// Sockets in the file system that only the user of this process can open.
import type { Server, Socket } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { sha256Hex } from '@doorsill/base/keys';
import type { Network } from '@doorsill/base/network';
import { utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';

/** Only the user of the process may connect, neither group nor others. */
const SOCKET_UMASK = 0o177;
/** The kernel limits a socket's path to 108 bytes on Linux, 104 elsewhere. */
const SOCKET_PATH_BYTES_MAX = 100;

/**
 * The path of the socket `name` of a data folder: in the folder or, if that path is too long for a socket, under the user's home
 * folder, never in a folder that others can write, where another user could listen first. `home` is called only then: a service's
 * user may have none. Throws `config_invalid` when even that path is too long.
 */
export function privateSocketPath(dataFolder: string, name: string, home: () => string = homedir): string {
  const near = join(dataFolder, 'run', name);
  if (utf8(near).length <= SOCKET_PATH_BYTES_MAX) return near;
  const far = join(home(), '.doorsill', sha256Hex(dataFolder).slice(0, 24), name);
  if (utf8(far).length <= SOCKET_PATH_BYTES_MAX) return far;
  throw failure('config_invalid', { file: dataFolder, detail: 'the path is too long for a socket' });
}

/** Listens. Replaces a socket left by a crash: the data folder's lock shows that its process is gone. Absent `network`: the machine's. */
export async function listenPrivately(disk: Disk, server: Server, path: string, network?: Network): Promise<void> {
  network?.adopt(server);
  await disk.makeFolder(dirname(path));
  await disk.remove(path);
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', resolve);
  });
  // The socket file is made inside this call, so it never exists with wider permissions.
  const umask = process.umask(SOCKET_UMASK);
  try {
    server.listen(path);
  } finally {
    process.umask(umask);
  }
  await listening;
}

/** Stops listening, ends the open connections `sockets`, and removes the socket's file. */
export async function closePrivateSocket(
  disk: Disk,
  server: Server,
  path: string,
  sockets: Iterable<Socket>,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of sockets) socket.destroy();
  await closed;
  await disk.remove(path);
}

/** The socket path of a device with this data folder, as `privateSocketPath`. */
export function pairingSocketPath(dataFolder: string, home?: () => string): string {
  return privateSocketPath(dataFolder, 'pairing.sock', home);
}
