// Starts one doorbell of a testbed: its device.json, its enrolment, its process, the port of its page, the owner's pairing.
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { SigningKey } from '@doorsill/base/keys';
import { readAccount } from '@doorsill/base/mqtt-account-files';
import type { Random } from '@doorsill/base/random';
import { assert } from '@doorsill/contract/assert';
import { utf8 } from '@doorsill/contract/bytes';
import { parseEnrolmentCode, printEnrolmentCode } from '@doorsill/contract/enrolment';
import type { DeviceConfigInput } from '@doorsill/device/config';
import { loadOrCreateOwnerKey } from '@doorsill/device/owner/owner-key';
import {
  forgetPairedDevice,
  listPairedDevices,
  type PairedDevice,
  storePairedDevice,
} from '@doorsill/device/owner/paired-devices';
import { pairWithDevice } from '@doorsill/device/owner/pairing-client';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { createEnrolmentCode } from '../officer/bridge-operator.ts';
import { adminBearer } from '../officer/registration.ts';
import { DEMO_HOME, makeIdentity } from '../world/home-identity.ts';

/** Ports that are tried after the wanted one: more than a testbed has pages. */
const TRIED_MAX = 200;
const PORT_MAX = 65_535;

/** Whether a port of the loopback address is free. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(true)));
  });
}

/**
 * The wanted port if it is free and not one of `others`; otherwise the next such port from `after` on, wrapping around to 1024.
 * Throws `port_in_use` when there is none.
 */
export async function freePort(
  wanted: number,
  others: ReadonlySet<number>,
  after: number,
  isFree: (port: number) => Promise<boolean> = isPortFree,
): Promise<number> {
  const tried = [wanted, ...Array.from({ length: TRIED_MAX }, (_, at) => after + at)];
  const ports = tried.map((port) => (port > PORT_MAX ? port - PORT_MAX + 1_023 : port));
  for (const port of ports) if (!others.has(port) && (await isFree(port))) return port;
  throw failure('port_in_use', { port: wanted, host: '127.0.0.1' });
}

/** The network of a doorbell's process, and how it reaches other parts from there. */
export interface DoorbellNetwork {
  /** A command before the process's own, such as one that enters a network namespace; empty: none. */
  readonly inside: readonly string[];
  /** The address at which it reaches a part that listens at `url`. */
  doorTo(part: 'broker' | 'bridge', url: string): string;
  /** Called with its process id at each start. */
  started(pid: number): void;
}

/** One home of a testbed: its doorbell's process, and the folders of device and owner. */
export interface HomePlace {
  name: string;
  doorbell: string;
  owner: string;
  camera?: string;
  /** Simulated faults of its disk and clock, at its first start only, and the socket that switches them. */
  faults?: { fault: readonly string[]; control?: string };
  settings: Partial<Omit<DeviceConfigInput, 'home'>>;
  /** Absent: the network of the other parts. */
  network?: DoorbellNetwork;
  /** For a page on this machine: its port unless it has one already, ports that it must not use, and the first port to try instead. */
  page?: { port: number; notFor: ReadonlySet<number>; after: number };
}

/** The testbed in which a doorbell is started. */
export interface DoorbellContext {
  clock: Clock;
  random: Random;
  disk: Disk;
  /** Progress, for people. */
  say: (text: string) => void;
  /** Folder of the broker's accounts, and of the bridge. */
  accounts: string;
  bridge: string;
  /** Starts a process and resolves with its ready line; `restartArgs`: the arguments of later starts. */
  startPart(name: string, args: string[], restartArgs: string[], firstLine?: string): Promise<unknown>;
}

const deviceReady = z.object({
  device: z.string(),
  socket: z.string(),
  enrolled: z.boolean(),
  console: z.string().optional(),
});
const SETTINGS_BYTES_MAX = 200_000;

/** The owner's key of a home, made at the first call. */
export function ownerKeyOf({ disk, random }: DoorbellContext, owner: string): Promise<SigningKey> {
  return loadOrCreateOwnerKey(disk, random, join(owner, 'owner.key'));
}

