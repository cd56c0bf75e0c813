// Parsers of option values: numbers, durations, ports, addresses, lists of machines. Each throws `usage`.

import { idSchema } from '@doorsill/contract/ids';
import { failure } from '../errors.ts';

/** A whole number from `least` to `most`. */
export function parseWholeNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw failure('usage', {
    detail: `${option} takes a whole number from ${least} to ${most}, not "${text.slice(0, 40)}"`,
  });
}

/** Milliseconds, one second at least; null where the option is absent. */
export async function parseDuration(option: string, text: string | undefined): Promise<number | null> {
  if (text === undefined) return null;
  const { durationSchema } = await import('../scenario/language/durations.ts');
  const read = durationSchema.safeParse(text);
  if (!read.success || read.data < 1_000_000)
    throw failure('usage', {
      detail: `${option} takes a duration of 1s or more, such as 90s or 10m, not "${text.slice(0, 40)}"`,
    });
  return read.data / 1_000;
}

/** A port; `otherwise` where the option is absent. */
export function parsePort(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535)
    throw failure('usage', { detail: `"${text}" is not a port: a port is a number up to 65535` });
  return port;
}

/** `[HOST:]PORT`, on the loopback address unless a host is named. */
export function parseListenAddress(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':');
  const port = parsePort(text.slice(at + 1), 0);
  const host = at < 0 ? '127.0.0.1' : text.slice(0, at).replace(/^\[|\]$/g, '');
  // An empty host would listen on all addresses of the machine.
  if (host === '')
    throw failure('usage', {
      detail: `"${text}" names no host: write ${port} for this machine, 0.0.0.0:${port} for all`,
    });
  return { host, port };
}

/** A name or an address that can stand in a configuration file. */
export function addressOf(text: string, option: string): string {
  if (!/^[A-Za-z0-9.:-]{1,253}$/.test(text)) throw failure('usage', { detail: `${option} takes an address` });
  return text;
}

/**
 * Checks an address that a command puts load on: of one of these schemes, without an account, and on this machine unless `isAnywhere`.
 * Throws `fleet_beyond_this_machine`, too.
 */
export function checkLoadedAddress(option: string, text: string, scheme: RegExp, isAnywhere: boolean): void {
  const url = URL.canParse(text) ? new URL(text) : null;
  // The text is not repeated: it may be a code or a password that was put in the wrong place.
  if (!url || !scheme.test(url.protocol) || url.hostname === '')
    throw failure('usage', { detail: `${option} takes an address with its scheme, and this is none` });
  // It would be printed, and stand in reports.
  if (url.username !== '' || url.password !== '')
    throw failure('usage', { detail: `${option} takes an address without an account in it` });
  const isHere = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  if (!isHere && !isAnywhere) throw failure('fleet_beyond_this_machine', { option, where: url.host });
}

interface Machine {
  name: string;
  host: string;
}

/** Nodes decide by majority, so an even number survives no more losses than one node less. */
const CLUSTER_SIZES = [3, 5];

/** The nodes of a NATS cluster, such as `a=10.0.0.1,b=10.0.0.2,c=10.0.0.3`. */
export function parseNatsNodes(text: string): Machine[] {
  const nodes = machinesIn(text, '--cluster', (name) => idSchema.safeParse(name).success);
  if (!CLUSTER_SIZES.includes(nodes.length))
    throw listFault('--cluster', `a cluster has ${CLUSTER_SIZES.join(' or ')} nodes`);
  return nodes;
}

/** With more they would wait for each other: they write in turn. */
const MACHINES_MAX = 16;

/** The machines of instances, such as `a=10.0.0.11,b=10.0.0.12`. */
export function parseMachines(text: string): Machine[] {
  const machines = machinesIn(text, '--machines', (name) => /^[a-z0-9]{1,12}$/.test(name));
  if (machines.length < 2 || machines.length > MACHINES_MAX)
    throw listFault('--machines', `it takes 2 to ${MACHINES_MAX} machines`);
  return machines;
}

function machinesIn(text: string, option: string, isName: (name: string) => boolean): Machine[] {
  const machines = text.split(',').map((one) => {
    const [name = '', host = '', ...rest] = one.split('=');
    if (rest.length > 0 || !isName(name)) throw listFault(option, `"${one}" is not NAME=ADDRESS`);
    return { name, host: addressOf(host, option) };
  });
  const differ = new Set(machines.map(({ name }) => name)).size + new Set(machines.map(({ host }) => host)).size;
  if (differ !== 2 * machines.length) throw listFault(option, 'each needs its own name and its own address');
  return machines;
}

const listFault = (option: string, detail: string) => failure('usage', { detail: `${option}: ${detail}` });
