// Owns: a scenario as running it sees it: everything read, filled in and checked. Times are integer microseconds, names are resolved,
// files are absolute paths. Not here: how it is written (written-scenario.ts), reading it (read-scenarios.ts), running it (sim/scenario/).

import type { SettingsChange } from '@doorsill/contract/owner-settings';
import type { Contact } from '@doorsill/contract/request';
import type { DisclosureKey, DisclosureProfile, Zone } from '@doorsill/contract/shared-claims';
import type { DeviceConfig } from '@doorsill/device/config';
import type { Fault } from '../../camera-server/faults.ts';
import type { LinkTrouble } from '../../world/link-proxy.ts';
import type { DiskState, PowerCutLeaves } from '../../world/simulated-disk.ts';

/** A place in a file, counted from 1. A scenario in TypeScript has line 1, column 1 throughout. */
export interface Position {
  file: string;
  line: number;
  column: number;
}

/** Which parts are real: `virtual` time is the replay's own and needs none. */
export type ScenarioTime = 'virtual' | 'real';

/** One scenario, or one variant of it. */
export interface Scenario {
  name: string;
  /** Its own file, as an absolute path, and where it begins there. */
  position: Position;
  /** The folder given to `doorsill test`, as a real path: what the scenario may read, and where golden files are written. */
  folder: string;
  /** Which values of the matrix this variant has, as text; empty without a matrix. */
  variant: Record<string, string>;
  description?: string;
  tags: string[];
  seed: number;
  /** Real time after which the run is given up. */
  timeoutMs: number;
  time: ScenarioTime;
  /** Wall time of the start in microseconds since 1970. */
  startUs: number;
  /** The IANA zone of the start where one was named. */
  zone?: string;
  /** How long it runs, from the start; absent: until footage and steps have ended and event windows are closed. */
  forUs?: number;
  /** At least one; the first is meant where none is named. */
  doorbells: ScenarioDoorbell[];
  agencies: ScenarioAgency[];
  partners: ScenarioPartner[];
  broker: 'embedded' | 'mosquitto';
  steps: Step[];
  expect: Expectation[];
}

export interface ScenarioDoorbell {
  name: string;
  /** One after the other; `none` stands alone. */
  camera: CameraPart[];
  /** As in device.json, before defaults: only what the scenario says. Checked by the device's own schema. */
  settings: ScenarioSettings;
  /** At least one; names, not keys. */
  owners: string[];
  place: { longitude: number; latitude: number };
}

/** Settings of device.json that a scenario may say. */
export type ScenarioSettings = Partial<
  Pick<
    DeviceConfig,
    | 'name'
    | 'disclosure'
    | 'motion'
    | 'ring'
    | 'events'
    | 'clip'
    | 'preRollS'
    | 'postRollS'
    | 'stateAgencies'
    | 'searchParty'
  >
>;

/** One source of pictures. */
export type CameraPart =
  | ({
      kind: 'files';
      /** Absolute real paths in order: one, or what a folder or a pattern held. */
      files: string[];
      /** A sound file of its own. */
      sound?: string;
      /** Pictures a second of a sequence of images. */
      fps?: number;
    } & CameraCut)
  /** `synthetic?...`, as `doorsill up --camera` takes it. */
  | ({ kind: 'synthetic'; source: string } & CameraCut)
  /** No camera at all. */
  | { kind: 'none' };

export interface CameraCut {
  /** On the source's own timeline. */
  fromUs: number;
  toUs?: number;
  /** How often it plays. */
  loop: number | 'forever';
  /** When it begins, from the start of the scenario; absent: at once, or when the part before it has ended. */
  atUs?: number;
}

/** The states of the registry, and `unregistered` for an agency that never applied. */
export const AGENCY_STANDINGS = ['approved', 'pending', 'refused', 'suspended', 'revoked', 'unregistered'] as const;
export type AgencyStanding = (typeof AGENCY_STANDINGS)[number];

export interface ScenarioAgency {
  /** How steps call it. */
  id: string;
  /** As it registers. */
  name: string;
  jurisdiction: 'municipal' | 'county' | 'state' | 'federal';
  domain: string;
  contact: Contact;
  profiles: DisclosureProfile[];
  retention: string[];
  standing: AgencyStanding;
  /** Id of the partner through whose channel it asks. */
  partner?: string;
}

export const PARTNER_STANDINGS = ['active', 'suspended', 'ended'] as const;
export type PartnerStanding = (typeof PARTNER_STANDINGS)[number];

export interface ScenarioPartner {
  id: string;
  name: string;
  standing: PartnerStanding;
}

/** Half-open span from the start of the scenario. */
export interface Span {
  fromUs: number;
  toUs: number;
}

/** Inclusive bounds of a count. */
export interface CountRange {
  min: number;
  max: number;
}

/** What a step can wait for, besides a step: the next one of these after the step before it. */
export const STEP_EVENTS = [
  'ring',
  'motion-start',
  'motion-end',
  'event-window',
  'request',
  'granted',
  'denied',
  'revoked',
  'sent',
  'stored',
  'camera-ended',
] as const;
export type StepEvent = (typeof STEP_EVENTS)[number];

export type When =
  | { atUs: number }
  | { after: { step: string } | { event: StepEvent }; plusUs: number }
  /** Right after the step before it. */
  | { next: true };

/** What every step has. */
export interface StepBase {
  when: When;
  /** Its `id`, or the name of the request that it makes. */
  id?: string;
  doorbell: string;
  owner: string;
  /** The step must be refused with this code. */
  fails?: string;
  position: Position;
}

