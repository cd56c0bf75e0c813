// A stopped clock that counts the timers left on it.
import { ManualClock, type Timer } from '../../../device/base/clock.ts';

export class CountingClock extends ManualClock {
  timers = 0;

  override after(delayMs: number, call: () => void): Timer {
    let open = true;
    const close = () => {
      if (open) this.timers -= 1;
      open = false;
    };
    this.timers += 1;
    const timer = super.after(delayMs, () => {
      close();
      call();
    });
    return {
      cancel: () => {
        close();
        timer.cancel();
      },
    };
  }
}
