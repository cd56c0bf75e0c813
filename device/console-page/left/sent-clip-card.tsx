// One sent clip as a card: its recipient, its present state, its facts, the check of its proof, and taking it back.

import { checkSentClip, type SentClipCheck, type SentClipFinding } from '@doorsill/contract/check-sent-clip';
import { pinsSchema } from '@doorsill/contract/console-messages';
import { ERRORS, failure, isErrorCode, isFailure } from '@doorsill/contract/errors';
import { oneLine } from '@doorsill/contract/outside-text';
import { clipReaders } from '@doorsill/contract/sealing';
import {
  isRevocable,
  outcomeOf,
  type SentClip,
  SentClipCustody,
  type SentClipOutcome,
} from '@doorsill/contract/sent-clips';
import { DisclosureKey } from '@doorsill/contract/shared-claims';
import type { VerifiedLeaf } from '@doorsill/contract/verify-custody';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { text } from '../kit/choose-language.ts';
import { useAction, useDoor } from '../kit/door-context.ts';
import { showBytes, showCount, showDateAndTime, showDay, showLength, showTime } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import { TroubleNotice } from '../kit/notices.tsx';
import { saveAs } from '../kit/save-as.ts';
import { tokenCrypto } from '../kit/token-crypto.ts';
import { words } from './left-words.ts';

