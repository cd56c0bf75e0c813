// The machine's clock without the pause after which an area link hands over what came: for tests that bring many documents.
import { HAND_OVER_MS_MAX } from '../../device/area-link/area-link.ts';
import { SystemClock, type Timer } from '../../device/base/clock.ts';

export class QuickClock extends SystemClock {
  override after(delayMs: number, call: () => void): Timer {
    return super.after(delayMs > HAND_OVER_MS_MAX ? delayMs : 0, call);
  }
}
