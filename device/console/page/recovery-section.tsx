// Owns: what to do when the only browser is lost, and how a backup is made: both at the device, never from here. Not here: either of them.
import { type OwnMachine, ownerCommand } from './owner-command.ts';
import { CommandLine, Part } from './settings-part.tsx';
import { words } from './settings-words.ts';

export function RecoverySection({ machine }: { machine: OwnMachine }) {
  return (
    <Part id="recovery">
      <h3>{words.recoveryLost}</h3>
      <p class="hint">{words.recoveryLostHelp}</p>
      <CommandLine command={ownerCommand(machine, 'pair --show')} />
      <ol class="steps hint">
        <li>{words.recoveryLocked}</li>
        <li>{words.recoveryThen}</li>
        <li>{words.recoverySecond}</li>
      </ol>
      <h3>{words.backup}</h3>
      <p class="hint">{words.backupHelp}</p>
      <p class="hint">{words.backupMake}</p>
      <CommandLine command={ownerCommand(machine, 'device backup --out doorbell.backup')} />
      <p class="hint">{words.backupRestore}</p>
      <CommandLine command={ownerCommand(machine, 'device restore doorbell.backup')} />
      <p class="hint">{words.backupAfter}</p>
    </Part>
  );
}
