// SOAP 1.2 messages of ONVIF's services: parsing calls, writing answers and faults.
import { assert } from '@doorsill/contract/assert';
import { type Content, childOf, type Markup, readXml, writeXml, type XmlElement, XmlFault, xml } from './xml.ts';

/** The namespaces of written messages, by prefix. */
export const NAMESPACES = {
  s: 'http://www.w3.org/2003/05/soap-envelope',
  wsa: 'http://www.w3.org/2005/08/addressing',
  wsnt: 'http://docs.oasis-open.org/wsn/b-2',
  wstop: 'http://docs.oasis-open.org/wsn/t-1',
  wsrfr: 'http://docs.oasis-open.org/wsrf/r-2',
  xs: 'http://www.w3.org/2001/XMLSchema',
  tt: 'http://www.onvif.org/ver10/schema',
  tds: 'http://www.onvif.org/ver10/device/wsdl',
  trt: 'http://www.onvif.org/ver10/media/wsdl',
  tev: 'http://www.onvif.org/ver10/events/wsdl',
  ter: 'http://www.onvif.org/ver10/error',
  tns1: 'http://www.onvif.org/ver10/topics',
} as const;

export const SOAP_TYPE = 'application/soap+xml; charset=utf-8';

/** A real message has a few kilobytes. */
export const MESSAGE_BYTES_MAX = 64 * 1024;

const MESSAGE_ID_LETTERS_MAX = 200;
const QUOTED_LETTERS_MAX = 60;

interface FaultRule {
  code: 's:Sender' | 's:Receiver' | 's:VersionMismatch' | 's:MustUnderstand';
  /** Outermost first (ONVIF Core §5.8.2). */
  subcodes: readonly string[];
  /** HTTP status (SOAP 1.2 Part 2, table 20). */
  http: number;
  reason: string;
}

/** Every fault. `{detail}` is replaced by what is wrong with the call. */
const FAULTS = {
  method: { code: 's:Sender', subcodes: ['ter:WellFormed'], http: 405, reason: 'Send a message by POST.' },
  page: {
    code: 's:Sender',
    subcodes: ['ter:OperationProhibited'],
    http: 403,
    reason: 'A web page may not call this camera; call it from a program of its own.',
  },
  type: {
    code: 's:Sender',
    subcodes: ['ter:WellFormed'],
    http: 415,
    reason: 'Send SOAP 1.2 as application/soap+xml in UTF-8.',
  },
  size: { code: 's:Sender', subcodes: ['ter:WellFormed'], http: 413, reason: 'Send 64 KiB at most.' },
  malformed: {
    code: 's:Sender',
    subcodes: ['ter:WellFormed'],
    http: 400,
    reason: 'The message is not well-formed: {detail}.',
  },
  version: { code: 's:VersionMismatch', subcodes: [], http: 500, reason: 'Send a SOAP 1.2 envelope.' },
  header: { code: 's:MustUnderstand', subcodes: [], http: 500, reason: 'The header {detail} is not understood.' },
  structure: {
    code: 's:Sender',
    subcodes: ['ter:TagMismatch'],
    http: 400,
    reason: 'The message has another structure than its schema: {detail}.',
  },
  mismatch: {
    code: 's:Sender',
    subcodes: ['wsa:InvalidAddressingHeader', 'wsa:ActionMismatch'],
    http: 400,
    reason: 'The named action differs from the one in the body: {detail}.',
  },
  action: {
    code: 's:Receiver',
    subcodes: ['ter:ActionNotSupported'],
    http: 500,
    reason: 'There is no action {detail} here; GetServices lists the services.',
  },
  login: {
    code: 's:Sender',
    subcodes: ['ter:NotAuthorized'],
    http: 400,
    reason:
      'The login is missing, wrong or used before, or was created more than a minute from the camera’s time. Send a fresh UsernameToken with PasswordDigest, Nonce and Created.',
  },
  value: { code: 's:Sender', subcodes: ['ter:InvalidArgVal'], http: 400, reason: 'A value cannot be used: {detail}.' },
  profile: {
    code: 's:Sender',
    subcodes: ['ter:InvalidArgVal', 'ter:NoProfile'],
    http: 400,
    reason: 'There is no such profile; GetProfiles lists them.',
  },
  configuration: {
    code: 's:Sender',
    subcodes: ['ter:InvalidArgVal', 'ter:NoConfig'],
    http: 400,
    reason: 'There is no such configuration; GetProfiles lists them.',
  },
  stream: {
    code: 's:Sender',
    subcodes: ['ter:InvalidArgVal', 'ter:InvalidStreamSetup'],
    http: 400,
    reason: 'Ask for RTP-Unicast by UDP, TCP or RTSP.',
  },
  category: {
    code: 's:Receiver',
    subcodes: ['ter:ActionNotSupported', 'ter:NoSuchService'],
    http: 500,
    reason: 'There are the categories All, Device, Media and Events.',
  },
  subscription: {
    code: 's:Sender',
    subcodes: ['wsrfr:ResourceUnknownFault'],
    http: 400,
    reason: 'There is no such subscription, or it has ended; create a new one.',
  },
  subscriptions: {
    code: 's:Receiver',
    subcodes: ['wsnt:SubscribeCreationFailedFault'],
    http: 500,
    reason: 'No more subscriptions are possible; end one, or wait until one ends.',
  },
  termination: {
    code: 's:Sender',
    subcodes: ['wsnt:UnacceptableInitialTerminationTimeFault'],
    http: 400,
    reason: 'A subscription lasts from a second to an hour: {detail}.',
  },
  filter: {
    code: 's:Sender',
    subcodes: ['wsnt:InvalidFilterFault'],
    http: 400,
    reason: 'The filter cannot be used: {detail}.',
  },
  pull: {
    code: 's:Sender',
    subcodes: ['ter:InvalidArgVal'],
    http: 400,
    reason: 'The pull asks for too much: {detail}.',
  },
} as const satisfies Record<string, FaultRule>;

