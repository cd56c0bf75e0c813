// Owns: the failures of a simulated camera's ONVIF server. Not here: the one closed table (../errors.ts), SOAP's faults.
import { machineFault } from './kinds.ts';

export const onvifErrors = {
  onvif_discovery_impossible: machineFault(
    500,
    'The camera cannot be told of on {address}: {detail}.',
    'Name the IPv4 address of an interface of this machine on which the camera listens, or leave discovery out.',
  ),
} as const;