/** `of` names a request by what its step calls it. */
export type StepAction =
  | { verb: 'press'; button: string }
  | {
      verb: 'request';
      as: string;
      agency: string;
      /** A span, or the last microseconds before the step. */
      window: Span | { lastUs: number };
      investigation: string;
      incidentType: string;
      text: string;
      profile: DisclosureProfile;
      retention: string;
      /** `elsewhere`: an area that the doorbell is not in. */
      area: 'here' | 'elsewhere';
      expiresUs: number;
    }
  | {
      verb: 'grant';
      of: string;
      /** Absent: the request's whole window. */
      window?: Span;
      disclose: DisclosureKey[];
      audio: boolean;
      zones: Zone[];
    }
  | { verb: 'deny' | 'ignore' | 'revoke' | 'withdraw' | 'recall'; of: string }
  | { verb: 'privacy'; on: boolean }
  /** Without a span: everything. */
  | { verb: 'forget'; span?: Span }
  | { verb: 'settings'; change: SettingsChange }
  | { verb: 'add-owner' | 'remove-owner'; name: string }
  | { verb: 'reboot' }
  /** `leaves`: of what was not synced. */
  | { verb: 'power-cut'; forUs: number; leaves: PowerCutLeaves }
  | { verb: 'clock'; set: number }
  | { verb: 'clock'; stepUs: number }
  | { verb: 'clock'; driftPpm: number }
  | { verb: 'clock'; trusted: boolean }
  | { verb: 'disk'; is: DiskState }
  | { verb: 'link'; which: 'home' | 'area' | 'bridge'; is: string; trouble: LinkTrouble | 'reset' }
  | { verb: 'part'; part: 'broker' | 'bridge' | 'vault' | 'registry'; is: 'gone' | 'back' }
  | { verb: 'agency'; id: string; standing: AgencyStanding }
  | { verb: 'partner'; id: string; standing: PartnerStanding }
  | {
      verb: 'lost-pet';
      as: string;
      /** Absolute path of a JPEG. */
      photo: string;
      pet: 'dog' | 'cat';
      text: string;
      window: Span | { lastUs: number };
      profile: DisclosureProfile;
    }
  | { verb: 'camera'; is: 'unplugged' | 'back' }
  /** Its times count from the start of the scenario. */
  | { verb: 'camera-fault'; fault: Fault }
  | { verb: 'wait'; forUs: number };

export type Step = StepBase & StepAction;

/** What can be seen of the device's events: its own types. */
export const EXPECTED_EVENTS = [
  'ring',
  'motion-start',
  'motion-end',
  'event-window',
  'camera',
  'hardware',
  'tamper',
] as const;
export type ExpectedEvent = (typeof EXPECTED_EVENTS)[number];

/** A value of an event or of the state that is compared as it is. */
export type PlainValue = string | number | boolean | null;

export const CLIP_OUTCOMES = [
  'pending',
  'ignored',
  'granted',
  'denied',
  'revoked',
  'sent',
  'stored',
  'recalled',
  'failed',
] as const;
export type ClipOutcome = (typeof CLIP_OUTCOMES)[number];

/** `of` names a request by what its step calls it. */
export type ExpectationTerms =
  | {
      kind: 'event';
      event: ExpectedEvent;
      /** Absent: whenever. `at` within a tolerance is a span, too. */
      during?: Span;
      doorbell: string;
      count: CountRange;
      where: Record<string, PlainValue>;
    }
  | { kind: 'no-event'; event: ExpectedEvent; during?: Span; doorbell: string }
  | { kind: 'truth'; file: string; doorbell: string; thresholds: TruthThresholds }
  | {
      kind: 'clip';
      of: string;
      /** So many; or exactly the source's frames from `first` to `last`, both counted from 0 and both inside. */
      frames?: { count: number } | { first: number; last: number };
      /** First and last picture of the clip, from the start of the scenario, within a frame. */
      fromUs?: number;
      toUs?: number;
      method?: 'copy' | 'smart-cut' | 're-encode';
      sha256?: string;
      audio?: boolean;
    }
  | { kind: 'disclosed'; of: string; keys: DisclosureKey[] }
  /** Exactly the clips of these requests were uploaded; empty: nothing was. */
  | { kind: 'uploaded'; requests: string[] }
  /** Without a step, whichever step met it. */
  | { kind: 'error'; code: string; step?: string }
  | { kind: 'outcome'; of: string; is: ClipOutcome }
  | { kind: 'custody'; of: string; is: 'proved' }
  | { kind: 'bridge-bytes-before-grant'; bytes: number }
  | { kind: 'notice'; of: string; reaches: boolean; doorbell: string }
  | { kind: 'log'; noneAbove: 'info' | 'warn' | 'error' }
  /** Null: the ring is empty. */
  | { kind: 'ring-holds'; span: Span | null; doorbell: string }
  | { kind: 'state'; where: Record<string, PlainValue>; doorbell: string }
  | { kind: 'ledger'; is: 'verifies'; doorbell: string }
  /** Absolute path; need not exist. */
  | { kind: 'golden'; file: string };

export type Expectation = ExpectationTerms & { position: Position };

/** Only what the scenario says; the rest are the defaults of sim/truth. */
export interface TruthThresholds {
  minPrecision?: number;
  minRecall?: number;
  maxDelayS?: number;
  maxFalse?: number;
  maxMissed?: number;
  toleranceS?: number;
}
