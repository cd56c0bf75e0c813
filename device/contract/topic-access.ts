// Which broker account may publish and receive which topics, default-deny. The embedded broker enforces this table; for other brokers it is
// printed.
import { z } from 'zod';
import { idSchema } from './ids.ts';
import {
  ConsentAction,
  DEFAULT_DISCOVERY_PREFIX,
  discoveryTopics,
  HomeAssistantOrder,
  HomeAssistantState,
  topicsUnder,
} from './topics.ts';

/** Kinds of broker accounts. A device has two, one for each link, which may be at different brokers. */
export const AccountRole = z.enum(['device-home', 'device-area', 'owner', 'home-assistant', 'bridge']);
export type AccountRole = z.infer<typeof AccountRole>;

/** The holder of an account: a device or bridge by its id, or an owner or Home Assistant with its homes. */
export const AccountHolder = z.object({
  role: AccountRole,
  id: idSchema,
  homes: z.array(idSchema).max(64),
});
export type AccountHolder = z.infer<typeof AccountHolder>;

/** One line of an access list. `+` stands for one level that is an id; `#` is never used. */
export interface TopicRule {
  pattern: string;
  /** Publishing: whether a message may be retained. */
  retain: boolean;
  /** Subscribing: whether the pattern itself may be subscribed to; if not, only exact topics that fit it. */
  wildcard: boolean;
}

/** All that one account may do; everything else is refused. */
export interface TopicAccess {
  publish: readonly TopicRule[];
  subscribe: readonly TopicRule[];
  /** Additional filters that may be subscribed to. They give no access: only messages that fit `subscribe` are delivered. */
  broadFilters: readonly string[];
}

const plain = (pattern: string): TopicRule => ({ pattern, retain: false, wildcard: false });
const retained = (pattern: string): TopicRule => ({ pattern, retain: true, wildcard: false });
const filter = (pattern: string): TopicRule => ({ pattern, retain: false, wildcard: true });

/** The access list of an account under a topic prefix. */
export function accessOf(prefix: string, account: AccountHolder): TopicAccess {
  const topics = topicsUnder(prefix);
  const { id } = account;
  // Retained documents are subscribed to at exact topics only: some brokers deliver retained messages to no other subscription.
  const cells = [topics.areaRequests('+', 1), topics.areaSearches('+', 1)];
  const areaDocuments = [...cells.flatMap((first) => [first, `${first}/+`]), topics.revocations];
  switch (account.role) {
    case 'device-home':
      return {
        publish: [
          retained(topics.status(id)),
          retained(topics.state(id)),
          ...[topics.event(id), topics.request(id), topics.sighting(id), topics.receipt(id), topics.upload(id)].map(
            plain,
          ),
          retained(discoveryTopics.document(DEFAULT_DISCOVERY_PREFIX, id)),
          ...HomeAssistantState.options.map((name) =>
            (name === 'ring' ? plain : retained)(topics.homeAssistantState(id, name)),
          ),
        ],
        subscribe: [
          filter(topics.consentFilter(id)),
          plain(topics.command(id)),
          ...HomeAssistantOrder.options.map((name) => plain(topics.homeAssistantOrder(id, name))),
          plain(discoveryTopics.homeAssistantStatus(DEFAULT_DISCOVERY_PREFIX)),
        ],
        broadFilters: [],
      };
    case 'device-area':
      return { publish: [], subscribe: areaDocuments.map(plain), broadFilters: [] };
    case 'owner':
      return {
        publish: account.homes.flatMap((home) => [
          ...ConsentAction.options.map((action) => plain(topics.consent(home, '+', action))),
          plain(topics.command(home)),
        ]),
        subscribe: account.homes.flatMap((home) =>
          [
            topics.status(home),
            topics.state(home),
            topics.event(home),
            topics.request(home),
            topics.sighting(home),
            topics.receipt(home),
            topics.upload(home),
          ].map(plain),
        ),
        broadFilters: [],
      };
    case 'home-assistant':
      return homeAssistantAccess(topics, account.homes);
    case 'bridge':
      return { publish: areaDocuments.map(retained), subscribe: [], broadFilters: [] };
  }
}

/**
 * Less than an owner's: no requests, receipts or events, only the doorbell's own entities. Home Assistant looks for devices by wildcard and
 * gets the documents of its homes. Only its default discovery prefix is served.
 */
function homeAssistantAccess(topics: ReturnType<typeof topicsUnder>, homes: readonly string[]): TopicAccess {
  const prefix = DEFAULT_DISCOVERY_PREFIX;
  return {
    publish: [
      retained(discoveryTopics.homeAssistantStatus(prefix)),
      ...homes.flatMap((home) =>
        HomeAssistantOrder.options.map((name) => plain(topics.homeAssistantOrder(home, name))),
      ),
    ],
    subscribe: [
      plain(discoveryTopics.homeAssistantStatus(prefix)),
      ...homes.flatMap((home) =>
        [
          discoveryTopics.document(prefix, home),
          topics.status(home),
          ...HomeAssistantState.options.map((name) => topics.homeAssistantState(home, name)),
        ].map(plain),
      ),
    ],
    broadFilters: [discoveryTopics.document(prefix, '+')],
  };
}
