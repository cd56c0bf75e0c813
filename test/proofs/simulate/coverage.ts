// Coverage of state machines and refusals by runs: records it during a run, and lists afterwards what was never reached, and why.

import { sha256Hex } from '@doorsill/base/keys';
import { fromUtf8 } from '@doorsill/contract/bytes';
import { ReceiptOutcome, UploadProgress } from '@doorsill/contract/home-messages';
import { IntakeStatus } from '@doorsill/contract/manifest';
import { parseJson } from '@doorsill/contract/parse-json';
import {
  nextRequestState,
  type RequestEntry,
  type RequestInput,
  type RequestState,
  requestInputOf,
  UNSEEN,
} from '@doorsill/device/consent/gate-state';
import type { walkLedger } from '@doorsill/device/ledger/ledger';
import { ERRORS, type ErrorCode } from 'doorsill/errors';
import type { Piece } from './memory-network.ts';
import { messagesIn } from './mqtt-packets.ts';

/** What all runs reached, and how often. */
export type Coverage = ReadonlyMap<string, number>;
type LedgerEntry = Parameters<Parameters<typeof walkLedger>[3]>[0];

const GRANT = { id: 'grant-1', sha256: sha256Hex('') };
const CLIP: Extract<RequestState, { at: 'sealed' }>['clip'] = {
  id: 'clip-1',
  sha256: sha256Hex(''),
  bytes: 1,
  frames: 1,
  window: { startUs: 0, endUs: 1 },
  method: 'copy',
  disclosed: [],
  manifestSha256: sha256Hex(''),
};

/** Each state of a request, with both variants of those that record whether a clip was offered. */
const REQUEST_STATES: readonly RequestState[] = [
  UNSEEN,
  { at: 'pending', past: [] },
  ...(['granted', 'revoked', 'recalled'] as const).map((at) => ({ at, grant: GRANT, past: [] })),
  ...(['sealed', 'presented', 'delivered', 'revoking'] as const).map((at) => ({
    at,
    grant: GRANT,
    clip: CLIP,
    past: [],
  })),
  ...[null, CLIP].flatMap((presented) => [
    { at: 'failed' as const, grant: GRANT, code: 'internal' as const, presented, past: [] },
    { at: 'cancelled' as const, grant: GRANT, presented, past: [] },
  ]),
  { at: 'denied', past: [] },
];
const { id: grant } = GRANT;
const REQUEST_INPUTS: readonly RequestInput[] = [
  ...(['seen', 'cancelled', 'deny'] as const).map((type) => ({ type })),
  { type: 'grant', grant: { ...GRANT, id: 'grant-2' } },
  { type: 'revoke', grant: GRANT },
  { type: 'sealed', grant, clip: CLIP },
  ...(['presented', 'delivered', 'deleted', 'kept'] as const).map((type) => ({ type, grant })),
  { type: 'failed', grant, code: 'internal' },
  { type: 'ended', grant, reason: 'expired' },
];

/** Transitions of a request that a ledger records. */
function requestTransitions(): string[] {
  const found = REQUEST_STATES.flatMap((state) =>
    REQUEST_INPUTS.flatMap((input) => {
      const { state: to, effects } = nextRequestState(state, input);
      return effects.some((effect) => effect.do === 'record') ? [`${state.at} > ${to.at}`] : [];
    }),
  );
  return [...new Set(found)];
}

/** An upload's first state, also after a restart of its doorbell; final states lead nowhere else. */
const [UPLOAD_BEGINS] = UploadProgress.shape.state.options;
const UPLOAD_ENDS: ReadonlySet<string> = new Set<UploadProgress['state']>(['stored', 'stopped']);

