// The exports of `doorsill/client`: a virtual doorbell for tests, and the types of its messages.

export { type ErrorCode, type Failure, isFailure } from '@doorsill/contract/errors';
export type { DeviceEvent, DeviceState, Receipt } from '@doorsill/contract/home-messages';
export type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
export type { DisclosureKey, DisclosureProfile, Window, Zone } from '@doorsill/contract/shared-claims';
export type { DeliveredClip } from './delivered-clip.ts';
export type { AskOptions, DoorbellOptions, GrantOptions, WaitOptions } from './options.ts';
export { startDoorbell } from './start-doorbell.ts';
export type { DoorRequest, EventOf, EventType, VirtualDoorbell } from './virtual-doorbell.ts';
