// An agency that asks the homes of a fleet's town at any bridge, and downloads what they granted.
import { createHash } from 'node:crypto';
import type { SigningKey } from '../../device/base/keys.ts';
import { failure, isFailure } from '../../sim/errors.ts';
import { askAbout } from '../../sim/fleet/fleet-agency.ts';
import { DEFAULT_PROFILE } from '../../sim/fleet/fleet-profile.ts';
import {
  type ClipEntry,
  type OfficerDeps,
  postRequest,
  signAccess,
  signFootageRequest,
} from '../../sim/officer/agency-client.ts';
import { call, operationUrl } from '../../sim/officer/service-client.ts';

export interface BridgeAddress {
  id: string;
  url: string;
}

/** The bridge at an address, with its id, to which calls are addressed. */
export async function bridgeAt(url: string): Promise<BridgeAddress> {
  return { id: (await call({ url }, 'readBridge')).id, url };
}

/** Posts a request about the first area of the town; resolves with its id. `retention`: one that the agency is registered for. */
export async function askFleet(
  deps: OfficerDeps,
  key: SigningKey,
  bridge: BridgeAddress,
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

/**
 * Downloads a whole clip and compares its length and hash with the list's; `handed-over` where the bridge redirects to the vault, which needs a
 * token of its own. Throws `unreachable` where a fault cut or refused the download.
 */
export async function downloadWhole(
  deps: OfficerDeps,
  key: SigningKey,
  bridge: BridgeAddress,
  { clip, bytes, sha256 }: ClipEntry,
): Promise<'whole' | 'handed-over' | 'broken'> {
  const bearer = signAccess(deps, key, bridge.id, { clip, officer: 'fleet', reason: 'what arrived' });
  const unreachable = (detail: string) => failure('unreachable', { what: 'the bridge', where: bridge.url, detail });
  try {
    const response = await fetch(operationUrl(bridge.url, 'downloadClip', { clip }), {
      redirect: 'manual',
      headers: { authorization: `Bearer ${bearer}` },
      signal: AbortSignal.timeout(60_000),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      if (response.status === 303) return 'handed-over';
      throw unreachable(`it answered with status ${response.status}`);
    }
    const read = new Uint8Array(await response.arrayBuffer());
    return read.length === bytes && createHash('sha256').update(read).digest('hex') === sha256 ? 'whole' : 'broken';
  } catch (thrown) {
    throw isFailure(thrown) ? thrown : unreachable(thrown instanceof Error ? thrown.message : String(thrown));
  }
}
