// Each rule about a home's answers fires when it is broken, and none does otherwise.
import { generate } from 'mqtt-packet';
import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { Cast } from '../../support/parties.ts';
import { packetOf } from './mqtt-packets.ts';
import { type OrderedHome, OrderWatch } from './order-watch.ts';
import type { SignedOrder } from './simulated-owner.ts';

const START_US = Date.UTC(2026, 9, 5, 11) * 1_000;
const cast = new Cast(new ManualClock(START_US), new SeededRandom(1));
const own = `doorsill/v1/home/${cast.device.id}`;
const signed = (kind: SignedOrder['kind'], jti: string, more: Partial<SignedOrder> = {}): SignedOrder => ({
  ...{ kind, jti, token: cast.sign('doorsill-grant+jws', { jti }, cast.owner), request: 'request-1' },
  ...more,
});
const grant = signed('grant', 'grant-1', { agency: 'agency-1' });
const denial = signed('deny', 'deny-1');
const revocation = signed('revoke', 'revoke-1', { grant: 'grant-1' });

/** Numbers of its connections. */
const [HOME_BROKER, AREA_BROKER] = [1, 2];
const subscription = (topic: string) =>
  generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] });

/** A home, with functions that deliver to it and publish for it. */
function setUp(changes: Partial<OrderedHome> = {}, holds: (text: string) => boolean = () => true) {
  const clock = new ManualClock(START_US);
  const broken: string[] = [];
  const watch = new OrderWatch(
    (rule, what) => broken.push(`${rule}: ${what}`),
    () => clock.monotonicMs() * 1_000,
  );
  const home = {
    ...{ plan: { name: 'home-1' }, orders: [grant, denial, revocation], ledgerFolder: '/consent' },
    ...{ device: { id: cast.device.id, key: '' }, boots: 1, isReady: true, clockBehindSinceUs: null },
    ...{ clock, ownersClock: clock },
    disk: { durablyHolds: (_folder: string, bytes: Uint8Array) => holds(Buffer.from(bytes).toString()) },
    ...changes,
  };
  const packet = (topic: string, text: string, retained = false) => ({
    ...{ from: 'x', to: 'y', sentUs: clock.wallUs(), connection: HOME_BROKER },
    bytes: packetOf({ topic, payload: Buffer.from(text), retained }),
  });
  const deliver = ({ kind, token }: SignedOrder, retained = false, connection = HOME_BROKER) =>
    watch.delivered(home, { ...packet(`${own}/consent/request-1/${kind}`, token, retained), connection });
  watch.published(home, { ...packet('', ''), bytes: subscription(`${own}/consent/+/+`), connection: HOME_BROKER });
  watch.published(home, { ...packet('', ''), bytes: subscription('doorsill/v1/area/#'), connection: AREA_BROKER });
  const publish = (topic: string, text: string) => watch.published(home, packet(topic, text));
  return {
    ...{ clock, watch, home, broken, deliver, publish },
    /** The newest list of ended agencies. */
    list: (revision: number, ...agencies: string[]) => {
      const revoked = agencies.map((agency) => ({ agency, upToRevision: 3 }));
      const token = cast.sign('doorsill-revocations+jws', { revision, revoked }, cast.registry);
      watch.delivered(home, packet('doorsill/v1/area/revocations', token));
    },
    /** A request of agency-1, whose credential has this revision. */
    ask: (credentialRevision: number) => {
      const credential = cast.sign(
        'doorsill-credential+jws',
        { agency: 'agency-1', revision: credentialRevision },
        cast.registry,
      );
      const token = cast.sign('doorsill-area+jws', { requests: [{ credential }] }, cast.registry);
      watch.delivered(home, packet('doorsill/v1/area/9q8/requests', token, true));
    },
    answer: (answers: string, outcome: string, more: object = {}) =>
      publish(`${own}/receipt`, cast.sign('doorsill-receipt+jws', { answers, outcome, ...more }, cast.device)),
  };
}

it('accepts answers to delivered orders that the ledger contains', async () => {
  const { deliver, answer, publish, list, broken, clock } = setUp();
  list(1);
  await clock.advance(2_000);
  for (const order of [grant, denial, revocation]) deliver(order);
  answer('grant-1', 'granted', { grant: 'grant-1' });
  answer('deny-1', 'denied');
  answer('revoke-1', 'revoked');
  answer('of-another-home', 'granted');
  const request = cast.sign('doorsill-request+jws', { jti: 'request-1' }, cast.agency);
  publish(`${own}/request`, JSON.stringify({ published: { request } }));
  publish(`${own}/state`, '{}');
  expect(broken).toEqual([]);
});

it('4: reports a notice with an id of the wrong kind', () => {
  const { publish, broken } = setUp();
  const request = cast.sign('doorsill-request+jws', { jti: 'search-1' }, cast.agency);
  publish(`${own}/request`, JSON.stringify({ published: { request } }));
  expect(broken).toEqual(["4: home-1 shows its owner search-1, which is not a request's id"]);
});

