// Finds which of an owner's doorbells a request or grant belongs to when --device does not name it.
import type { OwnerSession } from '../owner/owner-session.ts';
import type { PairedDevice } from '../owner/paired-devices.ts';
import type { Signer } from '../owner/sign-owner-messages.ts';
import { failure, isFailure } from '../terminal/errors.ts';
import { fetchNotice, receiptsAbout } from '../terminal/owner-requests.ts';
import { type Context, homeAmong, type OwnerOptions, ownerFolder, pairedDevices, withOwner } from './context.ts';
import { type KeptGrant, keptGrants } from './kept-grants.ts';

/**
 * The doorbell that got a request, or whose owner has granted it. Throws `consent_request_unknown` when no doorbell knows it,
 * `doorbell_not_named` when several do or one does not answer; and as `chosenHome`.
 */
export async function homeOfRequest(context: Context, options: OwnerOptions, request: string): Promise<PairedDevice> {
  const homes = await pairedDevices(context, options);
  if (options.device !== undefined || homes.length === 1) return homeAmong(homes, options.device);
  const granted = devicesOf(await keptGrants(context.disk, ownerFolder(options)), request);
  return meant(context, options, homes, async (home, session, signer) => {
    if (granted.has(home.device)) return true;
    return fetchNotice(session, signer, request).then(
      () => true,
      (thrown: unknown) => {
        if (isFailure(thrown) && thrown.code === 'consent_request_unknown') return false;
        throw thrown;
      },
    );
  });
}

/** The doorbell that holds a grant, by its id or its request's. Throws `consent_nothing_to_revoke`, and as `homeOfRequest`. */
export async function homeOfGrant(context: Context, options: OwnerOptions, id: string): Promise<PairedDevice> {
  const homes = await pairedDevices(context, options);
  if (options.device !== undefined || homes.length === 1) return homeAmong(homes, options.device);
  const devices = devicesOf(await keptGrants(context.disk, ownerFolder(options)), id);
  const here = homes.filter(({ device }) => devices.has(device));
  if (here.length > 0) return homeAmong(here, undefined);
  // Another owner may have signed the grant.
  const isAbout: IsMeant = async (_home, session, signer) =>
    (await receiptsAbout(session, signer, id)).some(({ grant }) => grant !== undefined);
  return meant(context, options, homes, isAbout).catch((thrown: unknown) => {
    const isNone = isFailure(thrown) && thrown.code === 'consent_request_unknown';
    throw isNone ? failure('consent_nothing_to_revoke') : thrown;
  });
}

/** The doorbell for which this owner granted something. Throws `usage` when there is none, and as `homeOfRequest`. */
export async function homeOfKeptGrant(context: Context, options: OwnerOptions, id: string): Promise<PairedDevice> {
  const homes = await pairedDevices(context, options);
  if (options.device !== undefined || homes.length === 1) return homeAmong(homes, options.device);
  const devices = devicesOf(await keptGrants(context.disk, ownerFolder(options)), id);
  const here = homes.filter(({ device }) => devices.has(device));
  if (here.length === 0) throw failure('usage', { detail: `${id} is not a grant or an answered request of yours` });
  return homeAmong(here, undefined);
}

/** The devices of the grants that have this id or belong to the request of this id. */
function devicesOf(kept: readonly KeptGrant[], id: string): Set<string> {
  return new Set(
    kept.filter(({ claims }) => claims.jti === id || claims.request === id).map(({ claims }) => claims.aud),
  );
}

type IsMeant = (home: PairedDevice, session: OwnerSession, signer: Signer) => Promise<boolean>;

/** Asks all doorbells at once which one is meant. If one does not answer, it may be that one, so the owner must name it. */
async function meant(
  context: Context,
  options: OwnerOptions,
  homes: readonly PairedDevice[],
  isMeant: IsMeant,
): Promise<PairedDevice> {
  const answers = await askEach(context, options, homes, isMeant);
  if (answers.length < homes.length) return homeAmong(homes, undefined);
  const here = answers.flatMap(({ home, answer }) => (answer ? [home] : []));
  if (here.length === 0) throw failure('consent_request_unknown');
  return homeAmong(here, undefined);
}

/**
 * Asks the doorbell that the options name, or all at once. Of several, those that do not answer are reported and left out; throws the
 * failure of a single one.
 */
export async function askDoorbells<Answer>(
  context: Context,
  options: OwnerOptions,
  ask: (session: OwnerSession, signer: Signer) => Promise<Answer>,
): Promise<{ home: PairedDevice; answer: Answer }[]> {
  const all = await pairedDevices(context, options);
  const homes = options.device === undefined ? all : [homeAmong(all, options.device)];
  return askEach(context, options, homes, (_home, session, signer) => ask(session, signer));
}

async function askEach<Answer>(
  context: Context,
  options: OwnerOptions,
  homes: readonly PairedDevice[],
  ask: (home: PairedDevice, session: OwnerSession, signer: Signer) => Promise<Answer>,
): Promise<{ home: PairedDevice; answer: Answer }[]> {
  const asked = homes.map((home) =>
    withOwner(context, options, (session, signer) => ask(home, session, signer), home).then(
      (answer) => [{ home, answer }],
      (thrown: unknown) => {
        if (homes.length === 1) throw thrown;
        context.output.progress(`${home.name} does not answer: ${thrown instanceof Error ? thrown.message : thrown}`);
        return [];
      },
    ),
  );
  return (await Promise.all(asked)).flat();
}
