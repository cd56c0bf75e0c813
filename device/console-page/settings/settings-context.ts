import { type OwnerSettingPath, SettingsAnswer, type SettingsChange } from '@doorsill/contract/owner-settings';
import { useEffect, useState } from 'preact/hooks';
import { type Trouble, troubleOf, useAction, useDoor } from '../kit/door-context.ts';

export interface Settings {
  inForce: SettingsAnswer;
  isByOwner(path: OwnerSettingPath): boolean;
  /** Sends the signed order, then fetches the settings again. Throws the device's refusal. */
  change(settings: SettingsChange): Promise<void>;
}

/** The settings in force, fetched with each new connection: another owner may have changed them. */
export function useSettings(): { settings: Settings | null; trouble: Trouble | null } {
  const { door, view } = useDoor();
  const [inForce, setInForce] = useState<SettingsAnswer | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const load = async () => {
    setInForce(await door.client.call(SettingsAnswer, '/api/v1/settings'));
    setTrouble(null);
  };
  useEffect(() => {
    if (view.link === 'online') load().catch((thrown: unknown) => setTrouble(troubleOf(thrown)));
  }, [door, view.link]);
  const change = async (settings: SettingsChange) => {
    await door.client.command({ action: 'change-settings', settings });
    await load();
  };
  const isByOwner = (path: OwnerSettingPath) => inForce?.byOwners.includes(path) ?? false;
  return { settings: inForce && { inForce, isByOwner, change }, trouble };
}

/** Saves one part of the page. `isSaved`: it was saved and not edited since. */
export function useSaving(settings: Settings): {
  busy: boolean;
  trouble: Trouble | null;
  isSaved: boolean;
  save(change: SettingsChange, then?: () => void): void;
  edited(): void;
} {
  const action = useAction();
  const [isSaved, setSaved] = useState(false);
  const save = (change: SettingsChange, then: () => void = () => {}) =>
    action.run(async () => {
      await settings.change(change);
      setSaved(true);
      then();
    });
  const edited = () => {
    setSaved(false);
    action.clear();
  };
  return { busy: action.busy, trouble: action.trouble, isSaved, save, edited };
}
