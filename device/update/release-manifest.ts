// Owns: what a release says of itself: the first file in its archive. Not here: the archive (sim/release writes it), whether it
// fits this machine.
import { z } from 'zod';

/** The manifest's name in the archive; the doorbell reads it before anything else. */
export const MANIFEST_NAME = 'release.json';

/** `1.2.3`, or `1.2.3-beta.1`: what npm allows, but no build metadata, which orders nothing (semver 2.0.0 §10). */
const VERSION = /^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})(-[0-9a-z]{1,16}(\.[0-9a-z]{1,16}){0,3})?$/;

/** What a release is, and the hash of each of its files. */
export const ReleaseManifest = z.strictObject({
  kind: z.literal('doorsill-release'),
  version: z.string().regex(VERSION),
  /** As `process.platform` and `process.arch` say it. */
  platform: z.literal('linux'),
  arch: z.enum(['x64', 'arm64']),
  /** The oldest Node that runs it. */
  node: z.string().regex(/^\d{1,3}\.\d{1,3}\.\d{1,3}$/),
  /** The form of a doorbell's folder that it writes (folder-format.ts). */
  format: z.int().positive(),
  commit: z.string().regex(/^[0-9a-f]{40}$/),
  /** When that commit was made, in seconds. */
  madeS: z.int().nonnegative(),
});

export type ReleaseManifest = z.infer<typeof ReleaseManifest>;
