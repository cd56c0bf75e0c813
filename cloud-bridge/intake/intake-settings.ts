import { z } from 'zod';

const MIB = 1024 * 1024;
const HOUR_S = 3600;

export const IntakeRules = z.strictObject({
  clipBytesMax: z
    .int()
    .positive()
    .default(2_048 * MIB),
  /** Intakes of one device that still wait for bytes. */
  openPerDeviceMax: z.int().positive().default(20),
  /** Bytes announced by one device and not stored yet. */
  openBytesPerDeviceMax: z
    .int()
    .positive()
    .default(8_192 * MIB),
  /** Bytes that one device may upload in a day: an owner can grant without limit, and all devices share the disk. */
  dayBytesPerDeviceMax: z
    .int()
    .positive()
    .default(16_384 * MIB),
  /** Space that must stay free on the disk. */
  freeBytesMin: z
    .int()
    .nonnegative()
    .default(256 * MIB),
  /** How often one clip's upload may start over. */
  creationsMax: z.int().positive().default(200),
  uploadTokenLifeSMax: z
    .int()
    .positive()
    .default(24 * HOUR_S),
});
export type IntakeRules = z.infer<typeof IntakeRules>;
