// Owns: how a device does, put together for who may open its socket. Not here: carrying it (pairing-server.ts), judging it.
import type { LinkState } from '../base/mqtt-link.ts';
import type { DeviceState } from '../protocol/home.ts';
import { whyOffline } from '../protocol/link-failure.ts';
import type { Health } from './pairing-wire.ts';

const DETAIL_LETTERS_MAX = 300;

/** The part of a state that tells how the device does, with what the state leaves out. */
export function healthOf(
  state: DeviceState,
  more: { home: LinkState; uptimeS: number; written: Record<string, number> },
): Health {
  const { camera, privacy, storage, hardware, clockTrusted, area, areaDetail, owners, ring } = state;
  const { coverage: _coverage, ...ringFacts } = ring;
  const { home, uptimeS, written } = more;
  const why = home.online ? null : whyOffline(home.error) || 'it is being connected to';
  return {
    camera,
    privacy,
    storage,
    clockTrusted,
    area,
    owners,
    ring: ringFacts,
    uptimeS,
    written,
    ...(hardware ? { hardware } : {}),
    ...(areaDetail === undefined ? {} : { areaDetail }),
    homeFault: why?.slice(0, DETAIL_LETTERS_MAX) ?? null,
  };
}