export type FaultKind = keyof typeof FAULTS;

/** A refused call. */
export class SoapFault extends Error {
  readonly rule: FaultRule;
  private readonly details: Content;

  /** `detail` is inserted into the reason, at most 60 letters; `details` is the fault's machine-readable content. */
  constructor(kind: FaultKind, detail = '', details: Content = null) {
    const rule: FaultRule = FAULTS[kind];
    const letters = [...detail];
    const quoted = letters.length > QUOTED_LETTERS_MAX ? `${letters.slice(0, QUOTED_LETTERS_MAX).join('')}…` : detail;
    super(rule.reason.replace('{detail}', () => quoted));
    this.rule = rule;
    this.details = details;
  }

  get markup(): Markup {
    const subcode = this.rule.subcodes.reduceRight<Markup | null>(
      (inner, code) => xml('s:Subcode', [xml('s:Value', code), inner]),
      null,
    );
    return xml('s:Fault', [
      xml('s:Code', [xml('s:Value', this.rule.code), subcode]),
      xml('s:Reason', xml('s:Text', this.message, { 'xml:lang': 'en' })),
      this.details === null ? null : xml('s:Detail', this.details),
    ]);
  }
}

/** A parsed message. */
export interface Message {
  header: XmlElement | undefined;
  /** The only element of the body. */
  call: XmlElement;
  /** WS-Addressing's message id, for the answer's `RelatesTo`. */
  messageId: string | null;
}

/** Parses a message. Throws `SoapFault`, `XmlFault`. */
export function readMessage(bytes: Uint8Array, contentType: string | undefined): Message {
  const type = contentType ?? '';
  const charset = parameterOf(type, 'charset');
  if (!/^application\/soap\+xml\s*(;|$)/i.test(type) || !/^utf-8$/i.test(charset ?? 'utf-8'))
    throw new SoapFault('type');
  const { header, call } = readEnvelope(bytes);
  checkHeaders(header);
  const named = [parameterOf(type, 'action'), childOf(header, NAMESPACES.wsa, 'Action')?.text];
  for (const action of named) if (action && !isActionOf(action, call.name)) throw new SoapFault('mismatch', call.name);
  const messageId = childOf(header, NAMESPACES.wsa, 'MessageID')?.text.slice(0, MESSAGE_ID_LETTERS_MAX);
  return { header, call, messageId: messageId ?? null };
}

