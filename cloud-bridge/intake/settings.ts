// Owns: the settings of how much a device may bring, and their defaults. Not here: holding uploads to them (intake-admission.ts).
import { z } from 'zod';

const MIB = 1024 * 1024;
const HOUR_S = 3600;

export const intakeRulesSchema = z.strictObject({
  clipBytesMax: z
    .int()
    .positive()
    .default(2_048 * MIB),
  /** Intakes of one device that wait for their bytes. */
  openPerDeviceMax: z.int().positive().default(20),
  /** Bytes announced by one device and not stored yet. */
  openBytesPerDeviceMax: z
    .int()
    .positive()
    .default(8_192 * MIB),
  /** Bytes that one device may bring in a day: its owner can grant without end, and the disk is everybody's. */
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
export type IntakeRules = z.infer<typeof intakeRulesSchema>;
