import { expect, it } from 'vitest';
import { doorCondition, healthLines } from '../../../../device/console-page/kit/door-condition.ts';
import { DeviceState } from '../../../../device/contract/home-messages.ts';

function stateOf(changes: Partial<DeviceState> = {}): DeviceState {
  return DeviceState.parse({
    device: 'device-1',
    name: 'Front door',
    atUs: 1,
    camera: { state: 'recording', source: 'synthetic' },
    privacy: false,
    searchParty: false,
    ring: { kind: 'file', bytes: 1, bytesMax: 2, segments: 1, coverage: [], damaged: 0 },
    storage: { state: 'ok' },
    clockTrusted: true,
    area: 'none',
    owners: 1,
    requests: [],
    refused: {},
    ledger: { entries: 1, hash: '0'.repeat(64) },
    lastOrder: '0'.repeat(64),
    ...changes,
  });
}

it('lists only camera and storage for a doorbell without faults', () => {
  expect(healthLines(stateOf())).toEqual([
    { about: 'camera', isWell: true, detail: 'synthetic' },
    { about: 'storage', isWell: true, detail: null },
  ]);
  expect(doorCondition(stateOf({ privacy: true }))).toEqual({ kind: 'privacy', reason: null });
});

it('says “recording” only while footage is stored, and the reason otherwise', () => {
  const full = { state: 'full', detail: 'The disk has no space.' } as const;
  expect(doorCondition(stateOf({ recording: true, storage: full })).kind).toBe('recording');
  expect(doorCondition(stateOf({ recording: false, storage: full }))).toEqual({ kind: 'unkept', reason: full.detail });
  expect(doorCondition(stateOf({ recording: false })).kind).toBe('starting');
  // A doorbell of an earlier version has no such field.
  expect(doorCondition(stateOf()).kind).toBe('recording');
  const [camera] = healthLines(stateOf({ recording: false, storage: full }));
  expect(camera).toEqual({ about: 'camera', isWell: true, detail: 'synthetic' });
});

it('marks each simulated fault as such, next to its effects', () => {
  const simulatedFaults = ['disk-full@30s+10s', 'clock-set=1970'];
  const lines = healthLines(
    stateOf({ storage: { state: 'full', detail: 'ENOSPC' }, clockTrusted: false, simulatedFaults }),
  );
  expect(lines.filter(({ isWell }) => !isWell)).toEqual([
    { about: 'storage', isWell: false, detail: 'ENOSPC' },
    { about: 'clock', isWell: false, detail: null },
    { about: 'purpose', isWell: false, detail: 'disk-full@30s+10s' },
    { about: 'purpose', isWell: false, detail: 'clock-set=1970' },
  ]);
});
