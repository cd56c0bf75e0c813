// Owns: addresses on the command line, the nodes of a NATS cluster, and the machines of instances. Not here: what is written for them (sim/broker/, sim/deploy/).

import { idSchema } from '@doorsill/contract/ids';
import { failure } from '../errors.ts';

/** Nodes decide by majority, so an even number of them bears no more losses than one less. */
const CLUSTER_SIZES = [3, 5];

/** The nodes that `a=10.0.0.1,b=10.0.0.2,c=10.0.0.3` names. Throws `usage`. */
export function parseNatsNodes(text: string): Machine[] {
  const nodes = machinesIn(text, '--cluster', (name) => idSchema.safeParse(name).success);
  if (!CLUSTER_SIZES.includes(nodes.length))
    throw listFault('--cluster', `a cluster has ${CLUSTER_SIZES.join(' or ')} nodes`);
  return nodes;
}

/** More would wait for each other: they write in turn. */
const MACHINES_MAX = 16;

/** The machines of instances that `a=10.0.0.11,b=10.0.0.12` names. Throws `usage`. */
export function parseMachines(text: string): Machine[] {
  const machines = machinesIn(text, '--machines', (name) => /^[a-z0-9]{1,12}$/.test(name));
  if (machines.length < 2 || machines.length > MACHINES_MAX)
    throw listFault('--machines', `there are 2 to ${MACHINES_MAX} of them`);
  return machines;
}

export interface Machine {
  name: string;
  host: string;
}

function machinesIn(text: string, option: string, isName: (name: string) => boolean): Machine[] {
  const machines = text.split(',').map((one) => {
    const [name = '', host = '', ...rest] = one.split('=');
    if (rest.length > 0 || !isName(name)) throw listFault(option, `"${one}" is no NAME=ADDRESS`);
    return { name, host: addressOf(host, option) };
  });
  const differ = new Set(machines.map(({ name }) => name)).size + new Set(machines.map(({ host }) => host)).size;
  if (differ !== 2 * machines.length) throw listFault(option, 'each has a name and an address of its own');
  return machines;
}

const listFault = (option: string, detail: string) => failure('usage', { detail: `${option}: ${detail}` });

/** A name or an address that can stand in a configuration file. Throws `usage`. */
export function addressOf(text: string, option: string): string {
  if (!/^[A-Za-z0-9.:-]{1,253}$/.test(text)) throw failure('usage', { detail: `${option} takes an address` });
  return text;
}
