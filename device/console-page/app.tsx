// Chooses what the page shows first: no support for signing, pairing, no server, or the paired doorbell (shell.tsx).
import { isFailure } from '@doorsill/contract/errors';
import { useEffect, useState } from 'preact/hooks';
import { clock } from './kit/browser-seams.ts';
import { text } from './kit/choose-language.ts';
import { DeviceClient, fetchServerFacts } from './kit/device-client.ts';
import { Door } from './kit/door.ts';
import { DoorContext, useDoor } from './kit/door-context.ts';
import { Icon } from './kit/icons.tsx';
import { canSign, forgetOwnerKey, loadOwnerKey, type OwnerKey } from './kit/owner-key.ts';
import { SessionSecret } from './kit/session-secret.ts';
import type { PairingCode } from './pairing/pairing-code.ts';
import { Gate, PairingPage } from './pairing/pairing-page.tsx';
import { Shell } from './shell.tsx';

type Facts = Awaited<ReturnType<typeof fetchServerFacts>>;
type Stage =
  | { at: 'starting' }
  | { at: 'unsupported' }
  | { at: 'gone' }
  | { at: 'set-up'; page: typeof import('./setup/setup-page.tsx')['SetupPage']; token: string }
  | { at: 'code-missing'; why: string }
  | { at: 'pairing'; facts: Facts }
  | { at: 'open'; door: Door };

const RETRY_MS = 2_000;
const secret = new SessionSecret();

export function App({ code, setup }: { code: PairingCode | null; setup: PairingCode | null }) {
  const [stage, setStage] = useState<Stage>({ at: 'starting' });
  // A code pairs once.
  const [unusedCode, setUnusedCode] = useState(code);

  const open = (key: OwnerKey) => {
    const door = new Door(new DeviceClient(key, secret));
    door.start();
    setStage({ at: 'open', door });
  };
  useEffect(() => {
    const leaving = new AbortController();
    void firstStage(leaving.signal, setStage, open, setup);
    return () => leaving.abort();
  }, []);

  switch (stage.at) {
    case 'starting':
      return <main class="gate" aria-busy="true" />;
    case 'unsupported':
      return (
        <Gate title={text.unsupportedTitle}>
          <p>{text.unsupportedHelp}</p>
        </Gate>
      );
    case 'gone':
      return (
        <Gate title={text.serverGoneTitle}>
          <p role="status">{text.serverGoneHelp}</p>
        </Gate>
      );
    case 'set-up':
      return <stage.page token={stage.token} paired={open} />;
    case 'code-missing':
      return (
        <Gate title={text.setupCodeTitle}>
          <p role="status">{text.setupCodeHelp}</p>
          <p class="hint">{stage.why}</p>
        </Gate>
      );
    case 'pairing': {
      const { device, deviceKey, pairingLocked, commandLine } = stage.facts;
      const paired = (key: OwnerKey) => {
        setUnusedCode(null);
        open(key);
      };
      return <PairingPage {...{ device, deviceKey, paired, commandLine }} code={unusedCode} isLocked={pairingLocked} />;
    }
    case 'open':
      return (
        <DoorContext.Provider value={stage.door}>
          <OpenDoor
            forgotten={() => void findServer(new AbortController().signal, setStage)}
            hasCode={unusedCode !== null}
          />
        </DoorContext.Provider>
      );
  }
}

async function firstStage(
  signal: AbortSignal,
  show: (stage: Stage) => void,
  open: (key: OwnerKey) => void,
  setup: PairingCode | null,
): Promise<void> {
  if (!(await canSign())) return show({ at: 'unsupported' });
  if (setup) {
    const { SetupPage } = await import('./setup/setup-page.tsx');
    return show({ at: 'set-up', page: SetupPage, token: setup.token });
  }
  const key = await loadOwnerKey();
  if (key?.paired) return open(key);
  await findServer(signal, show);
}

/** Asks the server for its device until it answers. */
async function findServer(signal: AbortSignal, show: (stage: Stage) => void): Promise<void> {
  while (!signal.aborted) {
    const facts = await fetchServerFacts().catch((thrown: unknown) => {
      // Reloaded during the set-up: the code is no longer in the address.
      if (isFailure(thrown) && thrown.code === 'setup_token_refused') return thrown;
      return null;
    });
    if (signal.aborted) return;
    if (isFailure(facts)) return show({ at: 'code-missing', why: facts.message });
    if (facts) return show({ at: 'pairing', facts });
    show({ at: 'gone' });
    await clock.pause(RETRY_MS, signal);
  }
}

/** The doorbell's pages, or a notice when the device no longer accepts this browser's key. */
function OpenDoor({ forgotten, hasCode }: { forgotten(): void; hasCode: boolean }) {
  const { door, view } = useDoor();
  const again = async () => {
    door.stop();
    await forgetOwnerKey();
    forgotten();
  };
  const isRefused = view.refused !== null;
  useEffect(() => {
    // A new code in the address means: pair again.
    if (isRefused && hasCode) void again();
  }, [isRefused, hasCode]);
  if (!view.refused) return <Shell />;
  return (
    <Gate title={text.removedTitle}>
      <p>{text.removedHelp}</p>
      <p class="hint">{view.refused.message}</p>
      <button type="button" class="button button-main" onClick={() => void again()}>
        <Icon name="key" />
        {text.pairAgain}
      </button>
    </Gate>
  );
}
