import type { DeviceState } from '@doorsill/contract/home-messages';
import type { Window } from '@doorsill/contract/shared-claims';
import type { OwnerSession } from '@doorsill/device/owner/owner-session';
import { makeCommand, type Signer } from '@doorsill/device/owner/sign-owner-messages';
import { failure } from '../errors.ts';

/** Timeout for a doorbell's state. */
export const STATE_MS_MAX = 10_000;
/** Minimum interval between two queries of the recorded footage. */
const ASK_AGAIN_MS = 250;

/** The doorbell's current state, which it publishes on request. Throws `timed_out`. */
export function askState(session: OwnerSession, signer: Signer, withinMs: number): Promise<DeviceState> {
  const { token } = makeCommand(signer, session.home.device, { action: 'announce' });
  return session.waitFor<DeviceState>(
    "the doorbell's state",
    withinMs,
    (found) => ({ state: found }),
    () => session.command(token),
  );
}

/**
 * Waits until the ring holds a window, or a number of seconds up to now; returns the window. If recording began later than that, returns its
 * first seconds. Throws `client_no_footage`, the signal's reason.
 */
export async function recordedWindow(
  session: OwnerSession,
  signer: Signer,
  wanted: Window | number,
  withinMs: number,
  signal: AbortSignal,
): Promise<Window> {
  const { clock } = signer;
  const [askedUs, endMs] = [clock.wallUs(), clock.monotonicMs() + withinMs];
  for (;;) {
    const { ring, camera } = await askState(session, signer, STATE_MS_MAX);
    const last = ring.coverage.at(-1) ?? { startUs: askedUs, endUs: askedUs };
    const window = typeof wanted === 'number' ? lastSeconds(wanted, askedUs, last) : wanted;
    if (last.endUs >= window.endUs) return window;
    const missingMs = (window.endUs - last.endUs) / 1_000;
    const leftMs = endMs - clock.monotonicMs();
    if (camera.state === 'failed' || leftMs <= 0) {
      const hasS = ((last.endUs - last.startUs) / 1_000_000).toFixed(1);
      const detail = `its camera is ${camera.state}${camera.detail ? ` (${camera.detail})` : ''}, and it has ${hasS} s`;
      const wantedS = (window.endUs - window.startUs) / 1_000_000;
      throw failure('client_no_footage', { wanted: wantedS, seconds: withinMs / 1_000, detail });
    }
    await clock.sleep(Math.min(leftMs, Math.max(ASK_AGAIN_MS, missingMs)), signal);
  }
}

/** The seconds of a span of footage up to `us`, or its first ones if it has fewer before that. */
function lastSeconds(seconds: number, us: number, span: Window): Window {
  const lengthUs = Math.round(seconds * 1_000_000);
  const endUs = Math.max(us, span.startUs + lengthUs);
  return { startUs: endUs - lengthUs, endUs };
}
