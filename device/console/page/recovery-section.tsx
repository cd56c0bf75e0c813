// Owns: what to do when the only browser is lost, and how a backup is made: both at the device, never from here. Not here: either of them.
import { CommandLine, Part, pairCommand, quoted } from './settings-part.tsx';
import { words } from './settings-words.ts';

/** `folder`: of the device on its own machine; null until it is known. */
export function RecoverySection({ folder }: { folder: string | null }) {
  const data = quoted(folder ?? '.doorsill/doorbell');
  return (
    <Part id="recovery">
      <h3>{words.recoveryLost}</h3>
      <p class="hint">{words.recoveryLostHelp}</p>
      <CommandLine command={pairCommand(folder)} />
      <ol class="steps hint">
        <li>{words.recoveryLocked}</li>
        <li>{words.recoveryThen}</li>
        <li>{words.recoverySecond}</li>
      </ol>
      <h3>{words.backup}</h3>
      <p class="hint">{words.backupHelp}</p>
      <p class="hint">{words.backupMake}</p>
      <CommandLine command={`npx doorsill device backup --data ${data} --out doorbell.backup`} />
      <p class="hint">{words.backupRestore}</p>
      <CommandLine command={`npx doorsill device restore doorbell.backup --data ${data}`} />
      <p class="hint">{words.backupAfter}</p>
    </Part>
  );
}
