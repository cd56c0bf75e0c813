// Decrypts TLS connections of a capture with tshark and the keys logged by the device's process.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Chunk, Stream } from './capture-file.ts';

/** Both directions of one decrypted connection. */
export interface Decrypted {
  up: Chunk[];
  down: Chunk[];
}

const OUTPUT_BYTES_MAX = 1_000_000_000;

/** Decrypts a capture's connections to `ports`, which use TLS, in one run of tshark. Throws if one of them is missing. */
export async function decryptStreams(
  capture: string,
  keys: string,
  ports: readonly number[],
  streams: readonly Stream[],
): Promise<Map<Stream, Decrypted>> {
  const wanted = [...streams.entries()].filter(([, { server, up }]) => ports.includes(server.port) && up.length > 0);
  const found = new Map<Stream, Decrypted>();
  if (wanted.length === 0) return found;
  const args = [
    ...['-r', capture, '-q', '-o', `tls.keylog_file:${keys}`, '-o', 'tcp.reassemble_out_of_order:TRUE'],
    ...ports.flatMap((port) => ['-d', `tcp.port==${port},tls`]),
    ...wanted.flatMap(([number]) => ['-z', `follow,tls,yaml,${number}`]),
  ];
  const { stdout } = await promisify(execFile)('tshark', args, { maxBuffer: OUTPUT_BYTES_MAX });
  for (const part of stdout.split(/^peers:$/m).slice(1)) {
    const [head = '', ...packets] = part.split(/^ {2}- packet: /m);
    const ends = [...head.matchAll(/port: (\d+)/g)].map(([, port]) => Number(port));
    const pieces = packets.map((packet) => ({
      peer: Number(/^ {4}peer: (\d)/m.exec(packet)?.[1]),
      packet: Number(/^\d+/.exec(packet)?.[0]),
      bytes: Buffer.from(/data: !!binary \|\n([\sA-Za-z0-9+/=]*)/.exec(packet)?.[1] ?? '', 'base64'),
    }));
    const stream = wanted.find(([, { client, server, up, down }]) => {
      const isIt = ends.includes(client.port) && ends.includes(server.port);
      return isIt && pieces.every(({ packet }) => [...up, ...down].some((chunk) => chunk.packet === packet));
    })?.[1];
    if (!stream || found.has(stream)) continue;
    const client = ends.indexOf(stream.client.port);
    found.set(stream, {
      up: pieces.filter(({ peer }) => peer === client),
      down: pieces.filter(({ peer }) => peer !== client),
    });
  }
  const missing = wanted.filter(([, stream]) => !found.has(stream)).map(([number]) => number);
  if (missing.length > 0) throw new Error(`tshark does not show what is in connections ${missing.join(', ')}`);
  return found;
}
