// ONVIF's device service: the camera's identity, its services and its time. No answer contains facts about the machine.

import type { Clock } from '@doorsill/base/clock';
import { sha256 } from '@doorsill/base/keys';
import { assert } from '@doorsill/contract/assert';
import { toHex, utf8 } from '@doorsill/contract/bytes';
import type { CameraFacts } from './onvif-camera.ts';
import { NAMESPACES, type Operations, operationsOf, SoapFault } from './soap.ts';
import { type Content, childOf, type Markup, xml } from './xml.ts';

/** Paths of the services, by the prefix of their namespace. */
export const SERVICE_PATHS = {
  tds: '/onvif/device_service',
  trt: '/onvif/media_service',
  tev: '/onvif/event_service',
} as const;

/** The ONVIF version whose schema the answers follow. */
const VERSION = [xml('tt:Major', 2), xml('tt:Minor', 60)];

export interface Identity {
  /** The same UUID at every start of the same camera. */
  uuid: string;
  version: string;
}

/** The identity of the camera called `name`, served at `url`. */
export function identityOf(name: string, url: string, version: string): Identity {
  return { uuid: uuidOf(sha256(utf8(`doorsill camera\n${name}\n${url}`)), 8), version };
}

/** A UUID (RFC 9562) from 122 of the first bits of `bytes`: version 4 for random bytes, 8 for derived ones. */
export function uuidOf(bytes: Uint8Array, version: 4 | 8): string {
  const own = bytes.slice(0, 16);
  own[6] = ((own[6] ?? 0) & 0x0f) | (version << 4);
  own[8] = ((own[8] ?? 0) & 0x3f) | 0x80;
  return toHex(own).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The scopes for discovery: the device type and the name. A location is never among them. */
export function scopesOf(facts: CameraFacts): string[] {
  const of = (kind: string, value: string) =>
    `onvif://www.onvif.org/${kind}/${encodeURIComponent(value.replaceAll(/\p{Surrogate}/gu, ''))}`;
  return [of('type', 'video_encoder'), of('name', facts.name), of('hardware', 'doorsill-simulated')];
}

/** The operations. Those of ONVIF's class PRE_AUTH (Core §5.9.4.3) need no login. */
export function deviceOperations(facts: CameraFacts, identity: Identity, clock: Clock): Operations {
  const serial = identity.uuid.slice(-12);
  return new Map(
    operationsOf('tds', {
      GetSystemDateAndTime: { needsLogin: false, answer: () => dateAndTime(clock.wallUs()) },
      GetCapabilities: {
        needsLogin: false,
        answer: ({ request, baseUrl }) => xml('tds:Capabilities', capabilities(categoriesOf(request), baseUrl)),
      },
      GetServices: {
        needsLogin: false,
        answer: ({ request, baseUrl }) => {
          const asked = childOf(request, NAMESPACES.tds, 'IncludeCapability')?.text;
          return services(/^(true|1)$/.test(asked ?? ''), baseUrl);
        },
      },
      GetServiceCapabilities: { needsLogin: false, answer: () => serviceCapabilities('tds') },
      GetHostname: {
        needsLogin: false,
        answer: () => xml('tds:HostnameInformation', [xml('tt:FromDHCP', false), xml('tt:Name', `doorsill-${serial}`)]),
      },
      GetDeviceInformation: {
        needsLogin: true,
        answer: () => [
          xml('tds:Manufacturer', 'doorsill'),
          xml('tds:Model', 'simulated camera'),
          xml('tds:FirmwareVersion', identity.version),
          xml('tds:SerialNumber', serial),
          xml('tds:HardwareId', 'simulated'),
        ],
      },
      GetScopes: {
        needsLogin: true,
        answer: () =>
          scopesOf(facts).map((item) => xml('tds:Scopes', [xml('tt:ScopeDef', 'Fixed'), xml('tt:ScopeItem', item)])),
      },
      GetNetworkInterfaces: { needsLogin: true, answer: () => networkInterface(serial) },
    }),
  );
}

function dateAndTime(wallUs: number): Content {
  const now = new Date(wallUs / 1_000);
  return xml('tds:SystemDateAndTime', [
    xml('tt:DateTimeType', 'Manual'),
    xml('tt:DaylightSavings', false),
    xml('tt:TimeZone', xml('tt:TZ', 'UTC0')),
    xml('tt:UTCDateTime', [
      xml('tt:Time', [
        xml('tt:Hour', now.getUTCHours()),
        xml('tt:Minute', now.getUTCMinutes()),
        xml('tt:Second', now.getUTCSeconds()),
      ]),
      xml('tt:Date', [
        xml('tt:Year', now.getUTCFullYear()),
        xml('tt:Month', now.getUTCMonth() + 1),
        xml('tt:Day', now.getUTCDate()),
      ]),
    ]),
  ]);
}

const CATEGORIES = ['Device', 'Events', 'Media'] as const;
type Category = (typeof CATEGORIES)[number];

function categoriesOf(request: Parameters<typeof childOf>[0]): Set<Category> {
  const asked = request?.children.filter(({ name }) => name === 'Category').map(({ text }) => text) ?? [];
  if (asked.length === 0 || asked.includes('All')) return new Set(CATEGORIES);
  return new Set(
    asked.map((text) => {
      const category = CATEGORIES.find((known) => known === text);
      if (!category) throw new SoapFault('category');
      return category;
    }),
  );
}

function capabilities(asked: ReadonlySet<Category>, baseUrl: string): Content {
  const at = (prefix: keyof typeof SERVICE_PATHS) => xml('tt:XAddr', `${baseUrl}${SERVICE_PATHS[prefix]}`);
  const absent = (...names: string[]) => names.map((name) => xml(`tt:${name}`, false));
  const system = [
    ...absent('DiscoveryResolve'),
    xml('tt:DiscoveryBye', true),
    ...absent('RemoteDiscovery', 'SystemBackup', 'SystemLogging', 'FirmwareUpgrade'),
    xml('tt:SupportedVersions', VERSION),
  ];
  const events = [
    ...absent('WSSubscriptionPolicySupport'),
    xml('tt:WSPullPointSupport', true),
    ...absent('WSPausableSubscriptionManagerInterfaceSupport'),
  ];
  const streaming = [...absent('RTPMulticast'), xml('tt:RTP_TCP', true), xml('tt:RTP_RTSP_TCP', true)];
  const all: Record<Category, Markup> = {
    Device: xml('tt:Device', [at('tds'), xml('tt:System', system)]),
    Events: xml('tt:Events', [at('tev'), ...events]),
    Media: xml('tt:Media', [at('trt'), xml('tt:StreamingCapabilities', streaming)]),
  };
  return CATEGORIES.filter((category) => asked.has(category)).map((category) => all[category]);
}

function services(withCapabilities: boolean, baseUrl: string): Content {
  return Object.entries(SERVICE_PATHS).map(([prefix, path]) => {
    assert(prefix === 'tds' || prefix === 'trt' || prefix === 'tev', 'a service has one of three prefixes');
    return xml('tds:Service', [
      xml('tds:Namespace', NAMESPACES[prefix]),
      xml('tds:XAddr', `${baseUrl}${path}`),
      withCapabilities ? xml('tds:Capabilities', serviceCapabilities(prefix)) : null,
      xml('tds:Version', VERSION),
    ]);
  });
}

/** Maximum number of concurrent event subscriptions. */
export const SUBSCRIPTIONS_MAX = 16;

/** A service's capabilities, for itself and for the list of services. */
export function serviceCapabilities(prefix: keyof typeof SERVICE_PATHS): Markup {
  if (prefix === 'tds')
    return xml('tds:Capabilities', [
      xml('tds:Network', null, { IPFilter: false, ZeroConfiguration: false, IPVersion6: false, DynDNS: false }),
      xml('tds:Security', null, { UsernameToken: true, HttpDigest: false, 'TLS1.2': false }),
      xml('tds:System', null, { DiscoveryResolve: false, DiscoveryBye: true, RemoteDiscovery: false }),
    ]);
  if (prefix === 'trt')
    return xml(
      'trt:Capabilities',
      [
        xml('trt:ProfileCapabilities', null, { MaximumNumberOfProfiles: 1 }),
        xml('trt:StreamingCapabilities', null, { RTPMulticast: false, RTP_TCP: true, RTP_RTSP_TCP: true }),
      ],
      { SnapshotUri: true, Rotation: false, VideoSourceMode: false, OSD: false },
    );
  return xml('tev:Capabilities', null, {
    WSSubscriptionPolicySupport: false,
    WSPullPointSupport: true,
    WSPausableSubscriptionManagerInterfaceSupport: false,
    MaxNotificationProducers: 0,
    MaxPullPoints: SUBSCRIPTIONS_MAX,
    PersistentNotificationStorage: false,
  });
}

/** One interface with an invented MAC address (locally administered, IEEE 802 §8.4): clients tell cameras apart by it. */
function networkInterface(serial: string): Content {
  const octets = ['02', ...(serial.slice(0, 10).match(/../g) ?? [])];
  const info = [xml('tt:Name', 'simulated0'), xml('tt:HwAddress', octets.join(':')), xml('tt:MTU', 1500)];
  return xml('tds:NetworkInterfaces', [xml('tt:Enabled', true), xml('tt:Info', info)], { token: 'simulated0' });
}
