// Owns: what enrolment needs remembered. Not here: how (sql-enrolments.ts).

/** A device the bridge knows: its id follows from its key. */
export interface EnrolledDevice {
  device: string;
  key: string;
  enrolledS: number;
}

export interface EnrolmentStore {
  /** Remembers a code by its secret's hash alone; forgets codes that have expired. */
  addCode(secretSha256: string, expiresS: number, nowS: number): Promise<void>;
  /**
   * Uses a code up for a device and enters the device, in one step; false when the code is unknown, expired, or was used
   * by another key. The same key may repeat it until it expires: the answer may have been lost on the way.
   */
  redeem(secretSha256: string, device: EnrolledDevice): Promise<boolean>;
  /** The device's pinned key; null when it is not enrolled. */
  deviceKey(device: string): Promise<string | null>;
}
