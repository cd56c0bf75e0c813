// Owns: options that several verbs of single parts share. Not here: the verbs.
import { failure } from '../../device/exports-without-firmware.ts';

/** A port from a command line. Throws `usage`. */
export function parsePort(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw failure('usage', { detail: `"${text}" is no port` });
  return port;
}
