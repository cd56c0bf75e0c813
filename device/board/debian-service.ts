// What the Debian package doorsill-device takes from here: its release is made elsewhere.
import { packagedFiles } from './board-files.ts';
import { PACKAGED_LAUNCHER } from './device-unit.ts';
import { SUBSYSTEMS } from './system-service.ts';

/**
 * The service of the Debian package: the texts of its files by their paths below the root, and the subsystems whose present devices its rules
 * have to be applied to.
 */
export function debianService(): { files: Map<string, string>; subsystems: readonly string[] } {
  const files = packagedFiles({ node: '/usr/bin/node', program: PACKAGED_LAUNCHER, name: 'doorsill' });
  return { files, subsystems: SUBSYSTEMS };
}
