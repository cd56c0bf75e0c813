// Owns: the exports of `doorsill/client`: a virtual doorbell for tests, and the types of what it says.
// Not here: the doorbell itself (`doorsill`), the broker and the testbed (`doorsill/sim`).
export {
  type DeviceEvent,
  type DeviceState,
  type DisclosureKey,
  type DisclosureProfile,
  type ErrorCode,
  type Failure,
  isFailure,
  type Receipt,
  type VerifiedNotice,
  type Window,
  type Zone,
} from '../../device/index.ts';
export type { DeliveredClip } from './delivered-clip.ts';
export type { AskOptions, DoorbellOptions, GrantOptions, WaitOptions } from './options.ts';
export { startDoorbell } from './start-doorbell.ts';
export type { DoorRequest, EventOf, EventType, VirtualDoorbell } from './virtual-doorbell.ts';
