// Owns: the failures of a simulated camera's ONVIF server. Not here: the one closed table (../errors.ts), SOAP's faults.
import { machineFault, refused } from './kinds.ts';

export const onvifErrors = {
  onvif_address_unusable: machineFault(
    500,
    'The camera’s ONVIF server cannot listen on {host}, port {port}: {detail}.',
    'Name an address of this machine and a port above 1023.',
  ),
  onvif_login_missing: refused(
    403,
    'The camera’s ONVIF server would listen on {host}, beyond this machine, without a login.',
    'Give it a user and a password, or let it listen on 127.0.0.1.',
  ),
  onvif_discovery_impossible: machineFault(
    500,
    'The camera cannot be told of on {address}: {detail}.',
    'Name the IPv4 address of an interface of this machine on which the camera listens, or leave discovery out.',
  ),
} as const;
