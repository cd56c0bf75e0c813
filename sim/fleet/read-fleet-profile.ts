// Reads a fleet's profile from a file. Faults name file, line and column, and the word that was probably meant.
import { type Disk, systemCode } from '@doorsill/base/disk';
import { assert } from '@doorsill/contract/assert';
import { type Failure, failure } from '../errors.ts';
import { plainOf } from '../scenario/language/located.ts';
import { problemAt, type ScenarioFault, ScenarioProblem } from '../scenario/language/mistakes.ts';
import { schemaFaults } from '../scenario/language/schema-faults.ts';
import { FILE_BYTES_MAX, readYaml } from '../scenario/language/yaml-text.ts';
import { FleetProfile } from './fleet-profile.ts';

/** Only the end of a longer path is shown, so that the fault still fits after it. */
const SHOWN_LENGTH_MAX = 120;

/** Reads a profile of YAML or JSON. Throws `fleet_profile_unreadable`, `fleet_profile_invalid`. */
export async function readFleetProfile(disk: Disk, file: string): Promise<FleetProfile> {
  const unreadable = (detail: string) => failure('fleet_profile_unreadable', { file, detail });
  const bytes = await disk.readFile(file, FILE_BYTES_MAX).catch((thrown: unknown) => {
    const code = systemCode(thrown);
    if (code === null) throw thrown;
    throw unreadable(code === 'EFBIG' ? `it has more than ${FILE_BYTES_MAX} bytes` : code);
  });
  if (!bytes) throw unreadable('it is not there');
  return parseFleetProfile(file, bytes);
}

/**
 * The profile in a file's bytes; `file` names it in failures. Throws `fleet_profile_invalid` with the first fault, and how many there are.
 */
export function parseFleetProfile(file: string, bytes: Uint8Array): FleetProfile {
  try {
    const root = readYaml(file.length > SHOWN_LENGTH_MAX ? `...${file.slice(-SHOWN_LENGTH_MAX)}` : file, bytes);
    if (root.kind !== 'map') throw problemAt('scenario_value_refused', root, 'a profile is a map of words');
    const parsed = FleetProfile.safeParse(plainOf(root), { reportInput: true });
    if (parsed.success) return parsed.data;
    throw invalid(schemaFaults(FleetProfile, parsed.error, root));
  } catch (thrown) {
    if (thrown instanceof ScenarioProblem) throw invalid([thrown.fault]);
    throw thrown;
  }
}

function invalid(faults: readonly ScenarioFault[]): Failure {
  const [first] = faults;
  assert(first !== undefined, 'a profile is refused for a fault');
  const place = `${first.file}:${first.line}:${first.column}`;
  const detail = first.message.slice(place.length + 2).replace(' of a scenario', '');
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  return failure('fleet_profile_invalid', { place, detail: `${detail}${more}` });
}
