// The routes of an owner's session: state, requests, orders with their receipts, presses, viewers, events, settings, and the stream of the
// device's messages.

import type { Clock } from '@doorsill/base/clock';
import { countSchema } from '@doorsill/base/http/http-server';
import {
  type Look,
  lookListSchema,
  type OtherDoor,
  orderAnswerSchema,
  orderSchema,
  otherDoorListSchema,
  ownerListSchema,
  pinsSchema,
  type Viewer,
  viewerListSchema,
} from '@doorsill/contract/console-messages';
import { failure } from '@doorsill/contract/errors';
import {
  DeviceEvent,
  DeviceState,
  eventPageSchema,
  type RequestNotice,
  requestListSchema,
} from '@doorsill/contract/home-messages';
import { idSchema } from '@doorsill/contract/ids';
import { parseToken } from '@doorsill/contract/jws';
import { Pairing } from '@doorsill/contract/owner-orders';
import { SettingsAnswer, type SettingsInForce } from '@doorsill/contract/owner-settings';
import type { PublishedRequest } from '@doorsill/contract/request';
import { topicsUnder } from '@doorsill/contract/topics';
import { z } from 'zod';
import type { Owner } from '../consent/gate-state.ts';
import { type EventPage, type EventQuery, PAGE_EVENTS_MAX } from '../events/event-history.ts';
import type { HomeMessage } from '../home-link/home-link.ts';
import type { LocalRouter } from './local-router.ts';
import { momentSchema } from './span-query.ts';

export interface OwnerRoutesDeps {
  clock: Clock;
  device: string;
  /** Topic prefix of the home link: an order is judged as if it had arrived on its topic. */
  prefix: string;
  state(): DeviceState | null;
  notices(): RequestNotice[];
  /** Open requests that an owner has answered. */
  answered(): PublishedRequest[];
  pins(): z.output<typeof pinsSchema>;
  order(message: { topic: string; payload: string; retained: false }): Promise<void>;
  press(button: string): void;
  buttons: readonly string[];
  owners(): Owner[];
  viewers(): Viewer[];
  looks(): Look[];
  /** Other doorbells of this owner, as the settings list them now. */
  others(): Promise<readonly OtherDoor[]>;
  /** `EventHistory.page`. */
  events(query: EventQuery): EventPage;
  settings(): SettingsInForce;
  /** The device's data folder. */
  folder: string;
  /** How the command line is called on the device's machine. */
  program: string;
  /** Calls `listener` with each message to the owners; returns a function that removes the listener. */
  onHomeMessage(listener: (message: HomeMessage) => void): () => void;
}

const STREAMS_MAX = 32;
/** Without a message for 5 s a page reports that the doorbell does not answer (console-page/kit/door.ts). */
const BEAT_MS = 2_000;
/** A reader this far behind is cut off; after reconnecting it asks for the state again. */
const BEHIND_BYTES_MAX = 1024 * 1024;
const EVENT_TYPES = DeviceEvent.options.map((option) => option.shape.type.value);
const PAGE_EVENTS_DEFAULT = 100;

const eventQuerySchema = z.strictObject({
  /** The `next` of the preceding page. */
  before: countSchema.optional(),
  afterUs: momentSchema.optional(),
  beforeUs: momentSchema.optional(),
  /** Types, separated by commas. */
  types: z
    .string()
    .max(200)
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(EVENT_TYPES)).min(1))
    .optional(),
  limit: countSchema.pipe(z.int().min(1).max(PAGE_EVENTS_MAX)).default(PAGE_EVENTS_DEFAULT),
});

export function ownerRoutes(router: LocalRouter, deps: OwnerRoutesDeps): void {
  router.route(
    { method: 'GET', path: '/api/v1/state', roles: ['owner'], answer: DeviceState, about: 'The device’s state.' },
    () => {
      const state = deps.state();
      if (!state) throw failure('console_starting');
      return state;
    },
  );

  router.route(
    {
      method: 'GET',
      path: '/api/v1/requests',
      roles: ['owner'],
      answer: requestListSchema,
      about: 'Unanswered requests, and open ones that an owner has answered, as published.',
    },
    () => ({ requests: deps.notices(), answered: deps.answered() }),
  );

  router.route(
    {
      method: 'GET',
      path: '/api/v1/pins',
      roles: ['owner'],
      answer: pinsSchema,
      about: 'The keys that must have signed a request: those of bridge and registry, pinned at enrolment.',
    },
    () => deps.pins(),
  );

  router.route(
    {
      method: 'GET',
      path: '/api/v1/events',
      roles: ['owner'],
      query: eventQuerySchema,
      answer: eventPageSchema,
      about: 'What happened at the door, newest first, in pages; `next` is the `before` of the following page.',
    },
    ({ query }) => deps.events(query),
  );

  router.route(
    {
      method: 'GET',
      path: '/api/v1/settings',
      roles: ['owner'],
      answer: SettingsAnswer,
      about:
        'The settings in force that owners may change. Those in `byOwners` were set by an owner’s order, the others by device.json. The signed order `change-settings` changes them.',
    },
    () => ({ ...deps.settings(), dataFolder: deps.folder, program: deps.program }),
  );

  orderRoutes(router, deps);
  peopleRoutes(router, deps);
  streamRoute(router, deps);
}

