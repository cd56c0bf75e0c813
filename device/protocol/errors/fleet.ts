// Owns: the failures of a fleet of doorbells: its profile, its size. Not here: the one closed table (../errors.ts).
import { unusableInput, wrongUsage } from './kinds.ts';

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
} as const;
