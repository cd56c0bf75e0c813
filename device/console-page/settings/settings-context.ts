// Owns: the settings in force as the page knows them, and changing them by a signed order. Not here: the parts of the page that show them.

import { type OwnerSettingPath, SettingsAnswer, type SettingsChange } from '@doorsill/contract/owner-settings';
import { useEffect, useState } from 'preact/hooks';
import { type Trouble, troubleOf, useAction, useDoor } from '../kit/door-context.ts';

export interface Settings {
  inForce: SettingsAnswer;
  isByOwner(path: OwnerSettingPath): boolean;
  /** Gives the order and asks what is in force then. Throws what the device refuses with. */
  change(settings: SettingsChange): Promise<void>;
}

/** The settings, asked for again whenever the door is reached again: another owner may have changed them. */
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

/** One part's saving: whether it is under way, what went wrong, and whether it was the last thing done. */
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
