// Verifies a bridge's messages: its step of a hand-over or its recall, and with an offer the clip's statement and the bridge's receipt.
// The vault does not learn whose key signed the statement: the bridge vouches that it belongs to an enrolled home, and keeps the sealed
// manifest for a dispute.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import { faultOfFacts } from '@doorsill/contract/clip-facts';
import { failure } from '@doorsill/contract/errors';
import { type HandedClip, itemId } from '@doorsill/contract/hand-over-documents';
import { actorId } from '@doorsill/contract/ids';
import { IntakeReceipt, STATEMENT_TIME_STEP_US, Statement } from '@doorsill/contract/manifest';
import {
  HAND_OVER_LIFE_S_MAX,
  HandOver,
  type HandOverBody,
  itemIdTextOf,
  Recall,
} from '../signing/hand-over-documents.ts';
import { assertLife, peekToken, readLink } from '../signing/verify-token.ts';
import type { AccessStore } from './vault-store.ts';

export interface OfferReaderDeps {
  clock: Clock;
  access: AccessStore;
  vaultId: string;
  vaultKey: string;
  clipBytesMax: number;
}

export interface ReadStep {
  step: HandOver;
  bridge: string;
}

const refuse = (detail: string) => failure('hand_over_refused', { detail });

export class OfferReader {
  private readonly deps: OfferReaderDeps;

  constructor(deps: OfferReaderDeps) {
    this.deps = deps;
  }

  /** Reads one step of a hand-over. Throws `hand_over_refused`, `token_expired`. */
  async readStep(token: string, wanted: HandOver['step']): Promise<ReadStep> {
    const { iss } = peekToken(token, HandOver);
    const bridge = await this.bridgeOf(iss);
    const step = readLink(
      token,
      { typ: 'doorsill-hand-over+jws', schema: HandOver, audience: this.deps.vaultId, keys: [iss] },
      'hand_over_refused',
      'hand-over',
    );
    this.assertOurs(step, bridge);
    if (step.step !== wanted) throw refuse(`it says ${step.step}, not ${wanted}`);
    if (step.clipBytes > this.deps.clipBytesMax) throw refuse(`a clip has ${this.deps.clipBytesMax} bytes at most`);
    return { step, bridge };
  }

  /** Reads a recall. Throws `hand_over_refused`, `token_expired`. */
  async readRecall(token: string): Promise<Recall> {
    const { iss } = peekToken(token, Recall);
    const bridge = await this.bridgeOf(iss);
    const recall = readLink(
      token,
      { typ: 'doorsill-recall+jws', schema: Recall, audience: this.deps.vaultId, keys: [iss] },
      'hand_over_refused',
      'recall',
    );
    this.assertOurs(recall, bridge);
    return recall;
  }

  /** Verifies the documents of an offer: the statement, and the bridge's receipt for it. Throws `hand_over_refused`. */
  readPapers(step: HandOver, body: HandOverBody): Statement {
    const statement = readStatement(step, body.statement);
    const receipt = readLink(
      body.receipt,
      { typ: 'doorsill-intake+jws', schema: IntakeReceipt, audience: step.agency, keys: [step.iss] },
      'hand_over_refused',
      'receipt',
    );
    const isSame =
      receipt.outcome === 'stored' &&
      receipt.grant === step.grant &&
      receipt.clipSha256 === step.clipSha256 &&
      receipt.clipBytes === step.clipBytes &&
      receipt.statementSha256 === step.statementSha256;
    if (!isSame) throw refuse('the receipt is for another clip');
    if (receipt.vault !== this.deps.vaultKey) throw refuse('the receipt names another vault');
    return statement;
  }

  private async bridgeOf(key: string): Promise<string> {
    const known = (await this.deps.access.bridges()).find((bridge) => bridge.key === key);
    if (!known) throw refuse('this vault has no such bridge');
    return known.bridge;
  }

  private assertOurs(about: HandedClip & { iat: number; exp: number }, bridge: string): void {
    assertLife(about, wallSeconds(this.deps.clock), HAND_OVER_LIFE_S_MAX);
    const item = itemId(sha256Hex(itemIdTextOf(bridge, about)));
    if (about.item !== item) throw refuse('its item is not this clip’s');
  }
}

function readStatement(step: HandOver, token: string): Statement {
  if (sha256Hex(token) !== step.statementSha256) throw refuse('the statement is not the one that the step names');
  const { iss } = peekToken(token, Statement);
  const statement = readLink(
    token,
    { typ: 'doorsill-statement+jws', schema: Statement, audience: step.agency, keys: [iss] },
    'hand_over_refused',
    'statement',
  );
  if (statement.home !== actorId('home', sha256Hex(iss))) throw refuse('the home it names is not its key’s');
  const isSame =
    statement.home === step.home &&
    statement.grant === step.grant &&
    statement.jti === step.clip &&
    statement.request === step.request &&
    statement.clipSha256 === step.clipSha256 &&
    statement.clipBytes === step.clipBytes;
  if (!isSame) throw refuse('the statement is about another clip');
  const fault = faultOfFacts(statement, STATEMENT_TIME_STEP_US);
  if (fault) throw refuse(`the facts in the statement cannot be true: ${fault.detail}`);
  return statement;
}
