// Owns: the one thing that is to be said of a door now, and what else is not as it should be, from the device's state. Pure. Not here: the
// words (text/), showing it.
import type { DeviceState } from '@doorsill/contract/home-messages';

/** `recording`: all is well. `unkept`: the camera gives footage, and the storage does not take it. */
export interface DoorCondition {
  kind: 'recording' | 'unkept' | 'privacy' | 'starting' | 'lost' | 'off';
  /** Why, in the device's own words. */
  reason: string | null;
}

type ConditionFacts = Pick<DeviceState, 'privacy' | 'camera' | 'recording' | 'storage'>;

export function doorCondition({ privacy, camera, recording = true, storage }: ConditionFacts): DoorCondition {
  const reason = camera.detail ?? null;
  if (privacy) return { kind: 'privacy', reason: null };
  switch (camera.state) {
    case 'recording':
      if (recording) return { kind: 'recording', reason };
      return storage.state === 'ok' ? { kind: 'starting', reason } : { kind: 'unkept', reason: storage.detail ?? null };
    case 'starting':
      return { kind: 'starting', reason };
    case 'off':
    case 'ended':
      return { kind: 'off', reason };
    case 'stalled':
    case 'lost':
    case 'failed':
      return { kind: 'lost', reason };
  }
}

/** One line of health: what it is about, whether it is well, and the device's own words where it is not. */
export interface HealthLine {
  about:
    | 'camera'
    | 'storage'
    | 'clock'
    | 'area'
    | 'dropped'
    | 'damaged'
    | 'button'
    | 'chime'
    | 'shutter'
    | 'light'
    | 'board'
    | 'purpose';
  isWell: boolean;
  detail: string | null;
}

/** What to say of the device's health: always camera and storage; the rest where something is wrong. */
export function healthLines(state: DeviceState): HealthLine[] {
  const { camera, storage, clockTrusted, area, areaDetail, dropped, ring, hardware = [], simulatedFaults = [] } = state;
  const { kind, reason } = doorCondition(state);
  // What the storage does not take is told on its own line.
  const isCameraWell = kind === 'recording' || kind === 'privacy' || kind === 'unkept';
  const lines: HealthLine[] = [
    { about: 'camera', isWell: isCameraWell, detail: (kind === 'unkept' ? null : reason) ?? camera.source },
    { about: 'storage', isWell: storage.state === 'ok', detail: storage.detail ?? null },
  ];
  if (!clockTrusted) lines.push({ about: 'clock', isWell: false, detail: null });
  if (area !== 'none') lines.push({ about: 'area', isWell: area === 'online', detail: areaDetail ?? null });
  if (dropped !== undefined) lines.push({ about: 'dropped', isWell: false, detail: String(dropped) });
  if (ring.damaged > 0) lines.push({ about: 'damaged', isWell: false, detail: String(ring.damaged) });
  for (const { part, name, detail } of hardware)
    lines.push({ about: part, isWell: false, detail: `${name}: ${detail}` });
  for (const fault of simulatedFaults) lines.push({ about: 'purpose', isWell: false, detail: fault });
  return lines;
}