/** Transitions of an upload, as published to its owner. */
function uploadTransitions(): string[] {
  const states = UploadProgress.shape.state.options;
  const from = (before: string) => (UPLOAD_ENDS.has(before) ? [UPLOAD_BEGINS] : states).filter((to) => to !== before);
  return [
    `new > ${UPLOAD_BEGINS}`,
    ...states.flatMap((before) => from(before).map((to): string => `${before} > ${to}`)),
  ];
}

const INTAKE_ENDS: ReadonlySet<string> = new Set<IntakeStatus['state']>(['deleted', 'recalled']);

/** Transitions of an intake, as its device sees them: to each later state. One that is revoked before it is opened is deleted at once. */
function intakeTransitions(): string[] {
  const states = IntakeStatus.shape.state.options;
  return ['new', ...states.filter((state) => !INTAKE_ENDS.has(state))].flatMap((before, at) =>
    states.slice(at).map((to) => `${before} > ${to}`),
  );
}

/** The state machines of a run; `name` is how they are recorded. */
const MACHINES: readonly { name: string; of: string; states: readonly string[]; moves: readonly string[] }[] = [
  {
    ...{ name: 'request', of: 'a request' },
    ...{ states: [...new Set(REQUEST_STATES.map(({ at }) => at))], moves: requestTransitions() },
  },
  {
    ...{ name: 'upload', of: 'an upload' },
    ...{ states: UploadProgress.shape.state.options, moves: uploadTransitions() },
  },
  {
    ...{ name: 'intake', of: 'an intake' },
    ...{ states: IntakeStatus.shape.state.options, moves: intakeTransitions() },
  },
];

/** Refusals of consent and intake: some run should provoke each. */
const PROVOKED = /^(consent|intake)_|^(message_retained|preview_changed|id_kind_wrong)$/;

const REFUSALS = Object.keys(ERRORS).filter((code) => PROVOKED.test(code));

/** Refusals that nothing in a run can provoke, and why. */
const UNREACHABLE: Partial<Record<ErrorCode, string>> = {
  intake_duration: 'an attacker with a stolen key has no footage, and the bridge refuses what is not a video first',
  consent_sealing_key:
    'the registry refuses an agency whose key nothing can be encrypted to, and only the registry signs a key in a credential',
  consent_zones_unsupported:
    'a doorbell blacks out zones in every stream that it can record, and finds no fault with any (device/assembly.ts)',
};

/** States that no run can show, and why. */
const UNREACHABLE_STATES: Partial<Record<RequestState['at'], string>> = {
  unseen: 'a home publishes no request before it has seen it',
};

/** Transitions that no run can show, and why. */
const UNREACHABLE_TRANSITIONS: Readonly<Record<string, string>> = {
  'new > recalled': 'a doorbell recalls no clip that the bridge has not confirmed',
};

/** Records what a run reaches. */
export class Reached {
  private readonly cover: (what: string) => void;
  /** The last state of each upload and intake, by machine, home and grant. */
  private readonly states = new Map<string, string>();

  constructor(cover: (what: string) => void) {
    this.cover = cover;
  }

  piece({ from, to, bytes }: Piece): void {
    if (to === 'broker') this.published(from, bytes);
    if (from === 'bridge')
      this.answered(to, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'));
  }

  private published(home: string, bytes: Uint8Array): void {
    for (const { topic, payload } of messagesIn(bytes)) {
      const isUpload = topic.endsWith('/upload');
      if (!isUpload && !topic.endsWith('/state')) continue;
      // Its reader checks the schema; here it is only counted, many times a second.
      const message = asRecord(parseJson(fromUtf8(payload) ?? ''));
      if (isUpload) this.moved('upload', `${home} ${String(message['grant'])}`, String(message['state']));
      for (const code of Object.keys(asRecord(message['refused']))) this.cover(`counted ${code}`);
      const requests: unknown = isUpload ? [] : message['requests'];
      if (Array.isArray(requests))
        for (const one of requests) this.cover(`request in ${String(asRecord(one)['state'])}`);
    }
  }

  private answered(home: string, text: string): void {
    const [, grant, state] = /"grant":"([\w-]+)","state":"(\w+)"/.exec(text) ?? [];
    if (grant !== undefined && state !== undefined) this.moved('intake', `${home} ${grant}`, state);
    const code = /"code":"([a-z_]+)"/.exec(text)?.[1];
    if (code !== undefined) this.cover(`answered ${code}`);
  }

  private moved(machine: string, of: string, state: string): void {
    const key = `${machine} ${of}`;
    const before = this.states.get(key) ?? 'new';
    if (before === state) return;
    this.states.set(key, state);
    this.cover(`${machine} in ${state}`);
    this.cover(`${machine} ${before} > ${state}`);
  }
}

/** Follows the requests of one home through its ledger. */
export class FollowedRequests {
  /** The transitions in the ledger, e.g. `request granted > sealed`. */
  readonly reached: string[] = [];
  private readonly states = new Map<string, RequestState>();

