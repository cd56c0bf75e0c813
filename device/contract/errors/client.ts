// Owns: the failures of a developer's client of a virtual doorbell. Not here: the one closed table (../errors.ts).
import { machineFaultForNow, unreachableForNow, wrongUsage } from './kinds.ts';

export const clientErrors = {
  client_argument_invalid: wrongUsage(
    400,
    '{call} was called with something it does not take: {detail}',
    'Correct the named argument; unknown names are refused.',
  ),
  client_stopped: wrongUsage(
    409,
    'The virtual doorbell is stopped, so {call} can do nothing and gets no answer.',
    'Await what the test needs before stop(), or start another doorbell.',
  ),
  client_no_agency: wrongUsage(
    409,
    'This virtual doorbell was started without an agency, so nobody can ask it for footage.',
    'Start it without `agency: false`.',
  ),
  client_not_granted: wrongUsage(
    409,
    'There is no clip of {request} to wait for: {detail}',
    'Grant the request first, and await grant() before clip().',
  ),
  client_nothing_came: unreachableForNow(
    504,
    'No {what} came within {seconds} s; what came instead: {instead}',
    'Check what the test waits for; where the machine is merely slow, give a longer `timeoutMs`.',
  ),
  client_no_footage: machineFaultForNow(
    504,
    'The doorbell did not record {wanted} s of footage within {seconds} s: {detail}',
    'Check the camera that the doorbell was started with, or give a longer `timeoutMs`.',
  ),
} as const;
