import type { Clock } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import type { Ffmpeg } from '../camera/find-ffmpeg.ts';
import type { ConsentGate } from '../consent/gate.ts';
import type { Ring } from '../ring/ring-interface.ts';
import { ColourAndSize } from './colour-and-size.ts';
import { SearchParty, type Settled } from './search-party.ts';
import { Yolox } from './yolox.ts';

/** Makes Search Party, not started. `model`: a detector's file; without one the built-in model is used. */
export function makeSearchParty(
  { model }: { model?: string | undefined },
  { clock, log, ffmpeg }: { clock: Clock; log: Log; ffmpeg: Ffmpeg },
  { ring, gate }: { ring: Ring; gate: ConsentGate },
  settled: Settled,
): SearchParty {
  return new SearchParty({
    clock,
    log,
    ffmpeg,
    settled,
    model: model === undefined ? new ColourAndSize() : new Yolox(model, log),
    segments: (window) => ring.read(window),
    isOn: () => gate.searchPartyOn,
    sighted: (search, seen) => gate.sighted(search, seen),
  });
}
