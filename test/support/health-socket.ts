// A doorbell's own socket that tells how it is, and answers nothing else.
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { silentLog } from '../../device/base/log.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { PairingServer } from '../../device/owner/pairing-server.ts';
import type { ConsoleAddress, Health } from '../../device/owner/pairing-wire.ts';
import { pairingSocketPath } from '../../device/owner/private-socket.ts';

const notHere = () => Promise.reject(new Error('not here'));

/** The socket of the doorbell in `folder`, not started; `page` is where its own server is. */
export function healthSocket(
  folder: string,
  health: Health,
  page: () => ConsoleAddress | null = () => null,
): PairingServer {
  return new PairingServer({
    clock: new SystemClock(),
    random: new SystemRandom(),
    disk: new SystemDisk(),
    log: silentLog(),
    path: pairingSocketPath(folder),
    about: () => ({ device: 'device-1', deviceKey: '', name: 'x', trust: null }),
    owners: () => [],
    health: () => health,
    console: page,
    viewers: () => ({ viewers: [], looks: [] }),
    sentClips: () => ({ total: 0, departures: [], next: null }),
    custody: notHere,
    confirm: notHere,
    pair: notHere,
    issuesAccounts: true,
    issueAccount: notHere,
    still: () => {
      throw new Error('not here');
    },
  });
}
