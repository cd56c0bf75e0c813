// The messages of ONVIF's event service; pull-points.ts keeps the subscriptions.
import type { Clock } from '@doorsill/base/clock';
import { serviceCapabilities } from './device-service.ts';
import { TOKENS } from './onvif-camera.ts';
import { type EventMessage, type PullPoints, TOPICS, type Topic } from './pull-points.ts';
import { type Call, NAMESPACES, type Operations, operationsOf, SoapFault } from './soap.ts';
import { type Content, childOf, type Markup, nameIn, type XmlElement, xml } from './xml.ts';

/** Path of a subscription, followed by its id. */
export const SUBSCRIPTION_PATH = '/onvif/subscription/';

const LIFETIME_MS_MIN = 1_000;
const LIFETIME_MS_MAX = 3_600_000;
const PULL_MS_MAX = 60_000;
const PULL_MESSAGES_MAX = 100;

const CONCRETE = 'http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete';
const CONCRETE_SET = 'http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet';

const TOPIC_LETTERS_MAX = 1_000;

const TEV_PORT = `${NAMESPACES.tev}/EventPortType`;
const TEV_SUBSCRIPTION = `${NAMESPACES.tev}/PullPointSubscription`;
const WSN_MANAGER = 'http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager';

export function eventOperations(points: PullPoints, clock: Clock): Operations {
  return new Map(
    operationsOf('tev', {
      GetServiceCapabilities: {
        needsLogin: false,
        action: `${TEV_PORT}/GetServiceCapabilities`,
        answer: () => serviceCapabilities('tev'),
      },
      GetEventProperties: {
        needsLogin: true,
        action: `${TEV_PORT}/GetEventProperties`,
        answer: eventProperties,
      },
      CreatePullPointSubscription: {
        needsLogin: true,
        action: `${TEV_PORT}/CreatePullPointSubscription`,
        answer: (call) => create(call, points, clock),
      },
    }),
  );
}

/** The operations of one subscription; its id is the call's `resource`. */
export function subscriptionOperations(points: PullPoints, clock: Clock): Operations {
  const times = (id: string) => ({ now: nowText(clock), end: endText(points, clock, id) });
  return new Map([
    ...operationsOf('tev', {
      PullMessages: {
        needsLogin: true,
        action: `${TEV_SUBSCRIPTION}/PullMessages`,
        answer: async ({ request, resource, gone }) => {
          const { timeoutMs, limit } = pullOf(request);
          const messages = await points.pull(resource, timeoutMs, limit, gone);
          const { now, end } = times(resource);
          return [xml('tev:CurrentTime', now), xml('tev:TerminationTime', end), ...messages.map(notification)];
        },
      },
      SetSynchronizationPoint: {
        needsLogin: true,
        action: `${TEV_SUBSCRIPTION}/SetSynchronizationPoint`,
        answer: ({ resource }) => {
          points.queueStates(resource);
          return null;
        },
      },
    }),
    ...operationsOf('wsnt', {
      Renew: {
        needsLogin: true,
        action: `${WSN_MANAGER}/Renew`,
        answer: ({ request, resource }) => {
          const text = childOf(request, NAMESPACES.wsnt, 'TerminationTime')?.text;
          points.renew(resource, lifetimeOf(text ?? '', clock));
          const { now, end } = times(resource);
          return [xml('wsnt:TerminationTime', end), xml('wsnt:CurrentTime', now)];
        },
      },
      Unsubscribe: {
        needsLogin: true,
        action: `${WSN_MANAGER}/Unsubscribe`,
        answer: ({ resource }) => {
          points.end(resource);
          return null;
        },
      },
    }),
  ]);
}

function create({ request, baseUrl }: Call, points: PullPoints, clock: Clock): Content {
  const asked = childOf(request, NAMESPACES.tev, 'InitialTerminationTime');
  const topics = topicsOf(childOf(request, NAMESPACES.tev, 'Filter'));
  const id = points.create(topics, asked ? lifetimeOf(asked.text, clock) : null);
  return [
    xml('tev:SubscriptionReference', xml('wsa:Address', `${baseUrl}${SUBSCRIPTION_PATH}${id}`)),
    xml('wsnt:CurrentTime', nowText(clock)),
    xml('wsnt:TerminationTime', endText(points, clock, id)),
  ];
}

function nowText(clock: Clock): string {
  return new Date(clock.wallUs() / 1_000).toISOString();
}

function endText(points: PullPoints, clock: Clock, id: string): string {
  return new Date(clock.wallUs() / 1_000 + points.leftMs(id)).toISOString();
}

/** The parameters of a pull. Throws `SoapFault` `pull` with the limits in the schema's form. */
function pullOf(request: XmlElement): { timeoutMs: number; limit: number } {
  const timeoutMs = durationMs(childOf(request, NAMESPACES.tev, 'Timeout')?.text ?? '');
  const limitText = childOf(request, NAMESPACES.tev, 'MessageLimit')?.text ?? '';
  const limit = /^\d{1,9}$/.test(limitText) ? Number(limitText) : 0;
  if (timeoutMs === null || limit < 1) throw new SoapFault('value', 'Timeout is a duration, MessageLimit a count');
  if (timeoutMs > PULL_MS_MAX || limit > PULL_MESSAGES_MAX)
    throw new SoapFault(
      'pull',
      'the limits are a minute and 100 messages',
      xml('tev:PullMessagesFaultResponse', [
        xml('tev:MaxTimeout', `PT${PULL_MS_MAX / 1_000}S`),
        xml('tev:MaxMessageLimit', PULL_MESSAGES_MAX),
      ]),
    );
  return { timeoutMs, limit };
}

