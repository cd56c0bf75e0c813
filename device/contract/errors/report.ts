// Owns: the failures of reports of test runs. Not here: the one closed table (../errors.ts).
import { machineFaultForNow, unusableInput } from './kinds.ts';

export const reportErrors = {
  report_unwritten: machineFaultForNow(
    507,
    'The report could not be written into {folder}: {detail}',
    'Free space or name another folder. What was there before is whole.',
  ),
  report_unreadable: unusableInput(
    400,
    '{file} is no report of a run that this doorsill can read: {detail}',
    'Name a report.json that was written by this version.',
  ),
} as const;
