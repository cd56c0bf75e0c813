// Owns: one clip that has left, as a card: to whom, what became of it, what it was, the check of its proof, and taking it back. Not here:
// the check's findings in words (departure-check.tsx), the list (left-page.tsx).

import { checkDeparture, type DepartureCheck } from '@doorsill/contract/check-departure';
import { pinsSchema } from '@doorsill/contract/console-messages';
import {
  type Departure,
  DepartureCustody,
  type DepartureOutcome,
  isRevocable,
  outcomeOf,
} from '@doorsill/contract/departures';
import { ERRORS, failure, isErrorCode, isFailure } from '@doorsill/contract/errors';
import { oneLine } from '@doorsill/contract/outside-text';
import { DisclosureKey } from '@doorsill/contract/shared-claims';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { text } from '../kit/choose-language.ts';
import { useAction, useDoor } from '../kit/door-context.ts';
import { showBytes, showDateAndTime, showDay, showLength, showTime } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import { TroubleNotice } from '../kit/notices.tsx';
import { tokenCrypto } from '../kit/token-crypto.ts';
import { CheckFindings } from './departure-check.tsx';
import { words } from './left-words.ts';

/** `out`: somebody has it; `open`: not settled; `gone`: nobody has it any more. */
const TONES: Record<DepartureOutcome['is'], 'out' | 'open' | 'gone'> = {
  sending: 'open',
  stopped: 'open',
  stored: 'out',
  'in-vault': 'out',
  revoking: 'open',
  'nothing-arrived': 'gone',
  'erased-at-bridge': 'gone',
  'erased-at-vault': 'gone',
  restricted: 'out',
  kept: 'out',
};

function outcomeSentences(
  { standing, recipient }: Departure,
  outcome: DepartureOutcome,
  check: DepartureCheck | null,
): string[] {
  const { outcomes } = words;
  switch (outcome.is) {
    case 'sending':
      return [outcomes.sending];
    case 'stopped': {
      const code = standing.at === 'stopped' && isErrorCode(standing.code) ? ERRORS[standing.code].message : '';
      return [outcomes.stopped, ...(code === '' || code.includes('{') ? [] : [outcomes.stoppedBy(code)])];
    }
    case 'stored': {
      const stored = outcomes.stored(showDateAndTime(outcome.atUs));
      // A pet's owner fetches it from the bridge: no vault takes it.
      if (recipient.kind === 'neighbor') return [stored];
      const isThere = check?.isWhole === true && check.last?.kind === 'intake';
      return [stored, isThere ? outcomes['at-bridge'] : outcomes.storedMayMove];
    }
    case 'erased-at-vault':
    case 'restricted':
    case 'kept': {
      const sentence = outcomes[outcome.is](showDateAndTime(outcome.atUs));
      return outcome.reason === null ? [sentence] : [sentence, outcomes.reason(oneLine(outcome.reason))];
    }
    default:
      return [outcomes[outcome.is](showDateAndTime(outcome.atUs))];
  }
}

type Checked = DepartureCheck | 'no-clip';

export function DepartureCard({ departure }: { departure: Departure }) {
  const { door } = useDoor();
  const [checked, setChecked] = useState<Checked | null>(null);
  const checking = useAction();
  const { recipient, number } = departure;
  const last = checked === null || checked === 'no-clip' ? null : checked.last;
  const outcome = outcomeOf(departure, last);
  const check = () =>
    checking.run(async () => {
      // What was found before may not hold any more, and must not stand beside why it cannot be told now.
      const found = await checkWithBridge(door.client, departure).catch((thrown: unknown) => {
        setChecked(null);
        throw thrown;
      });
      setChecked(found);
    });
  return (
    <article class="card departure" aria-labelledby={`departure-${number}`}>
      <header class="departure-head">
        <span class="event-icon">
          <Icon name={recipient.kind === 'agency' ? 'agency' : 'pet'} />
        </span>
        <div class="departure-who">
          <h2 id={`departure-${number}`}>{recipient.kind === 'agency' ? oneLine(recipient.name) : words.petOwner}</h2>
          <p class="hint">
            {recipient.kind === 'agency'
              ? words.agencyHelp(oneLine(recipient.domain), words.kinds[recipient.jurisdiction])
              : words.petOwnerHelp(recipient.id)}
          </p>
        </div>
        <p class={`tag tag-${TONES[outcome.is]}`} role="status">
          {words.labels[outcome.is]}
        </p>
      </header>
      <p>{outcomeSentences(departure, outcome, checked === 'no-clip' ? null : checked).join(' ')}</p>
      <Facts departure={departure} ownKey={door.client.key.publicKey} />
      <More departure={departure} />
      <div class="row departure-actions">
        <button type="button" class="button" disabled={checking.busy} onClick={check}>
          <Icon name="shield" />
          {checking.busy ? words.checking : checked === null ? words.check : words.checkAgain}
        </button>
        {isRevocable(departure) && <TakeBack departure={departure} />}
      </div>
      <TroubleNotice trouble={checking.trouble} />
      <div role="status">
        {checked === 'no-clip' && <p class="hint">{words.noClip}</p>}
        {checked !== null && checked !== 'no-clip' && <CheckFindings check={checked} />}
      </div>
    </article>
  );
}

