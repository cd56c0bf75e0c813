// Owns: addresses on the command line, and the nodes of a NATS cluster. Not here: what is written for them (sim/broker/, sim/deploy/).
import { failure, idSchema } from '../../device/exports-without-firmware.ts';

/** Nodes decide by majority, so an even number of them bears no more losses than one less. */
const CLUSTER_SIZES = [3, 5];

/** The nodes that `a=10.0.0.1,b=10.0.0.2,c=10.0.0.3` names. Throws `usage`. */
export function parseNatsNodes(text: string): { name: string; host: string }[] {
  const nodes = text.split(',').map((one) => {
    const [name = '', host = '', ...rest] = one.split('=');
    if (rest.length > 0 || !idSchema.safeParse(name).success) throw clusterFault(`"${one}" is no NAME=ADDRESS`);
    return { name, host: addressOf(host, '--cluster') };
  });
  const isTwice = new Set(nodes.map(({ name }) => name)).size + new Set(nodes.map(({ host }) => host)).size;
  if (isTwice !== 2 * nodes.length) throw clusterFault('each node has a name and an address of its own');
  if (!CLUSTER_SIZES.includes(nodes.length)) throw clusterFault(`a cluster has ${CLUSTER_SIZES.join(' or ')} nodes`);
  return nodes;
}

const clusterFault = (detail: string) => failure('usage', { detail: `--cluster: ${detail}` });

/** A name or an address that can stand in a configuration file. Throws `usage`. */
export function addressOf(text: string, option: string): string {
  if (!/^[A-Za-z0-9.:-]{1,253}$/.test(text)) throw failure('usage', { detail: `${option} takes an address` });
  return text;
}
