// Owns: the failures of running a fleet of doorbells: its scenes, its room on the machine, whom it may load. Not here: its profile
// (fleet.ts), the one closed table (../errors.ts).
import { machineFault, refused, unusableInput } from './kinds.ts';

export const fleetRunErrors = {
  fleet_scene_unusable: unusableInput(
    422,
    'The scene cannot be made into a loop: {detail}',
    'Use the drawn porch (synthetic), or a video file of 8 s or more.',
  ),
  fleet_too_large: machineFault(
    507,
    '{doorbells} doorbells do not fit on this machine, only {fit}: {detail}',
    'Run fewer, spread them over machines with --shard, or do what the detail says.',
  ),
  fleet_beyond_this_machine: refused(
    403,
    '{option} names {where}, which is not on this machine.',
    'A fleet loads what it talks to. If that is yours to load, say --beyond-this-machine.',
  ),
} as const;