it('4: reports an answer to an order that was delivered only as retained, or not at all', () => {
  for (const isKept of [true, false]) {
    const { deliver, answer, broken } = setUp();
    if (isKept) deliver(grant, true);
    answer('grant-1', 'granted');
    expect(broken).toEqual(['4: home-1 answers grant-1, which was delivered only as a message that was kept']);
  }
});

it('4: reports an executed mistake, except a second denial', () => {
  const mistake = signed('grant', 'grant-2', { mistake: 'a second grant' });
  const { deliver, answer, broken } = setUp({ orders: [mistake] });
  deliver(mistake);
  answer('grant-2', 'refused');
  answer('grant-2', 'denied');
  expect(broken).toEqual([]);
  answer('grant-2', 'granted');
  expect(broken).toEqual(['4: home-1 answers granted to a second grant']);
});

it('4: reports a grant for an ended agency, once the doorbell had time to process its end', async () => {
  const { deliver, answer, list, broken, clock } = setUp();
  list(1);
  list(2, 'agency-1');
  // Older than its newest list.
  list(1);
  deliver(grant);
  answer('grant-1', 'granted', { grant: 'grant-1' });
  expect(broken).toEqual([]);
  const late = setUp();
  late.list(2, 'agency-1');
  await late.clock.advance(1_000);
  late.deliver(grant);
  late.answer('grant-1', 'granted', { grant: 'grant-1' });
  expect(late.broken).toEqual(['4: home-1 accepted grant-1 for an agency whose end it had received']);
  expect(clock.monotonicMs()).toBe(0);
});

it.each([
  { revision: 3, broken: ['4: home-1 accepted grant-1 for an agency whose end it had received'] },
  { revision: 4, broken: [] },
])(
  '4: knows which credentials of an agency a list ends: revision $revision',
  async ({ revision, broken: reported }) => {
    const { deliver, answer, list, ask, broken, clock } = setUp();
    ask(2);
    list(2, 'agency-1');
    ask(revision);
    await clock.advance(1_000);
    deliver(grant);
    answer('grant-1', 'granted', { grant: 'grant-1' });
    expect(broken).toEqual(reported);
  },
);

it('counts no order that came over the connection to the area broker, where none is read', () => {
  const { deliver, watch, home } = setUp();
  deliver(revocation, false, AREA_BROKER);
  expect(watch.revokedUs(home, 'grant-1')).toBeNull();
  deliver(revocation);
  expect(watch.revokedUs(home, 'grant-1')).not.toBeNull();
});

it('5: reports a topic of another home', () => {
  const { publish, broken } = setUp();
  publish('doorsill/v1/area/requests', '{}');
  publish('doorsill/v1/home/another/state', '{}');
  expect(broken).toEqual([
    '5: home-1 publishes on doorsill/v1/area/requests',
    '5: home-1 publishes on doorsill/v1/home/another/state',
  ]);
});

it.each([
  [grant, 'granted', 'grant-1'],
  [revocation, 'revoked', 'revoke-1'],
  [denial, 'denied', '"type":"denied","body":{"request":"request-1"'],
] as const)('6: reports an answer before the ledger durably contains it: $kind', (order, outcome, missing) => {
  const { deliver, answer, broken } = setUp({}, (text) => text !== missing);
  deliver(order);
  answer(order.jti, 'refused');
  expect(broken).toEqual([]);
  answer(order.jti, outcome);
  expect(broken).toEqual([`6: home-1 answers ${outcome} before its ledger durably contains ${order.jti}`]);
});

it('reports a grant accepted with a clock that was set back', async () => {
  const { deliver, answer, broken, clock } = setUp({ clockBehindSinceUs: 500_000 });
  await clock.advance(400);
  deliver(grant);
  answer('grant-1', 'granted', { grant: 'grant-1' });
  expect(broken).toEqual([]);
  const late = setUp({ clockBehindSinceUs: 500_000 });
  await late.clock.advance(600);
  late.deliver(grant);
  late.answer('grant-1', 'granted', { grant: 'grant-1' });
  expect(late.broken).toEqual([
    'a clock set back grants nothing: home-1 accepted grant-1 after its clock was set back',
  ]);
});

it('knows when a doorbell got a revocation, unless a restart may have lost it before its answer', async () => {
  const { watch, home, deliver, answer, clock } = setUp();
  expect(watch.revokedUs(home, 'grant-1')).toBeNull();
  deliver(revocation, true);
  expect(watch.revokedUs(home, 'grant-1')).toBeNull();
  await clock.advance(5);
  deliver(revocation);
  await clock.advance(5);
  deliver(revocation);
  expect(watch.revokedUs(home, 'grant-1')).toBe(START_US + 5_000);
  home.boots += 1;
  expect(watch.revokedUs(home, 'grant-1')).toBeNull();
  answer('revoke-1', 'refused', { code: 'consent_busy' });
  expect(watch.revokedUs(home, 'grant-1')).toBeNull();
  answer('revoke-1', 'refused', { code: 'consent_revocation_unrecorded' });
  expect(watch.revokedUs(home, 'grant-1')).toBe(START_US + 5_000);
});