/** Has the device ask the bridge, and checks here what it shows. Throws what the device refuses with, or `unreachable`. */
async function checkWithBridge(
  client: ReturnType<typeof useDoor>['door']['client'],
  departure: Departure,
): Promise<Checked> {
  const { trust } = await client.call(pinsSchema, '/api/v1/pins');
  if (!trust) throw failure('device_not_enrolled');
  const parties = { device: client.key.device, bridgeKey: trust.bridgeKey };
  try {
    const path = `/api/v1/departures/${departure.grant}/custody`;
    return checkDeparture(departure, await client.call(DepartureCustody, path), parties, tokenCrypto);
  } catch (thrown) {
    if (!isFailure(thrown) || thrown.code !== 'http_not_found') throw thrown;
    // What the device itself keeps can be checked all the same.
    const kept = { receipt: null, leaves: [], isWhole: true };
    const own = checkDeparture(departure, kept, parties, tokenCrypto);
    return own.findings.length === 0 ? 'no-clip' : own;
  }
}

function Facts({ departure, ownKey }: { departure: Departure; ownKey: string }) {
  const { clip, audio, zones, recipient, grantedUs, grantedBy } = departure;
  const { startUs, endUs } = clip.window;
  const length = showLength(endUs - startUs);
  return (
    <dl class="facts">
      <Fact name={words.footage}>
        {words.footageOf(showDay(startUs), showTime(startUs), showTime(endUs), length)},{' '}
        {audio ? words.soundWith : words.soundWithout}
        {zones > 0 && `, ${words.blackedOut(zones)}`}
        <br />
        <a href={`#/timeline/${startUs}`}>{words.seeFootage}</a>
      </Fact>
      <Fact name={words.disclosed}>
        <Disclosed departure={departure} />
      </Fact>
      {recipient.kind === 'agency' && (
        <Fact name={words.reason}>
          {oneLine(recipient.incidentType)}, {oneLine(recipient.investigation)}
        </Fact>
      )}
      <Fact name={words.granted}>
        <time>{showDateAndTime(grantedUs)}</time>, {words.grantedBy[grantedBy === ownKey ? 'you' : 'other']}
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** The values as they were sent. */
function Disclosed({ departure: { clip, disclosed } }: { departure: Departure }) {
  if (clip.disclosed.length === 0) return <>{words.disclosedNothing}</>;
  if (disclosed === null) {
    const names = clip.disclosed.map((key) => text.facts[key]).join(', ');
    return (
      <>
        {names}: {words.disclosedUnkept}
      </>
    );
  }
  const told = DisclosureKey.options.filter((key) => disclosed[key] !== undefined);
  return (
    <ul class="values">
      {told.map((key) => (
        <li key={key}>
          <span class="hint">{text.facts[key]}</span> {disclosed[key]}
        </li>
      ))}
    </ul>
  );
}

function More({ departure: { clip, grant, request, sentUs } }: { departure: Departure }) {
  return (
    <details class="more">
      <summary>{words.more}</summary>
      <dl class="facts">
        <Fact name={words.sent}>
          <time>{showDateAndTime(sentUs)}</time>
        </Fact>
        <Fact name={words.method}>{words.methods[clip.method]}</Fact>
        <Fact name={words.frames}>{clip.frames}</Fact>
        <Fact name={words.size}>{showBytes(clip.bytes)}</Fact>
        <Fact name={words.sha256}>
          <code>{clip.sha256}</code>
        </Fact>
        <Fact name={words.ids}>
          <code>{grant}</code> <code>{request}</code>
        </Fact>
      </dl>
    </details>
  );
}

/** Asked once more, with what it does; what came of it then shows in the card. */
function TakeBack({ departure }: { departure: Departure }) {
  const { door } = useDoor();
  const action = useAction();
  const [isAsking, setAsking] = useState(false);
  const { request, grant, grantSha256, standing, recipient } = departure;
  const revoke = () => action.run(async () => void (await door.client.revoke({ request, grant, grantSha256 })));
  if (!isAsking) {
    return (
      <button type="button" class="button" onClick={() => setAsking(true)}>
        <Icon name="back" />
        {words.takeBack}
      </button>
    );
  }
  const stored = recipient.kind === 'agency' ? words.takeBackStored : words.takeBackPet;
  return (
    <fieldset class="ask" aria-label={words.takeBackTitle}>
      <p class="ask-title">{words.takeBackTitle}</p>
      <p class="hint">{standing.at === 'stored' ? stored : words.takeBackSending}</p>
      <div class="row">
        <button type="button" class="button button-danger" disabled={action.busy} onClick={revoke}>
          {action.busy ? words.takingBack : words.takeBack}
        </button>
        <button type="button" class="button" disabled={action.busy} onClick={() => setAsking(false)}>
          {words.keep}
        </button>
      </div>
      <TroubleNotice trouble={action.trouble} />
    </fieldset>
  );
}