  entry(entry: LedgerEntry): void {
    if (!isOfRequest(entry)) return;
    const before = nextRequestState(this.states.get(entry.body.request) ?? UNSEEN, { type: 'seen' }).state;
    const input = requestInputOf(entry, 'grant' in before && before.grant ? before.grant.sha256 : '');
    const { state } = nextRequestState(before, input);
    this.states.set(entry.body.request, state);
    this.reached.push(`request in ${state.at}`, `request ${before.at} > ${state.at}`);
  }
}

function isOfRequest(entry: LedgerEntry): entry is RequestEntry {
  return 'request' in entry.body && entry.type !== 'revoked-ahead';
}

/** The reached and the unreached part of a list. */
export interface Share {
  readonly what: string;
  readonly reached: readonly string[];
  readonly never: readonly string[];
}

/** The refusals of consent and intake that one or several runs have provoked. */
export function provokedIn(covered: Coverage): ReadonlySet<string> {
  const words = new Set([...covered.keys()].flatMap((what) => what.split(' ')));
  return new Set(REFUSALS.filter((code) => words.has(code)));
}

/** Coverage of each state machine and of the refusals. */
export function sharesOf(covered: Coverage): Share[] {
  const share = (what: string, all: readonly string[], isReached: (one: string) => boolean): Share => ({
    what,
    reached: all.filter(isReached),
    never: all.filter((one) => !isReached(one)),
  });
  const machines = MACHINES.flatMap(({ name, of, states, moves }) => [
    share(`states of ${of}`, states, (state) => covered.has(`${name} in ${state}`)),
    share(`transitions of ${of}`, moves, (move) => covered.has(`${name} ${move}`)),
  ]);
  const provoked = provokedIn(covered);
  return [
    ...machines,
    share('answers to orders', ReceiptOutcome.options, (outcome) => covered.has(`answer ${outcome}`)),
    share('refusals', REFUSALS, (code) => provoked.has(code)),
  ];
}

/**
 * Observed transitions that this file does not know, so that it is incomplete. Uploads are excluded: an owner misses states published while
 * there is no link, and then sees two that do not follow each other.
 */
export function unknownTransitions(covered: Coverage): string[] {
  const known = new Set(MACHINES.flatMap(({ name, moves }) => moves.map((move) => `${name} ${move}`)));
  return [...covered.keys()].filter((what) => /^(request|intake) \S+ > \S+$/.test(what) && !known.has(what));
}

/** Receipts and errors that no run has provoked. */
export function neverReached(covered: Coverage): string[] {
  return sharesOf(covered)
    .slice(-2)
    .flatMap(({ never }) => never);
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** Why a refusal, state or transition cannot occur; null if some run must reach it. */
export function whyUnreachable(name: string): string | null {
  const why = { ...UNREACHABLE, ...UNREACHABLE_STATES, ...UNREACHABLE_TRANSITIONS };
  return Object.entries(why).find(([known]) => known === name)?.[1] ?? null;
}
