// A camera for ONVIF's tests, its server, and messages as clients write them.
import { createHash, randomBytes } from 'node:crypto';
import { ManualClock, type Timer } from '../../../../../device/base/clock.ts';
import { silentLog } from '../../../../../device/base/log.ts';
import { SeededRandom } from '../../../../../device/base/random.ts';
import type { CameraEvent, CameraFacts, OnvifCamera } from '../../../../../sim/camera-server/onvif/onvif-camera.ts';
import { type OnvifOptions, OnvifServer } from '../../../../../sim/camera-server/onvif/onvif-server.ts';
import { NAMESPACES } from '../../../../../sim/camera-server/onvif/soap.ts';
import { childOf, readXml, type XmlElement } from '../../../../../sim/camera-server/onvif/xml.ts';

export const ACCOUNT = { user: 'operator', password: 'pass & <word>' };
export const START_US = Date.UTC(2026, 10, 27, 12, 0, 0) * 1_000;
export const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 0xd9);

export const FACTS: CameraFacts = {
  name: 'Porch <1> & gate',
  size: { width: 1280, height: 720 },
  framesPerSecond: 25,
  codec: 'H264',
  bitrateKbpsMax: 2_000,
  h264: { framesPerGop: 50, profile: 'High' },
};

/** A camera whose events a test triggers. */
export class PlayedCamera implements OnvifCamera {
  readonly facts = FACTS;
  readonly streamUri: string = 'rtsp://user:secret@0.0.0.0:8554/porch?x=1';
  listeners = new Set<(event: CameraEvent) => void>();
  still: () => Promise<Uint8Array | null> = async () => JPEG;

  snapshot(): Promise<Uint8Array | null> {
    return this.still();
  }

  onEvent(listener: (event: CameraEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  happen(type: CameraEvent['type'], atUs = START_US): void {
    for (const listener of this.listeners) listener({ type, atUs });
  }
}

/** A clock that stands still and counts its pending timers. */
export class CountedClock extends ManualClock {
  waitingCalls = 0;

  override after(delayMs: number, call: () => void): Timer {
    let waits = 1;
    const end = () => {
      this.waitingCalls -= waits;
      waits = 0;
    };
    this.waitingCalls += 1;
    const timer = super.after(delayMs, () => {
      end();
      call();
    });
    return {
      cancel: () => {
        end();
        timer.cancel();
      },
    };
  }
}

/** A server whose clock stands still, on a free port of loopback. */
export async function startServer(options: Partial<OnvifOptions> = {}) {
  const camera = new PlayedCamera();
  const clock = new CountedClock(START_US);
  const server = new OnvifServer(
    camera,
    { host: '127.0.0.1', port: 0, account: ACCOUNT, version: '9.8.7', ...options },
    { clock, random: new SeededRandom(1), log: silentLog() },
  );
  const address = await server.start();
  return { camera, clock, server, address, base: new URL(address).origin };
}

export interface TokenParts {
  user?: string;
  password?: string;
  nonce?: Uint8Array;
  created?: string;
  type?: string;
}

/** A `Security` header with a fresh digest. */
export function security({
  user = ACCOUNT.user,
  password = ACCOUNT.password,
  nonce = randomBytes(16),
  created = new Date(START_US / 1_000).toISOString(),
  type = 'PasswordDigest',
}: TokenParts = {}): string {
  const wss = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss';
  const digest = createHash('sha1').update(nonce).update(created).update(password).digest('base64');
  return (
    `<w:Security s:mustUnderstand="1" xmlns:w="${wss}-wssecurity-secext-1.0.xsd"><w:UsernameToken>` +
    `<w:Username>${user}</w:Username>` +
    `<w:Password Type="${wss}-username-token-profile-1.0#${type}">${digest}</w:Password>` +
    `<w:Nonce EncodingType="${wss}-soap-message-security-1.0#Base64Binary">${Buffer.from(nonce).toString('base64')}</w:Nonce>` +
    `<u:Created xmlns:u="${wss}-wssecurity-utility-1.0.xsd">${created}</u:Created>` +
    '</w:UsernameToken></w:Security>'
  );
}

export function envelope(body: string, header = security()): string {
  const declared = Object.entries(NAMESPACES).map(([prefix, namespace]) => `xmlns:${prefix}="${namespace}"`);
  return `<s:Envelope ${declared.join(' ')}><s:Header>${header}</s:Header><s:Body>${body}</s:Body></s:Envelope>`;
}

export interface Answered {
  status: number;
  text: string;
  /** The only element in the body. */
  body: XmlElement;
  header: XmlElement | undefined;
}

/** A server's answer; throws if it is no envelope with one element in its body. */
export async function post(url: string, body: string | Uint8Array, type = 'application/soap+xml'): Promise<Answered> {
  const response = await fetch(url, { method: 'POST', body, headers: { 'content-type': type } });
  return read(response.status, await response.text());
}

export function read(status: number, text: string): Answered {
  const root = readXml(text);
  const [body, ...others] = childOf(root, NAMESPACES.s, 'Body')?.children ?? [];
  if (!body || others.length > 0) throw new Error(`an answer has one element in its body: ${text}`);
  return { status, text, body, header: childOf(root, NAMESPACES.s, 'Header') };
}

/** The codes of a fault, outermost first, and its reason; throws if the answer is not only a fault. */
export function faultOf({ body }: Answered): { codes: string[]; reason: string } {
  if (body.namespace !== NAMESPACES.s || body.name !== 'Fault') throw new Error(`<${body.name}> is no fault`);
  const codes: string[] = [];
  for (let at = childOf(body, NAMESPACES.s, 'Code'); at; at = childOf(at, NAMESPACES.s, 'Subcode'))
    codes.push(childOf(at, NAMESPACES.s, 'Value')?.text ?? '');
  const reason = childOf(childOf(body, NAMESPACES.s, 'Reason'), NAMESPACES.s, 'Text')?.text ?? '';
  return { codes, reason };
}

/** The text of the first element of that name, at any depth. */
export function textOf(element: XmlElement, name: string): string | undefined {
  for (const child of element.children) {
    const found = child.name === name ? child.text : textOf(child, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
