import type { ShownOwner } from '@doorsill/contract/console-messages';
import { useDoor } from '../kit/door-context.ts';
import { showDateAndTime } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import { type DeviceCommandLine, ownerCommand } from '../kit/owner-command.ts';
import { ConfirmRemoval } from './confirm-removal.tsx';
import { CommandLine, Part } from './settings-part.tsx';
import { words } from './settings-words.ts';
import type { People } from './viewers-section.tsx';

export function OwnersSection({ people, machine }: { people: People; machine: DeviceCommandLine }) {
  const { owners } = people;
  return (
    <Part id="owners">
      <p class="hint">{words.ownersHelp}</p>
      {owners && (
        <ul class="viewers">
          {owners.map((owner) => (
            <OwnerLine key={owner.key} owner={owner} isOnly={owners.length === 1} changed={people.load} />
          ))}
        </ul>
      )}
      {owners?.length === 1 && <p class="hint">{words.onlyOwner}</p>}
      <p class="hint">{words.ownersAdd}</p>
      <CommandLine command={ownerCommand(machine, 'pair --show')} />
    </Part>
  );
}

function OwnerLine({
  owner: { key, name, sinceS },
  isOnly,
  changed,
}: {
  owner: ShownOwner;
  isOnly: boolean;
  changed(): Promise<void>;
}) {
  const { door } = useDoor();
  const isSelf = key === door.client.key.publicKey;
  const ask = isSelf ? words.removeSelfAsk : words.removeOwnerAsk(name);
  const remove = async () => {
    await door.client.command({ action: 'remove-owner', key });
    // If this browser removed itself, its next call is refused.
    await changed();
  };
  return (
    <li class="viewer">
      <div class="viewer-words">
        <p class="viewer-name">
          {name}
          {isSelf && (
            <span class="tag">
              <Icon name="key" />
              {words.thisBrowser}
            </span>
          )}
        </p>
        <p class="hint">{words.ownerSince(showDateAndTime(sinceS * 1e6))}</p>
      </div>
      <ConfirmRemoval name={name} ask={ask} isOffered={!isOnly} remove={remove}>
        <strong>{ask}</strong> {isSelf ? words.removeSelfConsequence : words.removeOwnerConsequence}
      </ConfirmRemoval>
    </li>
  );
}
