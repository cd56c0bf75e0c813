// Owns: the failures of the log of custody. Not here: the one closed table (../errors.ts).
import { refused, unreachableForNow, wrongUsage } from './kinds.ts';

export const custodyErrors = {
  departure_unknown: wrongUsage(404, 'Nothing has left under this grant.', 'List what has left: `doorsill left`.'),
  custody_unreachable: unreachableForNow(
    503,
    'The bridge cannot be asked about the clip now: {detail}',
    'What this device keeps of it stays valid; ask again when the bridge is back.',
  ),
  custody_unknown: refused(
    404,
    'The log of custody has nothing there: {detail}',
    'Ask /v1/custody/head how long the log is.',
  ),
  custody_cosignature_refused: refused(
    403,
    'The bridge does not take the cosignature: {detail}',
    'A witness cosigns heads of this bridge alone, with a key that bridge.json names under custody.witnesses.',
  ),
  custody_head_refused: unreachableForNow(
    422,
    'What answered is not the log of this bridge: {detail}',
    'Check the address and the key; it is asked again.',
  ),
  custody_rollback: refused(
    409,
    'The bridge has taken back a part of its log: {detail}',
    'Keep the two signed heads in {file}: together they convict it. Nothing it signs since then is cosigned.',
  ),
  custody_fork: refused(
    409,
    'The bridge has rewritten its log: {detail}',
    'Keep the two signed heads in {file}: together they convict it. Nothing it signs since then is cosigned.',
  ),
} as const;
