// Owns: the failures of making a virtual doorbell's disk and clock fail on command. Not here: the one closed table (../errors.ts).
import { machineFault, refused, unreachable, wrongUsage } from './kinds.ts';

export const deviceFaultErrors = {
  device_fault_unknown: wrongUsage(
    400,
    'A doorbell has no fault called "{name}"{hint}.',
    '`doorsill device faults` lists them all.',
  ),
  device_fault_invalid: wrongUsage(
    400,
    'The fault {fault} cannot be read: {detail}',
    '`doorsill device faults` says what each takes.',
  ),
  device_faults_contradict: refused(
    409,
    'The fault {first} contradicts {second}.',
    'Clear the other one first, or give them times that do not overlap.',
  ),
  device_faults_too_many: refused(409, 'A doorbell has {most} faults at most.', 'Clear some of them first.'),
  device_fault_not_set: wrongUsage(
    404,
    'The doorbell has no fault {name} now.',
    '`doorsill device fault --control SOCKET` lists those it has.',
  ),
  device_fault_on_hardware: refused(
    409,
    'Faults are for virtual doorbells, and this one is real: {what}.',
    'Make a doorbell of its own for them: `doorsill device init` in another folder, with a drawn camera or a file.',
  ),
  device_control_unusable: machineFault(
    409,
    'The control socket {path} cannot be made: {detail}',
    'Name a path that is free, in a folder of yours, such as ./porch.sock.',
  ),
  device_control_silent: unreachable(
    503,
    'No doorbell listens at {path}: {detail}',
    'Start one with `doorsill device --data DIR --control PATH`, and name the same path.',
  ),
} as const;