/** Starts a doorbell and pairs its owner. `bridgeUrl`: null without a bridge. Returns the address of its page; null if it has none. */
export async function startDoorbellPart(
  context: DoorbellContext,
  place: HomePlace,
  brokerUrl: string,
  bridgeUrl: string | null,
): Promise<{ home: PairedDevice; page: string | null }> {
  const { disk } = context;
  const { network } = place;
  const seen = {
    broker: network?.doorTo('broker', brokerUrl) ?? brokerUrl,
    bridge: bridgeUrl === null ? null : (network?.doorTo('bridge', bridgeUrl) ?? bridgeUrl),
  };
  const config = await writeDeviceConfig(context, place, seen.broker, seen.bridge);
  const printed = bridgeUrl === null ? null : await enrolmentCode(context, place, bridgeUrl);
  const code = network && printed !== null && seen.bridge !== null ? codeAt(printed, seen.bridge) : printed;
  const camera = place.camera === undefined ? [] : ['--camera', place.camera];
  const { fault = [], control } = place.faults ?? {};
  const args = [
    'device',
    '--data',
    place.doorbell,
    ...camera,
    ...(control === undefined ? [] : ['--control', control]),
  ];
  // A code is valid for one enrolment and for an hour, so a restart must not need it, nor the bridge. Faults are not repeated either.
  const first = [...args, ...fault.flatMap((each) => ['--fault', each]), ...(code === null ? [] : ['--enrol', '-'])];
  const ready = deviceReady.parse(await context.startPart(place.name, first, args, code ?? undefined));
  const known = (await listPairedDevices(disk, place.owner)).find((home) => home.device === ready.device);
  const home = known
    ? { ...known, name: config.name ?? known.name }
    : await pairWithDevice(context, ready.socket, await ownerKeyOf(context, place.owner), 'owner');
  // The owner uses the broker's own address, which may differ from the doorbell's.
  const reached = { ...home, account: { ...home.account, url: brokerUrl } };
  await storePairedDevice(disk, place.owner, reached);
  await forgetResetHomes(context, place, brokerUrl);
  return { home: reached, page: ready.console ?? null };
}

/** Forgets identities of this testbed's doorbells from before a factory reset, which has ended the owner's accounts for them. */
async function forgetResetHomes({ disk, accounts }: DoorbellContext, { owner }: HomePlace, brokerUrl: string) {
  for (const { device, account } of await listPairedDevices(disk, owner)) {
    if (account.url !== brokerUrl || (await readAccount(disk, accounts, account.user))) continue;
    await forgetPairedDevice(disk, owner, device);
  }
}

/** Writes the device's settings at the first start; later starts only update their addresses. */
async function writeDeviceConfig(
  context: DoorbellContext,
  place: HomePlace,
  brokerUrl: string,
  bridgeUrl: string | null,
): Promise<DeviceConfigInput> {
  const { disk, random, accounts } = context;
  const path = join(place.doorbell, 'device.json');
  const stored = await disk.readFile(path, SETTINGS_BYTES_MAX);
  const before: Partial<DeviceConfigInput> = stored ? JSON.parse(new TextDecoder().decode(stored)) : {};
  const own = { disk, random, folder: place.doorbell };
  const { user, password } = before.home ?? (await makeIdentity(own, { ...own, folder: accounts })).account;
  const page = await pageSettings(context, place, before);
  const config: DeviceConfigInput = {
    ...DEMO_HOME,
    ...place.settings,
    ...before,
    ...(page ? { console: page } : {}),
    home: { ...before.home, url: brokerUrl, user, password, accounts },
    ...(bridgeUrl === null ? {} : { bridgeUrl, areaUrl: brokerUrl }),
  };
  await disk.replaceFile(path, utf8(`${JSON.stringify(config, null, 2)}\n`));
  return config;
}

/** The settings of its page, with a free port; null if the testbed must not choose them. */
async function pageSettings(
  { say }: DoorbellContext,
  { name, page }: HomePlace,
  before: Partial<DeviceConfigInput>,
): Promise<DeviceConfigInput['console'] | null> {
  if (!page) return null;
  const own = before.console ?? { listen: 'this-machine', port: page.port };
  if (own.listen !== 'this-machine' || own.port === 0) return null;
  const wanted = own.port ?? page.port;
  const port = await freePort(wanted, page.notFor, page.after);
  if (port !== wanted)
    say(
      `Port ${wanted} of the page of the ${name} is in use; the page is at port ${port} from now on. Pair your browser there again.`,
    );
  return { ...own, port };
}

/** An enrolment code that names the bridge at another address. */
function codeAt(printed: string, url: string): string {
  const code = parseEnrolmentCode(printed);
  assert(code !== null, 'the bridge prints codes that can be read');
  return printEnrolmentCode({ ...code, url });
}

/** A fresh code for a device that is not enrolled yet; null if it is. */
async function enrolmentCode(
  { disk, bridge }: DoorbellContext,
  { doorbell }: HomePlace,
  bridgeUrl: string,
): Promise<string | null> {
  if ((await disk.sizeOf(join(doorbell, 'enrolment.json'))) !== null) return null;
  const bearer = await adminBearer(disk, bridge);
  return (await createEnrolmentCode(bridgeUrl, bearer)).code;
}
