import type { DeviceState } from '@doorsill/contract/home-messages';

/** The doorbell's one current condition. `unkept`: the camera delivers footage and the storage does not accept it. */
export interface DoorCondition {
  kind: 'recording' | 'unkept' | 'privacy' | 'starting' | 'lost' | 'off';
  /** The device's explanation. */
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

/** One line of the health list. `detail` is the device's explanation. */
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

/** The health list: camera and storage always, the area link once enrolled, everything else only when something is wrong. */
export function healthLines(state: DeviceState): HealthLine[] {
  const { camera, storage, clockTrusted, area, areaDetail, dropped, ring, hardware = [], simulatedFaults = [] } = state;
  const { kind, reason } = doorCondition(state);
  // A storage fault has its own line.
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
