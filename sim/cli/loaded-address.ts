// Owns: whether a command may load an address: only what is on this machine, unless it is told otherwise. Not here: the loads (fleet/, load/).
import { failure } from '../errors.ts';

/** Throws `usage` for what is no address of these schemes, and `fleet_beyond_this_machine`. `option` named it. */
export function checkLoadedAddress(option: string, text: string, scheme: RegExp, isAnywhere: boolean): void {
  const url = URL.canParse(text) ? new URL(text) : null;
  // What is no address is not repeated: it may be a code or a password that was put in the wrong place.
  if (!url || !scheme.test(url.protocol) || url.hostname === '')
    throw failure('usage', { detail: `${option} takes an address with its scheme, and this is none` });
  // It would be printed, and stand in reports.
  if (url.username !== '' || url.password !== '')
    throw failure('usage', { detail: `${option} takes an address without an account in it` });
  const isHere = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  if (!isHere && !isAnywhere) throw failure('fleet_beyond_this_machine', { option, where: url.host });
}
