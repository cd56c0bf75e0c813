// Owns: options that several verbs of single parts share. Not here: the verbs.
import { failure } from '../errors.ts';

/** A port from a command line. Throws `usage`. */
export function parsePort(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535)
    throw failure('usage', { detail: `"${text}" is no port: a port is a number up to 65535` });
  return port;
}

/** `[HOST:]PORT`, on the loopback address unless a host is named. Throws `usage`. */
export function readListen(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':');
  const port = parsePort(text.slice(at + 1), 0);
  const host = at < 0 ? '127.0.0.1' : text.slice(0, at).replace(/^\[|\]$/g, '');
  // To the machine, no host means all of its addresses.
  if (host === '')
    throw failure('usage', {
      detail: `"${text}" names no host: write ${port} for this machine, 0.0.0.0:${port} for all`,
    });
  return { host, port };
}
