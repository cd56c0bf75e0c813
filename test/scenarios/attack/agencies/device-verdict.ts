// A device's answer to a request that a captured bridge publishes, with the registry's current list.
import type { Clock } from '../../../../device/base/clock.ts';
import { SystemDisk } from '../../../../device/base/disk.ts';
import { silentLog } from '../../../../device/base/log.ts';
import { AreaRequests } from '../../../../device/consent/area-requests.ts';
import type { ErrorCode } from '../../../../device/contract/errors.ts';
import { HighWaterMarks } from '../../../../device/ledger/high-water-marks.ts';
import type { Cast } from '../../../support/parties.ts';

/** An agency's published documents. */
export interface Papers {
  request: string;
  credential: string;
}

interface Issuer {
  publicKey: string;
  revocations(): Promise<string>;
}

/** Null: its owner may answer the request. `folder`: an empty one, for the device's marks. */
export async function deviceVerdict(
  { cast, registry, clock }: { cast: Cast; registry: Issuer; clock: Clock },
  papers: Papers,
  folder: string,
): Promise<ErrorCode | null> {
  const marks = new HighWaterMarks(new SystemDisk(), clock, folder);
  const area = new AreaRequests(
    {
      clock,
      log: silentLog(),
      place: cast.place,
      serveStateAgencies: false,
      device: cast.device,
      values: () => ({}),
      footage: { coverage: () => [] },
      changed: () => undefined,
    },
    { openRequestsMax: 10 },
    marks,
  );
  const pins = { bridge: cast.bridge.id, bridgeKey: cast.bridge.key.publicKey, registryKey: registry.publicKey };
  const list = area.openList(await registry.revocations(), pins);
  if (list === null || typeof list === 'string') return list;
  await area.takeList(list, await registry.revocations());
  const token = cast.areaDocument([cast.published(papers.request, papers.credential)]);
  const document = area.openDocument(1, token, pins);
  if (document === null || typeof document === 'string') return document;
  const { refused } = await area.takeDocument(document, token, pins);
  if (refused[0]) return refused[0];
  const [opened] = area.requests();
  if (!opened) throw new Error('the request does not concern this home');
  return area.standingOf(opened);
}