function orderRoutes(router: LocalRouter, deps: OwnerRoutesDeps): void {
  router.route(
    {
      method: 'POST',
      path: '/api/v1/orders',
      roles: ['owner'],
      body: orderSchema,
      answer: orderAnswerSchema,
      about: 'Sends an owner’s signed order, as its MQTT topic would; answers with the device’s signed receipt.',
    },
    ({ body }) => receiptOf(deps, body),
  );

  router.route(
    {
      method: 'POST',
      path: '/api/v1/press',
      roles: ['owner'],
      body: z.strictObject({ button: idSchema.optional() }),
      answer: null,
      about: 'Presses a button by software. It rings like a real button, but does not unlock or confirm pairing.',
    },
    ({ body }) => {
      const button = body.button ?? deps.buttons[0] ?? 'front';
      if (!deps.buttons.includes(button)) throw failure('button_unknown', { buttons: deps.buttons.join(', ') });
      deps.press(button);
      return undefined;
    },
  );
}

/** Owners, viewers, who looked, and the owner's other doorbells. */
function peopleRoutes(router: LocalRouter, deps: OwnerRoutesDeps): void {
  router.route(
    {
      method: 'GET',
      path: '/api/v1/owners',
      roles: ['owner'],
      answer: ownerListSchema,
      about: 'The owners, by key and name. They are paired at the device, and removed by signed orders.',
    },
    () => ({ owners: deps.owners().map(({ key, name, statement }) => ({ key, name, sinceS: signedS(statement) })) }),
  );

  router.route(
    {
      method: 'GET',
      path: '/api/v1/viewers',
      roles: ['owner'],
      answer: viewerListSchema,
      about: 'The viewers: who may see pictures besides owners. Added and removed by signed orders.',
    },
    () => ({ viewers: deps.viewers().map(({ tokenSha256: _secret, ...viewer }) => viewer) }),
  );

  router.route(
    {
      method: 'GET',
      path: '/api/v1/looks',
      roles: ['owner'],
      answer: lookListSchema,
      about: 'Who looked at pictures, newest first: one entry for each session of looking. The last thousand.',
    },
    () => ({ looks: deps.looks() }),
  );

  router.route(
    {
      method: 'GET',
      path: '/api/v1/doors',
      roles: ['owner'],
      answer: otherDoorListSchema,
      about:
        'Other doorbells of this owner, as listed in `console.others` of the settings. For links only: nothing is fetched from them.',
    },
    async () => ({ others: [...(await deps.others())] }),
  );
}

/** When the device signed that a key is an owner's. */
function signedS(statement: string): number {
  return Pairing.parse(parseToken(statement)?.claims).iat;
}

/** Passes an order on; returns the receipt that is published before `deps.order` resolves. Throws `console_order_refused` without one. */
async function receiptOf(deps: OwnerRoutesDeps, order: z.output<typeof orderSchema>): Promise<{ receipt: string }> {
  const topics = topicsUnder(deps.prefix);
  const topic =
    order.kind === 'command' ? topics.command(deps.device) : topics.consent(deps.device, order.request, order.kind);
  const named = z.object({ jti: idSchema }).safeParse(parseToken(order.token)?.claims);
  if (!named.success) throw failure('token_malformed');
  let receipt: string | null = null;
  const unsubscribe = deps.onHomeMessage((message) => {
    if (message.kind !== 'receipt') return;
    const answers = z.object({ answers: idSchema }).safeParse(parseToken(message.receipt)?.claims);
    if (answers.success && answers.data.answers === named.data.jti) receipt = message.receipt;
  });
  try {
    await deps.order({ topic, payload: order.token, retained: false });
  } finally {
    unsubscribe();
  }
  // An order that is not authentic gets no receipt, as over the broker.
  if (receipt === null) throw failure('console_order_refused');
  return { receipt };
}

/** The messages to the owners as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
function streamRoute(router: LocalRouter, deps: OwnerRoutesDeps): void {
  let streams = 0;
  router.route(
    {
      method: 'GET',
      path: '/api/v1/messages',
      roles: ['owner'],
      answer: { media: 'text/event-stream' },
      about: 'The device’s messages to its owners, live: state, event, request, sighting, receipt, upload.',
    },
    ({ caller, reply }) => {
      if (streams >= STREAMS_MAX) throw failure('console_too_many_viewers', { most: STREAMS_MAX });
      streams += 1;
      const { raw } = reply;
      reply.hijack();
      raw.writeHead(200, { ...headersOf(reply), 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      const end = () => raw.destroy();
      const send = (text: string) => {
        if (raw.writableLength > BEHIND_BYTES_MAX) end();
        else raw.write(text);
      };
      let beat = deps.clock.after(BEAT_MS, function next() {
        send(': still here\n\n');
        beat = deps.clock.after(BEAT_MS, next);
      });
      const unsubscribe = deps.onHomeMessage((message) => {
        const { kind, ...rest } = message;
        send(`event: ${kind}\ndata: ${JSON.stringify(Object.values(rest)[0])}\n\n`);
      });
      send(': open\n\n');
      caller?.signal.addEventListener('abort', end, { once: true });
      raw.once('close', () => {
        streams -= 1;
        unsubscribe();
        beat.cancel();
        caller?.signal.removeEventListener('abort', end);
      });
      return reply;
    },
  );
}

function headersOf(reply: { getHeaders(): Record<string, unknown> }): Record<string, string> {
  return Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]));
}
