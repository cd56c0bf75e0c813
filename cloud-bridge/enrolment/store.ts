// Owns: what enrolment must store. Not here: how (sql-enrolments.ts).

/** A device the bridge knows: its id is derived from its key. */
export interface EnrolledDevice {
  device: string;
  key: string;
  enrolledS: number;
}

export interface EnrolmentStore {
  /** Stores a code as its secret's hash only; deletes codes that have expired. */
  addCode(secretSha256: string, expiresS: number, nowS: number): Promise<void>;
  /**
   * Marks a code as used and adds the device, in one step; false when the code is unknown, expired, or was used
   * by another key. The same key may repeat it until it expires: the first answer may have been lost.
   */
  redeem(secretSha256: string, device: EnrolledDevice): Promise<boolean>;
  /** The device's pinned key; null when it is not enrolled. */
  deviceKey(device: string): Promise<string | null>;
}
