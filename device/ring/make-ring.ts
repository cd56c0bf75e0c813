// Makes the ring that the settings name.
import { join } from 'node:path';
import { RingFile, type RingFileOptions } from './ring-file.ts';
import type { Ring } from './ring-interface.ts';
import { RingMemory } from './ring-memory.ts';

/** Returns the ring, not started: in the file `ring` of the device's folder, or in memory. */
export function makeRing(
  settings: { kind: 'file' | 'memory'; bytes: number; retentionS: number },
  folder: string,
  deps: Pick<RingFileOptions, 'disk' | 'clock' | 'random' | 'log' | 'wrapper' | 'cipher' | 'clockTrusted'>,
): Ring {
  const { kind, bytes: bytesMax, retentionS } = settings;
  if (kind === 'file') return new RingFile({ ...deps, path: join(folder, 'ring'), bytesMax, retentionS });
  const { clock, random, cipher } = deps;
  return new RingMemory({ clock, random, cipher, bytesMax, retentionS });
}
