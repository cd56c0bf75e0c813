// The manifest of a release, the first file in its archive.
import { z } from 'zod';

/** The manifest's name in the archive; the doorbell reads it before anything else. */
export const MANIFEST_NAME = 'release.json';

/** `1.2.3` or `1.2.3-beta.1`, as npm allows, but without build metadata, which has no order (semver 2.0.0 §10). */
const VERSION = /^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})(-[0-9a-z]{1,16}(\.[0-9a-z]{1,16}){0,3})?$/;

/** The facts of a release. */
export const ReleaseManifest = z.strictObject({
  kind: z.literal('doorsill-release'),
  version: z.string().regex(VERSION),
  /** As in `process.platform` and `process.arch`. */
  platform: z.literal('linux'),
  arch: z.enum(['x64', 'arm64']),
  /** The oldest Node that runs it. */
  node: z.string().regex(/^\d{1,3}\.\d{1,3}\.\d{1,3}$/),
  /** The folder format that the release writes (folder-format.ts). */
  format: z.int().positive(),
  commit: z.string().regex(/^[0-9a-f]{40}$/),
  /** Time of that commit in seconds. */
  madeS: z.int().nonnegative(),
});

export type ReleaseManifest = z.infer<typeof ReleaseManifest>;
