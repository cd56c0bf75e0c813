// Settings that owners changed, folded from the ledger. An owner's value overrides the one in device.json.
import { type Failure, failure } from '@doorsill/contract/errors';
import { OwnerSettingPath, type SettingsChange, type SettingsInForce } from '@doorsill/contract/owner-settings';
import { type DisclosedValues, DisclosureKey } from '@doorsill/contract/shared-claims';

/** The settings of device.json, and the bounds of a change. */
export type BaseSettings = Omit<SettingsInForce, 'byOwners'>;

type Value = string | number | SettingsInForce['motion']['zones'];

/** The owners' values by path. Never changed in place. */
export type OwnerSettings = ReadonlyMap<OwnerSettingPath, Value>;

export const NO_OWNER_SETTINGS: OwnerSettings = new Map();

/** The owners' settings after a change. */
export function changedBy(before: OwnerSettings, change: SettingsChange): OwnerSettings {
  const after = new Map(before);
  for (const path of OwnerSettingPath.options) {
    const value = valueAt(change, path);
    if (value === null) after.delete(path);
    else if (value !== undefined) after.set(path, value);
  }
  return after;
}

/**
 * The settings in force. Retention is never shorter than one event with its pre- and post-roll: device.json may have got longer rolls
 * since an owner set `ring.retentionS`.
 */
export function settingsInForce(base: BaseSettings, owners: OwnerSettings): SettingsInForce {
  const pick = <T extends Value>(path: OwnerSettingPath, is: (value: unknown) => value is T): T | undefined => {
    const value = owners.get(path);
    return is(value) ? value : undefined;
  };
  const disclosure: DisclosedValues = {};
  for (const key of DisclosureKey.options) {
    const value = pick(`disclosure.${key}`, isText) ?? base.disclosure[key] ?? '';
    if (value !== '') disclosure[key] = value;
  }
  const { enabled, sensitivity, zones } = base.motion;
  return {
    disclosure,
    motion: {
      enabled,
      sensitivity: pick('motion.sensitivity', isNumber) ?? sensitivity,
      zones: pick('motion.zones', isList) ?? zones,
    },
    ring: {
      ...base.ring,
      retentionS: Math.max(pick('ring.retentionS', isNumber) ?? base.ring.retentionS, base.ring.retentionSMin),
    },
    events: { keepDays: pick('events.keepDays', isNumber) ?? base.events.keepDays },
    byOwners: OwnerSettingPath.options.filter((path) => owners.has(path)),
  };
}

/** Why a change is refused as a whole; null when it is accepted. */
export function settingsFault(base: BaseSettings, change: SettingsChange): Failure | null {
  const retentionS = change.ring?.retentionS;
  if (typeof retentionS === 'number' && retentionS < base.ring.retentionSMin) {
    return failure('settings_retention_short', { seconds: base.ring.retentionSMin });
  }
  const twice = change.motion?.zones?.find(({ name }, at, all) => all.findIndex((one) => one.name === name) !== at);
  return twice ? failure('settings_zone_twice', { zone: twice.name }) : null;
}

function valueAt(change: SettingsChange, path: OwnerSettingPath): Value | null | undefined {
  switch (path) {
    case 'motion.sensitivity':
      return change.motion?.sensitivity;
    case 'motion.zones':
      return change.motion?.zones;
    case 'ring.retentionS':
      return change.ring?.retentionS;
    case 'events.keepDays':
      return change.events?.keepDays;
    default:
      return change.disclosure?.[DisclosureKey.parse(path.slice('disclosure.'.length))];
  }
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number';
const isList = (value: unknown): value is SettingsInForce['motion']['zones'] => Array.isArray(value);