/** A duration (XML Schema Part 2 §3.2.6) without years and months, in ms; null for any other text. */
function durationMs(text: string): number | null {
  const found = /^P(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6}(?:\.\d{1,6})?)S)?)?$/.exec(text);
  if (!found || /[PT]$/.test(text)) return null;
  const [days, hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0));
  return Math.round((((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60_000 + (seconds ?? 0) * 1_000);
}

/** The requested lifetime of a subscription, from a duration or a time. Throws `SoapFault` `termination`. */
function lifetimeOf(text: string, clock: Clock): number {
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text);
  const lifetimeMs = isTime ? Date.parse(text) - clock.wallUs() / 1_000 : durationMs(text);
  if (lifetimeMs === null || !(lifetimeMs >= LIFETIME_MS_MIN && lifetimeMs <= LIFETIME_MS_MAX))
    throw new SoapFault('termination', text);
  return lifetimeMs;
}

/** The topics that a filter selects; all without a filter. Throws `SoapFault` `filter`. */
function topicsOf(filter: XmlElement | undefined): ReadonlySet<Topic> {
  const expression = childOf(filter, NAMESPACES.wsnt, 'TopicExpression');
  if (filter?.children.some((part) => part !== expression))
    throw new SoapFault('filter', 'only a TopicExpression is supported');
  if (!expression) return new Set(TOPICS);
  const dialect = expression.attributes.get('Dialect') ?? CONCRETE;
  if (dialect !== CONCRETE && dialect !== CONCRETE_SET) throw new SoapFault('filter', 'its dialect is unknown');
  if (expression.text.length > TOPIC_LETTERS_MAX) throw new SoapFault('filter', 'its topics are too long');
  const chosen = expression.text.split('|').map((path) => matcherOf(path.trim(), expression));
  const topics = TOPICS.filter((topic) => chosen.some((isChosen) => isChosen(topic)));
  if (topics.length === 0) throw new SoapFault('filter', 'the camera has no such topic');
  return new Set(topics);
}

/** Matches one path of a set (ONVIF Core §9.6.3): `tns1:VideoSource/MotionAlarm`, or everything below one, `tns1:VideoSource//.`. */
function matcherOf(written: string, expression: XmlElement): (topic: Topic) => boolean {
  const isTree = written.endsWith('//.');
  const steps = (isTree ? written.slice(0, -3) : written).split('/').map((step, at) => {
    const named = nameIn(expression, step);
    if (!named) throw new SoapFault('filter', `"${written}" is no topic`);
    const isOnvif = named.namespace === NAMESPACES.tns1 || (named.prefix === '' && at > 0);
    return { name: named.name, isOnvif };
  });
  const path = steps.map(({ name }) => name).join('/');
  const isOnvif = steps.every((step) => step.isOnvif);
  return (topic) => isOnvif && (topic === path || (isTree && topic.startsWith(`${path}/`)));
}

function notification({ topic, operation, state, atUs }: EventMessage): Markup {
  const item = (name: string, value: string | boolean) => xml('tt:SimpleItem', null, { Name: name, Value: value });
  const parts = [xml('tt:Source', item('Source', TOKENS.source)), xml('tt:Data', item('State', state))];
  const utc = new Date(atUs / 1_000).toISOString();
  return xml('wsnt:NotificationMessage', [
    xml('wsnt:Topic', `tns1:${topic}`, { Dialect: CONCRETE_SET }),
    xml('wsnt:Message', xml('tt:Message', parts, { UtcTime: utc, PropertyOperation: operation })),
  ]);
}

function eventProperties(): Content {
  const described = (kind: string, name: string, type: string) =>
    xml(`tt:${kind}`, xml('tt:SimpleItemDescription', null, { Name: name, Type: type }));
  const description = xml(
    'tt:MessageDescription',
    [described('Source', 'Source', 'tt:ReferenceToken'), described('Data', 'State', 'xs:boolean')],
    { IsProperty: true },
  );
  const topics = TOPICS.map((topic) => {
    const [first = '', ...others] = topic.split('/');
    const inner = others.reduceRight<Content>(
      (content, name, at) => xml(name, content, at === others.length - 1 ? { 'wstop:topic': true } : {}),
      description,
    );
    return xml(`tns1:${first}`, inner);
  });
  return [
    xml('tev:TopicNamespaceLocation', 'http://www.onvif.org/onvif/ver10/topics/topicns.xml'),
    xml('wsnt:FixedTopicSet', true),
    xml('wstop:TopicSet', topics),
    ...[CONCRETE, CONCRETE_SET].map((dialect) => xml('wsnt:TopicExpressionDialect', dialect)),
    // The schema requires at least one; this camera supports none.
    xml('tev:MessageContentFilterDialect'),
    xml('tev:MessageContentSchemaLocation', 'http://www.onvif.org/onvif/ver10/schema/onvif.xsd'),
  ];
}