/** `out`: a recipient has the clip; `open`: not settled; `gone`: nobody has it any more. */
const TONES: Record<SentClipOutcome['is'], 'out' | 'open' | 'gone'> = {
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
  { standing, recipient }: SentClip,
  outcome: SentClipOutcome,
  check: SentClipCheck | null,
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
      // A pet's owner downloads it from the bridge: it goes to no vault.
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

type Checked = SentClipCheck | 'no-clip';

export function SentClipCard({ sentClip }: { sentClip: SentClip }) {
  const { door } = useDoor();
  const [checked, setChecked] = useState<Checked | null>(null);
  const checking = useAction();
  const { recipient, number } = sentClip;
  const last = checked === null || checked === 'no-clip' ? null : checked.last;
  const outcome = outcomeOf(sentClip, last);
  const check = () =>
    checking.run(async () => {
      // Old findings may be outdated, and must not stand next to the reason of a failed check.
      const found = await checkWithBridge(door.client, sentClip).catch((thrown: unknown) => {
        setChecked(null);
        throw thrown;
      });
      setChecked(found);
    });
  return (
    <article class="card sent-clip" aria-labelledby={`sent-clip-${number}`}>
      <header class="sent-clip-head">
        <span class="event-icon">
          <Icon name={recipient.kind === 'agency' ? 'agency' : 'pet'} />
        </span>
        <div class="sent-clip-recipient">
          <h2 id={`sent-clip-${number}`}>{recipient.kind === 'agency' ? oneLine(recipient.name) : words.petOwner}</h2>
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
      <p>{outcomeSentences(sentClip, outcome, checked === 'no-clip' ? null : checked).join(' ')}</p>
      <Facts sentClip={sentClip} ownKey={door.client.key.publicKey} />
      <More sentClip={sentClip} ownKey={door.client.key.publicKey} />
      <div class="row sent-clip-actions">
        <button type="button" class="button" disabled={checking.busy} onClick={check}>
          <Icon name="shield" />
          {checking.busy ? words.checking : checked === null ? words.check : words.checkAgain}
        </button>
        {isRevocable(sentClip) && <TakeBack sentClip={sentClip} />}
      </div>
      <TroubleNotice trouble={checking.trouble} />
      <div role="status">
        {checked === 'no-clip' && <p class="hint">{words.noClip}</p>}
        {checked !== null && checked !== 'no-clip' && <CheckFindings check={checked} />}
      </div>
    </article>
  );
}

/** Fetches the bridge's proofs through the device and checks them here. Throws the device's refusal, or `unreachable`. */
async function checkWithBridge(
  client: ReturnType<typeof useDoor>['door']['client'],
  sentClip: SentClip,
): Promise<Checked> {
  const { trust } = await client.call(pinsSchema, '/api/v1/pins');
  if (!trust) throw failure('device_not_enrolled');
  const parties = { device: client.key.device, bridgeKey: trust.bridgeKey };
  try {
    const path = `/api/v1/departures/${sentClip.grant}/custody`;
    return checkSentClip(sentClip, await client.call(SentClipCustody, path), parties, tokenCrypto);
  } catch (thrown) {
    if (!isFailure(thrown) || thrown.code !== 'http_not_found') throw thrown;
    // The device's own documents can still be checked.
    const kept = { receipt: null, leaves: [], isWhole: true };
    const own = checkSentClip(sentClip, kept, parties, tokenCrypto);
    return own.findings.length === 0 ? 'no-clip' : own;
  }
}

function Facts({ sentClip, ownKey }: { sentClip: SentClip; ownKey: string }) {
  const { clip, audio, zones, recipient, grantedUs, grantedBy } = sentClip;
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
        <Disclosed sentClip={sentClip} />
      </Fact>
      <Fact name={text.readersTitle}>{text.readers[clipReaders(recipient.kind, clip.sealed?.keeper)]}</Fact>
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

/** The disclosed values as they were sent. */
function Disclosed({ sentClip: { clip, disclosed } }: { sentClip: SentClip }) {
  if (clip.disclosed.length === 0) return <>{words.disclosedNothing}</>;
  if (disclosed === null) {
    const names = clip.disclosed.map((key) => text.facts[key]).join(', ');
    return (
      <>
        {names}: {words.disclosedUnkept}
      </>
    );
  }
  const keys = DisclosureKey.options.filter((key) => disclosed[key] !== undefined);
  return (
    <ul class="values">
      {keys.map((key) => (
        <li key={key}>
          <span class="hint">{text.facts[key]}</span> {disclosed[key]}
        </li>
      ))}
    </ul>
  );
}

function More({ sentClip, ownKey }: { sentClip: SentClip; ownKey: string }) {
  const { clip, grant, request, sentUs } = sentClip;
  return (
    <details class="more">
      <summary>{words.more}</summary>
      <dl class="facts">
        <Fact name={words.sent}>
          <time>{showDateAndTime(sentUs)}</time>
        </Fact>
        <Fact name={words.method}>{words.methods[clip.method]}</Fact>
        <Fact name={words.frames}>{clip.frames}</Fact>
        <Fact name={words.size}>{showBytes(clip.sealed?.clipBytes ?? clip.bytes)}</Fact>
        <Fact name={words.sha256}>
          <code>{clip.sealed?.clipSha256 ?? clip.sha256}</code>
        </Fact>
        {clip.sealed && (
          <Fact name={text.sealedSha256}>
            <code>{clip.sha256}</code>
          </Fact>
        )}
        <Fact name={words.ids}>
          <code>{grant}</code> <code>{request}</code>
        </Fact>
        {hasContentKey(sentClip, ownKey) && (
          <Fact name={words.contentKey}>
            <SaveContentKey grant={grant} />
          </Fact>
        )}
      </dl>
    </details>
  );
}

/** The button that takes a clip back, and the question behind it. The card shows the result. */
function TakeBack({ sentClip }: { sentClip: SentClip }) {
  const { door } = useDoor();
  const action = useAction();
  const [isAsking, setAsking] = useState(false);
  const { request, grant, grantSha256, standing, recipient } = sentClip;
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

/** Whether the device keeps the clip's content key for this browser. */
function hasContentKey(sentClip: SentClip, ownKey: string): boolean {
  return (
    sentClip.clip.sealed !== undefined && sentClip.grantedBy === ownKey && TONES[outcomeOf(sentClip).is] !== 'gone'
  );
}

/** Saves the content key, with which the owner can open what was sent (`doorsill verify`). */
function SaveContentKey({ grant }: { grant: string }) {
  const { door } = useDoor();
  const action = useAction();
  const save = () =>
    action.run(async () => {
      const key = await door.client.contentKey(grant);
      saveAs(
        `${grant}.content-key.json`,
        new Blob([`${JSON.stringify(key, null, 2)}\n`], { type: 'application/json' }),
      );
    });
  return (
    <>
      <p class="hint">{words.contentKeyHelp}</p>
      <button type="button" class="button" disabled={action.busy} onClick={save}>
        <Icon name="save" />
        {words.saveContentKey}
      </button>
      <TroubleNotice trouble={action.trouble} />
    </>
  );
}

/** The findings of a check, one sentence each. */
function CheckFindings({ check }: { check: SentClipCheck }) {
  const { findings, holds, isWhole } = check;
  const isCosigned = findings.some((one) => one.ok && one.of === 'leaf' && one.leaf.witnesses.length > 0);
  return (
    <div class={holds ? 'check check-holds' : 'check check-fails'}>
      <p class="check-title">
        <Icon name={holds ? 'check' : 'warning'} />
        {holds ? words.holds : words.holdsNot}
      </p>
      {!holds && <p>{words.holdsNotHelp}</p>}
      <ul class="findings">
        {findings.map((finding) => (
          <Finding key={keyOf(finding)} finding={finding} />
        ))}
      </ul>
      {!isWhole && <p class="hint">{words.partial}</p>}
      {isCosigned && <p class="hint">{words.witnesses}</p>}
      <p class="hint">{words.checkHelp}</p>
    </div>
  );
}

function Finding({ finding }: { finding: SentClipFinding }) {
  return (
    <li class={finding.ok ? 'finding' : 'finding finding-bad'}>
      <Icon name={finding.ok && !isRefusal(finding) ? 'check' : 'warning'} />
      <div>{finding.ok && finding.of === 'leaf' ? <Leaf leaf={finding.leaf} /> : sentenceOf(finding)}</div>
    </li>
  );
}

/** Whether whoever opened the clip found that it is not what was granted. */
function isRefusal(finding: SentClipFinding): boolean {
  const leaf = finding.of === 'leaf' && finding.ok ? finding.leaf : null;
  return leaf?.kind === 'opening' && leaf.facts.outcome !== 'as-granted';
}

function Leaf({ leaf }: { leaf: VerifiedLeaf }) {
  return (
    <>
      {words.leafOk(whatIn(leaf), showDateAndTime(leaf.atS * 1_000_000))}{' '}
      <span class="hint leaf-place">
        {words.leafPlace(showCount(leaf.leaf), showCount(leaf.size))}, {words.cosigned(leaf.witnesses.length)}
      </span>
    </>
  );
}

function whatIn(leaf: VerifiedLeaf): string {
  switch (leaf.kind) {
    case 'recall':
      return words.recallAnswers[leaf.facts.answer];
    case 'opening': {
      const { by, outcome } = leaf.facts;
      const who = words.openers[by];
      return outcome === 'as-granted' ? words.openedBy(who) : words.refusedBy(who, words.refusals[outcome]);
    }
    default:
      return words.leaf[leaf.kind];
  }
}

function sentenceOf(finding: SentClipFinding): string {
  if (!finding.ok) {
    const bad = { stored: words.storedBad, answer: words.answerBad, leaf: words.leafBad };
    return bad[finding.of](finding.why.replace(/\.$/, ''));
  }
  if (finding.of === 'leaf') return '';
  const when = showDateAndTime(finding.receipt.iat * 1_000_000);
  return finding.of === 'stored' ? words.storedOk(when) : words.answerOk(when);
}

function keyOf(finding: SentClipFinding): string {
  if (!finding.ok) return `${finding.of} ${finding.why}`;
  return finding.of === 'leaf' ? `leaf ${finding.leaf.leaf}` : finding.receipt.jti;
}
