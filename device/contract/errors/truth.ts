// Owns: the failures of ground truth: its file, what it is converted from, and sweeping settings over it. Not here: the one closed table (../errors.ts).
import { unusableInput, wrongUsage } from './kinds.ts';

export const truthErrors = {
  truth_unreadable: unusableInput(
    400,
    'The ground truth {file} cannot be read: {detail}',
    'Name a JSON file of at most 4 MB; `doorsill truth convert` makes one from MOT, PETS or CVAT annotations.',
  ),
  truth_invalid: unusableInput(
    422,
    'The ground truth {file} is not valid: {detail}',
    'Correct the named place; times are seconds from the footage’s first picture.',
  ),
  truth_wrong_units: unusableInput(
    422,
    'The times in the ground truth {file} are not seconds: {detail}',
    'Divide milliseconds by 1000, or frame numbers by the frame rate; times are seconds from the footage’s first picture.',
  ),
  truth_overlap: unusableInput(
    422,
    'Two spans of the ground truth {file} overlap: {detail}',
    'Make one span of them, or give each the camera that sees it.',
  ),
  truth_other_footage: unusableInput(
    422,
    'The ground truth {file} is not for this footage: {detail}',
    'Name the file that was labelled, or correct durationS if only that is wrong.',
  ),
  annotations_invalid: unusableInput(
    422,
    'The annotations {file} cannot be converted: {detail}',
    'Export them anew as MOT 1.1 (CSV) or as CVAT for video 1.1 (XML), and check the options of the conversion.',
  ),
  tune_impossible: wrongUsage(
    400,
    'There is nothing to choose from: {detail}',
    'Name footage with something in it, and 1 to 256 settings to try.',
  ),
} as const;
