// An agency's request to the homes of a fleet's town, at any bridge.
import type { SigningKey } from '../../device/base/keys.ts';
import { askAbout } from '../../sim/fleet/fleet-agency.ts';
import { DEFAULT_PROFILE } from '../../sim/fleet/fleet-profile.ts';
import { type OfficerDeps, postRequest, signFootageRequest } from '../../sim/officer/agency-client.ts';

/** Posts a request about the first area of the town; resolves with its id. `retention`: one that the agency is registered for. */
export async function askFleet(
  deps: OfficerDeps,
  key: SigningKey,
  bridge: { id: string; url: string },
  retention: string,
): Promise<string> {
  const [area] = Object.values(DEFAULT_PROFILE.town.areas);
  if (!area) throw new Error('the town has no area');
  const { id, token } = signFootageRequest(deps, key, bridge.id, {
    ...askAbout(deps, DEFAULT_PROFILE.town, area),
    // An email would have to be at the agency's own domain.
    contact: { name: 'Fleet test', phone: '+1 217 555 0100' },
    retention,
    expiresInS: 3_600,
  });
  await postRequest(bridge.url, token);
  return id;
}
