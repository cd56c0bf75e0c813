// Owns: the page "Settings": people first, then what owners may change of the device, and the way between its parts. Not here: the parts.
import './style/settings.css';
import { DisclosureSection } from './disclosure-section.tsx';
import { useDoor } from './door-context.ts';
import { KeepingSection } from './keeping-section.tsx';
import { MotionSection } from './motion-section.tsx';
import { TroubleNotice } from './notices.tsx';
import { UNTOLD } from './owner-command.ts';
import { OwnersSection } from './owners-section.tsx';
import { RecoverySection } from './recovery-section.tsx';
import { useSettings } from './settings-context.ts';
import { words } from './settings-words.ts';
import { LooksSection, usePeople, ViewersSection } from './viewers-section.tsx';

const PARTS = ['owners', 'viewers', 'disclosure', 'motion', 'keeping', 'recovery', 'looks'] as const;

export function SettingsPage() {
  const { view } = useDoor();
  const people = usePeople();
  const { settings, trouble } = useSettings();
  const { program = UNTOLD.program, dataFolder = null } = settings?.inForce ?? {};
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

/** The address names the page, so these are buttons: each goes to the heading of its part. */
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
