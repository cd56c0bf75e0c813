// Owns: the failures of a fleet of doorbells: its profile, its size, its scenes, its room on the machine, whom it may load. Not here: the one
// closed table (../errors.ts).
import { machineFault, refused, unusableInput, wrongUsage } from './kinds.ts';

export const fleetErrors = {
  fleet_profile_unreadable: unusableInput(
    404,
    'The fleet profile {file} cannot be read: {detail}',
    'Name a file of YAML or JSON; without --profile the defaults hold.',
  ),
  fleet_profile_invalid: unusableInput(
    422,
    'The fleet profile is not valid: {place}: {detail}',
    'Correct the named words; the README of sim/fleet says what each takes, and its JSON Schema lets an editor complete them.',
  ),
  fleet_size_refused: wrongUsage(400, 'The fleet cannot be drawn: {what} is {given}.', 'It takes {takes}.'),
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
    'This command loads what it talks to. If that is yours to load, say --beyond-this-machine.',
  ),
} as const;