/** The header and the body's only element. Throws `SoapFault`, `XmlFault`. */
export function readEnvelope(bytes: Uint8Array): Pick<Message, 'header' | 'call'> {
  const envelope = readXml(decode(bytes));
  if (envelope.name !== 'Envelope') throw new SoapFault('structure', `<${envelope.name}> is no envelope`);
  if (envelope.namespace !== NAMESPACES.s) throw new SoapFault('version');
  const header = childOf(envelope, NAMESPACES.s, 'Header');
  const body = childOf(envelope, NAMESPACES.s, 'Body');
  const parts = (header ? 1 : 0) + (body ? 1 : 0);
  const [call, ...others] = body?.children ?? [];
  if (!call || others.length > 0 || envelope.children.length !== parts)
    throw new SoapFault('structure', 'an envelope has a header and a body with one element');
  return { header, call };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new XmlFault('it is not UTF-8');
  }
}

/** A parameter of a media type (RFC 9110 §8.3.1). */
function parameterOf(type: string, name: string): string | undefined {
  const [, quoted, plain] = new RegExp(`;\\s*${name}=(?:"([^"]*)"|([^\\s;"]+))`, 'i').exec(type) ?? [];
  return quoted ?? plain;
}

/** Refuses unknown headers with `mustUnderstand` (SOAP 1.2 Part 1 §2.4). Throws `SoapFault`. */
function checkHeaders(header: XmlElement | undefined): void {
  for (const block of header?.children ?? []) {
    const insists = /^(1|true)$/.test(block.attributes.get(`{${NAMESPACES.s}}mustUnderstand`) ?? '');
    const isRead = block.namespace === NAMESPACES.wsa || block.namespace === WSSE;
    if (insists && !isRead) throw new SoapFault('header', block.name);
  }
}

export const WSSE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';

/** Whether an action URI names the call: in all ONVIF WSDL files its last segment is the call's name. */
function isActionOf(action: string, call: string): boolean {
  const last = /[^/:]*$/.exec(action)?.[0] ?? '';
  return last === call || last === `${call}Request`;
}

export interface Operation {
  needsLogin: boolean;
  /** The action URI without its end `Request` or `Response`; absent if the answer names no action. */
  action?: string;
  /** The content of the answer. Throws `SoapFault`, `XmlFault`. */
  answer(call: Call): Content | Promise<Content>;
}

/** A service's operations by their name, `{namespace}name`. */
export type Operations = ReadonlyMap<string, Operation>;

export interface Call {
  request: XmlElement;
  /** The server's URL as the client reached it: `http://127.0.0.1:8080`. */
  baseUrl: string;
  /** The part of the URL's path that follows the service's path, such as a subscription's id. */
  resource: string;
  /** Aborts when the client disconnects. */
  gone: AbortSignal;
}

/** Operations of one namespace, given by local name. */
export function operationsOf(
  prefix: keyof typeof NAMESPACES,
  byName: Record<string, Operation>,
): [string, Operation][] {
  return Object.entries(byName).map(([name, operation]) => [`{${NAMESPACES[prefix]}}${name}`, operation]);
}

export function writeAnswer({ call, messageId }: Message, operation: Operation, content: Content): string {
  const prefix = Object.entries(NAMESPACES).find(([, namespace]) => namespace === call.namespace)?.[0];
  assert(prefix !== undefined, 'an operation is of a namespace that is written');
  const action = operation.action === undefined ? null : `${operation.action}Response`;
  return writeEnvelope(NAMESPACES, addressing(action, messageId), xml(`${prefix}:${call.name}Response`, content));
}

/** A fault as a message; `messageId` is the call's, if it could be read. */
export function writeFault(fault: SoapFault, messageId: string | null): string {
  const action = messageId === null ? null : `${NAMESPACES.wsa}/fault`;
  return writeEnvelope(NAMESPACES, addressing(action, messageId), fault.markup);
}

function addressing(action: string | null, relatesTo: string | null): Content {
  return [
    action === null ? null : xml('wsa:Action', action),
    relatesTo === null ? null : xml('wsa:RelatesTo', relatesTo),
  ];
}

/** An envelope as text; `namespaces` are those of its content by prefix. The envelope's own prefix is `s`. */
export function writeEnvelope(namespaces: Readonly<Record<string, string>>, header: Content, body: Content): string {
  const declarations = Object.entries(namespaces).map(([prefix, namespace]) => [`xmlns:${prefix}`, namespace]);
  const parts = [xml('s:Header', header), xml('s:Body', body)];
  return `<?xml version="1.0" encoding="UTF-8"?>\n${writeXml(xml('s:Envelope', parts, Object.fromEntries(declarations)))}`;
}
