// Makes the device's two links, and the parameters of its connection to the bridge, from settings and enrolment.
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { tlsFilesRead } from '@doorsill/base/link-failure';
import type { Log } from '@doorsill/base/log';
import type { Network } from '@doorsill/base/network';
import type { Random } from '@doorsill/base/random';
import { caToPin, tlsSource } from '@doorsill/base/tls';
import { cellOf } from '@doorsill/contract/area-cells';
import { CA_BYTES_MAX } from '@doorsill/contract/enrolment';
import { failure } from '@doorsill/contract/errors';
import { AreaLink } from './area-link/area-link.ts';
import type { Enrolment } from './area-link/enrolment.ts';
import type { DeviceConfig } from './config.ts';
import { HomeLink } from './home-link/home-link.ts';
import type { PairedDevice } from './owner/paired-devices.ts';
import type { PinnedBridge } from './upload/intake-requests.ts';

export interface LinkSeams {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  /** Absent: the machine's own. */
  network?: Network | undefined;
}

/** The link to the home broker; without a broker, by the settings or by `hasBroker`, it never connects. Relative paths of TLS files are resolved against `folder`. */
export function makeHomeLink(
  config: DeviceConfig,
  folder: string,
  device: string,
  seams: LinkSeams,
  hasBroker: boolean,
): HomeLink {
  const { user = '', password, prefix } = config.home;
  const url = hasBroker ? (config.home.url ?? null) : null;
  const { clock, random, disk, log, network } = seams;
  const tls = tlsSource(disk, folder, config.home.tls);
  return new HomeLink({ device, prefix, url, user, password, tls, network, clock, random, log });
}

/** The link to the bridge's broker; null for a device without enrolment or configured place. */
export function makeAreaLink(
  config: DeviceConfig,
  folder: string,
  enrolment: Enrolment | null,
  seams: LinkSeams,
): AreaLink | null {
  if (!enrolment || !config.place) return null;
  const { clock, random, disk, log, network } = seams;
  const { user, password, prefix, ca } = enrolment.area;
  const url = config.areaUrl ?? enrolment.area.url;
  const tls = tlsSource(disk, folder, config.areaTls, ca);
  return new AreaLink({ cell: cellOf(config.place), prefix, url, user, password, tls, network, clock, random, log });
}

/** The bridge's address, its TLS settings and its signing key. Throws `device_not_enrolled`. */
export function pinnedBridge(
  config: DeviceConfig,
  folder: string,
  enrolment: Enrolment | null,
  disk: Disk,
): PinnedBridge {
  if (!enrolment) throw failure('device_not_enrolled');
  const { bridgeUrl, bridge: id, bridgeKey: key } = enrolment;
  return { url: config.bridgeUrl ?? bridgeUrl, id, key, tls: tlsSource(disk, folder, config.bridgeTls) };
}

/** The home broker's address for owners: URL, topic prefix, CA. Throws `home_broker_none`, `tls_file_unusable`. */
export async function ownerAddress(
  config: DeviceConfig,
  folder: string,
  disk: Disk,
): Promise<Pick<PairedDevice['account'], 'url' | 'prefix' | 'ca'>> {
  const { url, prefix, tls } = config.home;
  if (url === undefined) throw failure('home_broker_none');
  const ca = await tlsFilesRead(caToPin(disk, folder, tls, CA_BYTES_MAX));
  return { url, prefix, ...(ca === undefined ? {} : { ca }) };
}
