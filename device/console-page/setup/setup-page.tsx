// The page on which a doorbell is set up: name, camera, how long footage lasts, who opens its page. Then it waits until the doorbell runs.
import './setup.css';
import { fromBase64url } from '@doorsill/contract/bytes';
import { isFailure } from '@doorsill/contract/errors';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { clock } from '../kit/browser-seams.ts';
import { text } from '../kit/choose-language.ts';
import { fetchServerFacts } from '../kit/device-client.ts';
import { type Trouble, troubleOf, useAction } from '../kit/door-context.ts';
import { Icon } from '../kit/icons.tsx';
import { TroubleNotice } from '../kit/notices.tsx';
import { makeOwnerKey, type OwnerKey, storeOwnerKey } from '../kit/owner-key.ts';
import { browserName, Gate } from '../pairing/pairing-page.tsx';
import { type Access, AccessChoice, BrokerChoice, type BrokerText, brokerOf, NO_BROKER } from './access-choice.tsx';
import { CameraChoice, type Look } from './camera-choice.tsx';
import { FootageChoice, type FootagePlan } from './footage-choice.tsx';
import { BITS_PER_SECOND_ASSUMED, KEPT_S_DEFAULT, MEMORY_BYTES, spaceFor, spacesOn } from './footage-length.ts';
import { type Attempt, type Facts, type Found, ownerOf, SetupClient } from './setup-client.ts';
import { words } from './setup-words.ts';

type Stage =
  | { at: 'loading' }
  | { at: 'over'; trouble: Trouble }
  | { at: 'form'; facts: Facts }
  /** `isSure`: the doorbell said that its settings are written. */
  | { at: 'starting'; key: OwnerKey; isSure: boolean }
  | { at: 'elsewhere'; listen: Facts['listen'] };

const POLL_MS = 1_000;
const LONG_MS = 90_000;

export function SetupPage({ token, paired }: { token: string; paired(key: OwnerKey): void }) {
  const client = useMemo(() => new SetupClient(token), [token]);
  const [stage, setStage] = useState<Stage>({ at: 'loading' });
  useEffect(() => {
    client.facts().then(
      (facts) => setStage({ at: 'form', facts }),
      (thrown: unknown) => setStage({ at: 'over', trouble: troubleOf(thrown) }),
    );
  }, [client]);

  switch (stage.at) {
    case 'loading':
      return (
        <Gate title={words.title}>
          <p role="status" class="hint is-working">
            {words.loading}
          </p>
        </Gate>
      );
    case 'over':
      return (
        <Gate title={words.over}>
          <p>{words.overHelp}</p>
          <TroubleNotice trouble={stage.trouble} />
          <a class="button" href="./">
            {words.openPage}
          </a>
        </Gate>
      );
    case 'form':
      return (
        <SetupForm
          client={client}
          facts={stage.facts}
          written={(key, isSure) =>
            setStage(key ? { at: 'starting', key, isSure } : { at: 'elsewhere', listen: stage.facts.listen })
          }
        />
      );
    case 'starting':
      return <Starting started={paired} ownerKey={stage.key} isSure={stage.isSure} />;
    case 'elsewhere':
      return (
        <Gate title={words.done}>
          <p role="status">{stage.listen === 'home-network' ? words.doneMachine : words.doneNetwork}</p>
        </Gate>
      );
  }
}

/** Waits for the doorbell, which takes the set-up's place at this address, with its certificate. */
function Starting(props: { ownerKey: OwnerKey; isSure: boolean; started(key: OwnerKey): void }) {
  const { ownerKey, isSure, started } = props;
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    const leaving = new AbortController();
    const timer = clock.after(LONG_MS, () => setLong(true));
    const wait = async () => {
      while (!leaving.signal.aborted) {
        const facts = await fetchServerFacts().catch(() => null);
        if (leaving.signal.aborted) return;
        if (facts?.device === ownerKey.device) {
          const key = { ...ownerKey, paired: true };
          await storeOwnerKey(key);
          return started(key);
        }
        await clock.pause(POLL_MS, leaving.signal);
      }
    };
    void wait();
    return () => {
      timer.cancel();
      leaving.abort();
    };
  }, [ownerKey]);
  return (
    <Gate title={isSure ? words.starting : words.unsure}>
      <p role="status" class="is-working">
        {isSure ? words.startingHelp : words.unsureHelp}
      </p>
      {isLong && isSure && <p class="notice">{words.startingLong}</p>}
    </Gate>
  );
}

/** The cameras with their pictures, each taken when it is first shown or asked for. */
function useCameras(client: SetupClient) {
  const [found, setFound] = useState<Found | null>(null);
  const [looks, setLooks] = useState<ReadonlyMap<string, Look>>(new Map());
  const [chosen, setChosen] = useState<Attempt | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  /** The newest picture asked for of each camera: earlier answers are dropped. */
  const newest = useRef(new Map<string, number>());
  const urls = useRef(new Set<string>());
  const isHere = useRef(true);

  const show = (camera: string, look: Look) => setLooks((before) => new Map(before).set(camera, look));
  const take = async (attempt: Attempt) => {
    const { camera } = attempt;
    const turn = (newest.current.get(camera) ?? 0) + 1;
    newest.current.set(camera, turn);
    show(camera, { at: 'taking' });
    const look = await client.try(attempt).then(
      (tried): Look => {
        const url = URL.createObjectURL(
          new Blob([new Uint8Array(fromBase64url(tried.jpeg) ?? [])], { type: 'image/jpeg' }),
        );
        urls.current.add(url);
        return { at: 'taken', tried, url };
      },
      (thrown: unknown): Look => ({ at: 'failed', trouble: troubleOf(thrown) }),
    );
    if (!isHere.current || newest.current.get(camera) !== turn) return;
    show(camera, look);
    if (look.at === 'taken') setChosen((now) => now ?? attempt);
  };
  const look = async () => {
    setTrouble(null);
    const answer = await client.cameras().catch((thrown: unknown) => setTrouble(troubleOf(thrown)));
    if (!answer || !isHere.current) return;
    setFound(answer);
    for (const { source } of answer.cameras) {
      if (!isHere.current) return;
      if (!newest.current.has(source)) await take({ camera: source, size: null, microphone: null });
    }
  };
  useEffect(() => {
    void look();
    return () => {
      isHere.current = false;
      for (const url of urls.current) URL.revokeObjectURL(url);
    };
  }, []);
  return {
    found,
    looks,
    chosen,
    trouble,
    choose: (attempt: Attempt) => setChosen((now) => (now?.camera === attempt.camera ? now : attempt)),
    retake: (attempt: Attempt) => {
      setChosen(attempt);
      void take(attempt);
    },
    lookAgain: () => {
      setFound(null);
      newest.current.clear();
      void look();
    },
  };
}

