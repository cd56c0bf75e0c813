// Owns: the failures of scenarios as they are written, and of a replay's start. Not here: the one closed table (../errors.ts).
import { machineFault, refused, unusableInput, wrongUsage } from './kinds.ts';

export const scenarioErrors = {
  start_time_refused: wrongUsage(
    400,
    'The start "{text}" is not one instant: {detail}.',
    'Write an instant with its offset (2026-03-29T01:59:50+01:00) or a local time with its zone (2026-03-29 01:59:50 Europe/Berlin).',
  ),
  scenario_none: unusableInput(
    404,
    'There is no scenario in {path}: {detail}',
    'Name a scenario or a folder of them: files that end in .yaml, .yml or .scenario.ts.',
  ),
  scenarios_unreadable: unusableInput(
    422,
    'No scenario was run. Mistakes in the scenarios, told above: {many}.',
    'Correct them; each line says where and what.',
  ),
  scenario_yaml_refused: unusableInput(
    422,
    '{place}: this is not the plain YAML of a scenario: {detail}',
    'Use maps, lists, texts and numbers; tags, merge keys and several documents are refused.',
  ),
  scenario_word_unknown: unusableInput(
    422,
    '{place}: {detail}',
    'Correct the word; the JSON Schema of scenarios lets an editor complete it.',
  ),
  scenario_value_refused: unusableInput(
    422,
    '{place}: {detail}',
    'Correct the value; the README of sim/scenario/language says what each word takes.',
  ),
  scenario_name_unknown: unusableInput(422, '{place}: {detail}', 'Name something that the scenario has.'),
  scenario_name_twice: unusableInput(422, '{place}: {detail}', 'Give each a name of its own.'),
  scenario_variable_refused: unusableInput(
    422,
    '{place}: {detail}',
    'Define it under variables, in an included file, in the matrix or with --set name=value.',
  ),
  scenario_limit: unusableInput(413, '{place}: {detail}', 'Split it into several scenarios.'),
  scenario_include_refused: unusableInput(
    422,
    '{place}: {detail}',
    'Include a YAML file that does not include this one, by a path relative to this file.',
  ),
  scenario_outside: refused(
    403,
    '{place}: {detail}',
    'A scenario reads only what is in the folder given to the command, also behind links: copy the file there.',
  ),
  scenario_file_missing: unusableInput(
    404,
    '{place}: {detail}',
    'Check the path; it is relative to the file that names it.',
  ),
  scenario_needs_real_time: unusableInput(422, '{place}: {detail}', 'Say `time: real`, or leave the real part out.'),
  mosquitto_failed: machineFault(
    500,
    'No mosquitto runs here: {detail}',
    'Install it, on Debian with `apt install mosquitto`, or leave `broker: mosquitto` out.',
  ),
  scenario_module_failed: machineFault(
    500,
    '{place}: the scenario’s own code failed: {detail}',
    'A module exports one scenario, or a list of them, as its default: `export default defineScenario({ ... })`.',
  ),
} as const;
