// A scenario ready to run: checked, with defaults filled in. Times are integer microseconds, names are resolved, files are absolute paths.

import type { SettingsChange } from '@doorsill/contract/owner-settings';
import type { Contact } from '@doorsill/contract/request';
import type { DisclosureKey, DisclosureProfile, Zone } from '@doorsill/contract/shared-claims';
import type { DeviceConfig } from '@doorsill/device/config';
import type { Fault } from '../../camera-server/faults.ts';
import type { LinkTrouble } from '../../world/link-proxy.ts';
import type { DiskState, PowerCutLeaves } from '../../world/simulated-disk.ts';

/** A position in a file, counted from 1. A scenario in TypeScript always has line 1, column 1. */
export interface Position {
  file: string;
  line: number;
  column: number;
}

/** `virtual` time belongs to the replay, so no part may be real. */
export type ScenarioTime = 'virtual' | 'real';

/** One scenario, or one variant of it. */
export interface Scenario {
  name: string;
  /** Its own file as an absolute path, and its beginning there. */
  position: Position;
  /** Real path of the folder given to `doorsill test`: scenarios may read only this, and golden files are written here. */
  folder: string;
  /** The variant's values of the matrix, as text; empty without a matrix. */
  variant: Record<string, string>;
  description?: string;
  tags: string[];
  seed: number;
  /** Real time after which the run is aborted. */
  timeoutMs: number;
  time: ScenarioTime;
  /** Wall time of the start in microseconds since 1970. */
  startUs: number;
  /** IANA zone of the start, if given. */
  zone?: string;
  /** How long it runs; absent: until footage and steps have ended and event windows are closed. */
  forUs?: number;
  /** At least one; the first is the default. */
  doorbells: ScenarioDoorbell[];
  agencies: ScenarioAgency[];
  partners: ScenarioPartner[];
  broker: 'embedded' | 'mosquitto';
  steps: Step[];
  expect: Expectation[];
}

export interface ScenarioDoorbell {
  name: string;
  /** In order; `none` stands alone. */
  camera: CameraPart[];
  /** As in device.json, without defaults. Checked by the device's own schema. */
  settings: ScenarioSettings;
  /** At least one; names, not keys. */
  owners: string[];
  place: { longitude: number; latitude: number };
}

/** The settings of device.json that a scenario may contain. */
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
      /** Absolute real paths in order: one, or a folder's or pattern's. */
      files: string[];
      /** A separate sound file. */
      sound?: string;
      /** Frame rate of a sequence of images. */
      fps?: number;
    } & CameraCut)
  /** `synthetic?...`, as `doorsill up --camera` takes it. */
  | ({ kind: 'synthetic'; source: string } & CameraCut)
  | { kind: 'none' };

export interface CameraCut {
  /** On the source's own timeline. */
  fromUs: number;
  toUs?: number;
  /** How often it plays. */
  loop: number | 'forever';
  /** When it begins, from the start of the scenario; absent: at once, or at the end of the part before it. */
  atUs?: number;
}

/** The states of the registry, and `unregistered` for an agency that never applied. */
export const AGENCY_STANDINGS = ['approved', 'pending', 'refused', 'suspended', 'revoked', 'unregistered'] as const;
export type AgencyStanding = (typeof AGENCY_STANDINGS)[number];

export interface ScenarioAgency {
  /** Its name in steps. */
  id: string;
  /** Its registered name. */
  name: string;
  jurisdiction: 'municipal' | 'county' | 'state' | 'federal';
  domain: string;
  contact: Contact;
  profiles: DisclosureProfile[];
  retention: string[];
  standing: AgencyStanding;
  /** Id of the partner whose channel it uses. */
  partner?: string;
}

export const PARTNER_STANDINGS = ['active', 'suspended', 'ended'] as const;
export type PartnerStanding = (typeof PARTNER_STANDINGS)[number];

export interface ScenarioPartner {
  id: string;
  name: string;
  standing: PartnerStanding;
}

/** Half-open, from the start of the scenario. */
export interface Span {
  fromUs: number;
  toUs: number;
}

/** Inclusive. */
export interface CountRange {
  min: number;
  max: number;
}

/** Events that a step can wait for: the next one after the step before. */
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
  /** Right after the step before. */
  | { next: true };

/** Common to all steps. */
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

/** `of` is a request's name. */
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
      /** `elsewhere`: an area without the doorbell. */
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
  /** Without a span: all footage. */
  | { verb: 'forget'; span?: Span }
  | { verb: 'settings'; change: SettingsChange }
  | { verb: 'add-owner' | 'remove-owner'; name: string }
  | { verb: 'reboot' }
  /** `leaves`: which unsynced writes remain. */
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

/** Visible events of the device, by its own types. */
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

/** A value of an event or of the state that is compared for equality. */
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

/** `of` is a request's name. */
export type ExpectationTerms =
  | {
      kind: 'event';
      event: ExpectedEvent;
      /** Absent: at any time. `at` with a tolerance is a span, too. */
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
      /** A count; or exactly the source's frames from `first` to `last`, both counted from 0 and included. */
      frames?: { count: number } | { first: number; last: number };
      /** First and last picture of the clip, from the start of the scenario, within a frame. */
      fromUs?: number;
      toUs?: number;
      method?: 'copy' | 'smart-cut' | 're-encode';
      sha256?: string;
      audio?: boolean;
    }
  | { kind: 'disclosed'; of: string; keys: DisclosureKey[] }
  /** Exactly the clips of these requests were uploaded; empty: none. */
  | { kind: 'uploaded'; requests: string[] }
  /** Without `step`: in any step. */
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

/** Only the given ones; sim/truth has the defaults. */
export interface TruthThresholds {
  minPrecision?: number;
  minRecall?: number;
  maxDelayS?: number;
  maxFalse?: number;
  maxMissed?: number;
  toleranceS?: number;
}
