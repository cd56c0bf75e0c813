import './settings.css';
import { useDoor } from '../kit/door-context.ts';
import { TroubleNotice } from '../kit/notices.tsx';
import { type DeviceCommandLine, ownerCommand, UNKNOWN_COMMAND_LINE } from '../kit/owner-command.ts';
import { DisclosureSection } from './disclosure-section.tsx';
import { KeepingSection } from './keeping-section.tsx';
import { MotionSection } from './motion-section.tsx';
import { OwnersSection } from './owners-section.tsx';
import { useSettings } from './settings-context.ts';
import { CommandLine, Part } from './settings-part.tsx';
import { words } from './settings-words.ts';
import { LooksSection, usePeople, ViewersSection } from './viewers-section.tsx';

function RecoverySection({ machine }: { machine: DeviceCommandLine }) {
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

const PARTS = ['owners', 'viewers', 'disclosure', 'motion', 'keeping', 'recovery', 'looks'] as const;

export function SettingsPage() {
  const { view } = useDoor();
  const people = usePeople();
  const { settings, trouble } = useSettings();
  const { program = UNKNOWN_COMMAND_LINE.program, dataFolder = null } = settings?.inForce ?? {};
  const machine = { program, folder: dataFolder };
  return (
    <>
      <PartLinks />
      <div class="settings">
        <div class="settings-side">
          <OwnersSection people={people} machine={machine} />
          <ViewersSection people={people} />
        </div>
        <div class="settings-side settings-device">
          <TroubleNotice trouble={trouble} />
          {settings && (
            <>
              <DisclosureSection settings={settings} />
              <MotionSection settings={settings} />
              <KeepingSection settings={settings} coverage={view.state?.ring.coverage ?? []} />
            </>
          )}
        </div>
        <div class="settings-side settings-rest">
          <RecoverySection machine={machine} />
          <LooksSection people={people} />
        </div>
      </div>
    </>
  );
}

/** Buttons, not links, because the address after `#` names the page. Each scrolls to its part's heading. */
function PartLinks() {
  const goTo = (part: string) => {
    const heading = document.getElementById(part);
    heading?.scrollIntoView({ block: 'start' });
    heading?.focus({ preventScroll: true });
  };
  return (
    <nav class="part-links" aria-label={words.jump}>
      {PARTS.map((part) => (
        <button key={part} type="button" class="part-link" onClick={() => goTo(part)}>
          {words.parts[part]}
        </button>
      ))}
    </nav>
  );
}
