// Pairing by the code in the address, waiting for its confirmation, and the frame of pages that show no doorbell.

import { failure } from '@doorsill/contract/errors';
import { useEffect, useState } from 'preact/hooks';
import { clock } from '../kit/browser-seams.ts';
import { text } from '../kit/choose-language.ts';
import { fetchPairingState, type fetchServerFacts, offerKey } from '../kit/device-client.ts';
import { useAction } from '../kit/door-context.ts';
import { Icon } from '../kit/icons.tsx';
import { TroubleNotice } from '../kit/notices.tsx';
import { ownerCommand } from '../kit/owner-command.ts';
import { makeOwnerKey, type OwnerKey, storeOwnerKey } from '../kit/owner-key.ts';
import type { PairingCode } from './pairing-code.ts';

const POLL_MS = 1_000;

type Facts = Awaited<ReturnType<typeof fetchServerFacts>>;

export interface PairingPageProps {
  device: string;
  deviceKey: string;
  isLocked: boolean;
  /** How the command line is called on the device's machine. */
  commandLine: Facts['commandLine'];
  /** From the address; null if it holds none. */
  code: PairingCode | null;
  paired(key: OwnerKey): void;
}

export function PairingPage({ device, deviceKey, isLocked, commandLine, code, paired }: PairingPageProps) {
  const action = useAction();
  const [name, setName] = useState(browserName);
  const [waiting, setWaiting] = useState<{ pairing: string; digits: string; key: OwnerKey } | null>(null);

  const offer = () =>
    action.run(async () => {
      if (!code) return;
      const key = await makeOwnerKey(device, deviceKey);
      const answer = await offerKey(key, code.token, name.trim() || browserName());
      if (answer.state === 'refused') throw failure('pairing_refused', { detail: text.pairRefused });
      if (answer.state === 'waiting') return setWaiting({ pairing: answer.pairing, digits: answer.code, key });
      await finish(key);
    });
  const finish = async (key: OwnerKey) => {
    const kept = { ...key, paired: true };
    await storeOwnerKey(kept);
    paired(kept);
  };

  if (waiting)
    return (
      <Waiting
        {...{ ...waiting, code, commandLine }}
        confirmed={() => finish(waiting.key)}
        refused={() => setWaiting(null)}
      />
    );
  return (
    <Gate title={text.pairTitle}>
      <p>{text.pairIntro}</p>
      {isLocked && <p class="notice">{text.pairLocked}</p>}
      {!code && !isLocked && (
        <>
          <p>{commandLine.folder === null ? text.pairHelp : text.pairHelpBoard}</p>
          <pre class="command">{ownerCommand(commandLine, 'pair --show')}</pre>
        </>
      )}
      {code && !isLocked && (
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            offer();
          }}
        >
          <label class="field">
            <span>{text.pairName}</span>
            <input
              value={name}
              maxLength={60}
              required
              autoComplete="off"
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
          </label>
          <button type="submit" class="button button-main" disabled={action.busy}>
            <Icon name="key" />
            {action.busy ? text.pairing : text.pair}
          </button>
          <p class="hint">{text.keyHere}</p>
          <p class="hint">
            <code>{device}</code>
          </p>
        </form>
      )}
      <TroubleNotice trouble={action.trouble} />
    </Gate>
  );
}

interface WaitingProps {
  commandLine: Facts['commandLine'];
  pairing: string;
  digits: string;
  code: PairingCode | null;
  confirmed(): Promise<void>;
  refused(): void;
}

function Waiting({ pairing, digits, commandLine, code, confirmed, refused }: WaitingProps) {
  const [isRefused, setRefused] = useState(false);
  // Without the callbacks, which differ at each drawing: one poll belongs to one pairing.
  useEffect(() => {
    const leaving = new AbortController();
    const poll = async () => {
      while (!leaving.signal.aborted) {
        // A device that is unreachable for a moment may still confirm.
        const answer = await fetchPairingState(pairing).catch(() => null);
        if (leaving.signal.aborted) return;
        if (answer?.state === 'paired') return confirmed();
        if (answer?.state === 'refused') return setRefused(true);
        await clock.pause(POLL_MS, leaving.signal);
      }
    };
    void poll();
    return () => leaving.abort();
  }, [pairing]);

  if (isRefused)
    return (
      <Gate title={text.pairTitle}>
        <p class="notice">{text.pairRefused}</p>
        <p>{text.pairRefusedHelp}</p>
        <button type="button" class="button" onClick={refused}>
          {text.tryAgain}
        </button>
      </Gate>
    );
  return (
    <Gate title={text.pairTitle}>
      <p>{text.pairCodeHelp}</p>
      <p class="digits">
        <span class="unseen">{text.pairCode}: </span>
        {digits}
      </p>
      <p>{text.pairCodeTerminal}</p>
      <pre class="command">{ownerCommand(commandLine, `pair --confirm ${digits}`)}</pre>
      <p>{text.pairCodeButton}</p>
      <p role="status" class="hint is-working">
        {text.pairWaiting}
      </p>
      {code?.fingerprint && (
        <details>
          <summary>SHA-256</summary>
          <p class="hint">{text.pairFingerprint}</p>
          <p class="fingerprint">{code.fingerprint.toUpperCase().match(/../g)?.join(':')}</p>
        </details>
      )}
    </Gate>
  );
}

/** A page that shows no doorbell. */
export function Gate({ title, children }: { title: string; children: preact.ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · ${text.appName}`;
  }, [title]);
  return (
    <main class="gate">
      <div class="gate-card">
        <p class="brand">
          <Icon name="door" />
          {text.appName}
        </p>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}

/** A suggested name for this browser, such as `Firefox · Android`. */
export function browserName(): string {
  const agent = navigator.userAgent;
  const found = ['Firefox', 'Edg', 'Chrome', 'Safari'].find((one) => agent.includes(one)) ?? '';
  const device = ['iPhone', 'iPad', 'Android', 'Mac', 'Windows', 'Linux'].find((one) => agent.includes(one)) ?? '';
  return [found === 'Edg' ? 'Edge' : found, device].filter((part) => part !== '').join(' · ') || 'Web';
}