function SetupForm(props: { client: SetupClient; facts: Facts; written(key: OwnerKey | null, isSure: boolean): void }) {
  const { client, facts, written } = props;
  const action = useAction();
  const cameras = useCameras(client);
  const [name, setName] = useState(words.nameUsual);
  const [address, setAddress] = useState('');
  const [keptS, setKeptS] = useState(KEPT_S_DEFAULT);
  const [space, setSpace] = useState<number | null>(null);
  const [access, setAccess] = useState<Access>({ listen: facts.listen, announce: facts.listen === 'home-network' });
  const [broker, setBroker] = useState<BrokerText>(NO_BROKER);
  const [browser, setBrowser] = useState(browserName);
  useEffect(() => {
    document.title = `${words.title} · ${text.appName}`;
  }, []);

  const { chosen } = cameras;
  const look = chosen ? cameras.looks.get(chosen.camera) : undefined;
  const measured = look?.at === 'taken' ? look.tried.bitsPerSecond : null;
  const bitsPerSecond = measured ?? BITS_PER_SECOND_ASSUMED;
  const spaces = spacesOn(facts.freeBytes);
  const bytes = space ?? spaceFor(keptS, bitsPerSecond, spaces);
  const plan: FootagePlan = { spaces, bytes, keptS, bitsPerSecond, isMeasured: measured !== null };
  const pairs = access.listen === facts.listen;

  const finish = () =>
    action.run(async () => {
      if (!chosen) return;
      const key = await makeOwnerKey(facts.device, facts.deviceKey);
      const owner = pairs ? await ownerOf(key, facts, browser.trim() || browserName()) : null;
      const footage =
        bytes === null
          ? ({ kind: 'memory', bytes: MEMORY_BYTES, retentionS: keptS } as const)
          : ({ kind: 'file', bytes, retentionS: keptS } as const);
      let isSure = true;
      try {
        await client.finish({ name: name.trim(), ...chosen, footage, ...access, broker: brokerOf(broker), owner });
      } catch (thrown) {
        // The settings may be written although their answer was lost: then the doorbell will answer, and know this key.
        if (!pairs || !isFailure(thrown) || thrown.code !== 'unreachable') throw thrown;
        isSure = false;
      }
      if (pairs) await storeOwnerKey(key);
      written(pairs ? key : null, isSure);
    });

  return (
    <main class="setup">
      <header class="setup-head">
        <p class="brand">
          <Icon name="door" />
          {text.appName}
        </p>
        <h1>{words.title}</h1>
        <p class="hint">{words.intro}</p>
      </header>
      <form
        class="setup-form"
        onSubmit={(event) => {
          event.preventDefault();
          finish();
        }}
      >
        <section class="card" aria-labelledby="setup-name">
          <h2 id="setup-name">{words.name}</h2>
          <div class="field">
            <input
              aria-labelledby="setup-name"
              aria-describedby="setup-name-note"
              value={name}
              required
              pattern=".*\S.*"
              title={words.nameEmpty}
              maxLength={60}
              autoComplete="off"
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
            <p id="setup-name-note" class="hint">
              {words.nameHelp}
            </p>
          </div>
        </section>
        <section class="card" aria-labelledby="setup-camera">
          <h2 id="setup-camera">{words.camera}</h2>
          <CameraChoice {...cameras} address={address} type={setAddress} />
          <TroubleNotice trouble={cameras.trouble} />
        </section>
        <section class="card" aria-labelledby="setup-footage">
          <h2 id="setup-footage">{words.footage}</h2>
          <FootageChoice plan={plan} freeBytes={facts.freeBytes} setSpace={setSpace} setKeptS={setKeptS} />
        </section>
        <section class="card" aria-labelledby="setup-who">
          <h2 id="setup-who">{words.who}</h2>
          <AccessChoice access={access} here={facts.listen} choose={setAccess} />
        </section>
        <details class="card">
          <summary>{words.broker}</summary>
          <BrokerChoice broker={broker} choose={setBroker} />
        </details>
        {pairs && (
          <section class="card">
            <label class="field">
              <span>{words.browser}</span>
              <input
                value={browser}
                maxLength={60}
                required
                autoComplete="off"
                onInput={({ currentTarget }) => setBrowser(currentTarget.value)}
              />
            </label>
          </section>
        )}
        <div class="setup-end">
          <TroubleNotice trouble={action.trouble} />
          {look?.at !== 'taken' && <p class="hint">{words.pictureFirst}</p>}
          <button type="submit" class="button button-main" disabled={action.busy || look?.at !== 'taken'}>
            <Icon name="check" />
            {action.busy ? words.finishing : words.finish}
          </button>
        </div>
      </form>
    </main>
  );
}
