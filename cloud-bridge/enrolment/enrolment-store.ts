/** A device the bridge knows: its id is derived from its key. */
export interface EnrolledDevice {
  device: string;
  key: string;
  enrolledS: number;
}

/** A code without its secret. */
export interface EnrolmentCodeCounts {
  secretSha256: string;
  devicesMax: number;
  enrolled: number;
  expiresS: number;
}

export interface EnrolmentStore {
  /** Stores a code, as its secret's hash only; deletes expired codes. `devicesMax`: devices it lets in, one by default. */
  addCode(secretSha256: string, expiresS: number, nowS: number, devicesMax?: number): Promise<void>;
  /**
   * Counts a device under a code and adds it, in one step; false when the code is unknown, expired, ended or used up. A device that the
   * code has let in may repeat this until the code expires, because the first answer may have been lost.
   */
  redeem(secretSha256: string, device: EnrolledDevice): Promise<boolean>;
  /** Codes that have not expired, the next to expire first. */
  codes(nowS: number): Promise<EnrolmentCodeCounts[]>;
  /** Deletes the code by the start of its hash; false when there is none. Devices that enrolled with it stay enrolled. */
  endCode(sha256Prefix: string): Promise<boolean>;
  /** The device's pinned key; null when it is not enrolled. */
  deviceKey(device: string): Promise<string | null>;
}
