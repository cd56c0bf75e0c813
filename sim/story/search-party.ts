// The story of Search Party: a dog is lost, a neighbour's doorbell may have seen it, and only that neighbour learns so; a clip that they
// grant reaches only the dog's owner.
import { join } from 'node:path';
import { sha256Hex } from '@doorsill/base/keys';
import { cellOf } from '@doorsill/contract/area-cells';
import type { Receipt } from '@doorsill/contract/home-messages';
import { plainJpegSize } from '@doorsill/contract/plain-jpeg';
import type { VerifiedSighting } from '@doorsill/contract/read-sighting';
import type { Window } from '@doorsill/contract/shared-claims';
import { giveOrder } from '@doorsill/device/owner/give-command';
import { askStill } from '@doorsill/device/owner/pairing-client';
import { pairingSocketPath } from '@doorsill/device/owner/private-socket';
import { makeGrant, makeRevoke, makeStillCall } from '@doorsill/device/owner/sign-owner-messages';
import { failure } from '../errors.ts';
import { signAccess } from '../officer/agency-client.ts';
import { endSearch, fetchClip, grantedClips, type PetOwner, postSearch } from '../pet-owner/pet-owner.ts';
import { drawDogPhoto } from '../porch/dog-art.ts';
import { DEMO_HOME } from '../testbed/testbed.ts';
import { testbedPaths } from '../testbed/testbed-folder.ts';
import { sendDecision } from './send-decision.ts';
import type { StoryDeps } from './story-deps.ts';
import { Stage } from './story-testbed.ts';

const CAMERA = 'synthetic?size=640x360&play=dog&audio=off';
/** The home of Biscuit's owner, in a neighbouring cell. */
const PET_OWNERS_PLACE = { longitude: -89.61, latitude: 39.82 };
/** The drawn dog appears every 24 s. */
const DOG_MS_MAX = 90_000;
const SILENCE_MS = 3_000;
const STILL_US = 1_000;
const FILE_BYTES_MAX = 64 * 1024 * 1024;

export function runSearchPartyStory(deps: StoryDeps & { logLevel: string }, signal: AbortSignal): Promise<void> {
  const device = { preRollS: 2, postRollS: 1 };
  const options = { name: 'search-party', logLevel: deps.logLevel, camera: CAMERA, device };
  return Stage.run(options, deps, signal, async (stage) => {
    const owner = await moveIn(stage);
    await silence(stage);
    const search = await lost(stage, owner);
    const sighting = await seen(stage, owner, search);
    const clip = await granted(stage, owner, sighting);
    await noPlace(stage, owner);
    await found(stage, owner, sighting, clip);
  });
}

/** Adds a second home to the testbed: that of the dog's owner. */
async function moveIn(stage: Stage): Promise<PetOwner> {
  const { deps, facts, testbed } = stage;
  const settings = { name: 'Biscuit’s home', place: PET_OWNERS_PLACE, disclosure: {} };
  const { home, ownerKey } = await testbed.addHome('pet', facts, {
    camera: 'synthetic?size=320x180&audio=off',
    settings,
  });
  stage.say('Two homes: Robin’s, whose doorbell looks at a porch, and Sam’s, who has lost Biscuit, a brown dog.');
  return { signer: { key: ownerKey, clock: deps.clock, random: deps.random }, home, bridgeUrl: stage.bridge.url };
}

/** A home that takes no part, until its owner turns Search Party on. */
async function silence(stage: Stage): Promise<void> {
  const state = await stage.session.waitFor<boolean>(
    'the state',
    DOG_MS_MAX,
    (heard) => ({
      state: ({ searchParty }) => heard(searchParty),
    }),
    undefined,
    stage.signal,
  );
  stage.prove('a home takes no part in Search Party until its owner says so', state === false);
  await giveOrder(stage.session, stage.signer, { action: 'search-party', on: true }, DOG_MS_MAX, stage.signal);
  stage.say('Robin turns it on, by a signed order to the doorbell. The bridge does not learn of it.');
}

/** Sam, the dog's owner, posts a search. */
async function lost(stage: Stage, owner: PetOwner): Promise<string> {
  const { clock } = stage.deps;
  const bytes = new Uint8Array(await drawDogPhoto());
  const choice = {
    kind: 'dog' as const,
    text: 'Biscuit, brown, red collar. Shy: please do not chase her.',
    profile: 'nothing' as const,
    cell: cellOf(PET_OWNERS_PLACE),
    sinceUs: clock.wallUs() - 3_600_000_000,
    lifeS: 6 * 3600,
  };
  const posted = await postSearch(owner, { name: 'biscuit.jpg', bytes }, choice);
  stage.say(`Sam posts a photo, the time, and a cell of about 5 km (${choice.cell}), for six hours.`, {
    search: posted.search,
  });
  stage.prove(
    'the photo says where it was taken when it is sent, and is a bare picture when it is published',
    holds(bytes, 'Exif') &&
      !holds(posted.photo, 'Exif') &&
      plainJpegSize(posted.photo) !== null &&
      plainJpegSize(bytes) === null,
  );
  await stage.refused('A second search of the same home', 'search_limits', () =>
    postSearch(owner, { name: 'biscuit.jpg', bytes }, choice),
  );
  return posted.search;
}

/** A dog passes Robin's doorbell. */
async function seen(stage: Stage, owner: PetOwner, search: string): Promise<VerifiedSighting> {
  const { session, deps } = stage;
  const sighting = await session.waitFor<VerifiedSighting>(
    'a sighting',
    DOG_MS_MAX,
    (heard) => ({
      sighting: (one) => one.request.jti === search && heard(one),
    }),
    undefined,
    stage.signal,
  );
  const [best] = sighting.sighted;
  stage.say(
    `A dog trots over Robin’s porch. The doorbell compares by itself, and tells Robin: ${Math.round(best.likeness * 100)} % alike.`,
  );
  const socket = pairingSocketPath(testbedPaths(stage.folder).doorbell);
  const { jpeg } = await askStill(deps, socket, makeStillCall(stage.signer, session.home.device, search).token);
  stage.prove('Robin sees the still on the doorbell itself', plainJpegSize(jpeg) !== null && jpeg.length > 1_000);
  await stage.refused('Sam’s call for that still', 'token_unknown_signer', () =>
    askStill(deps, socket, makeStillCall(owner.signer, session.home.device, search).token),
  );
  await deps.clock.sleep(SILENCE_MS, stage.signal);
  stage.prove('a sighting alone gives Sam nothing', (await grantedClips(owner)).length === 0);
  stage.prove(
    'and leaves nothing at the bridge',
    (await deps.disk.list(join(stage.bridge.folder, 'clips'))).length === 0,
  );
  return sighting;
}

/** Robin, the camera's owner, decides. */
async function granted(stage: Stage, owner: PetOwner, sighting: VerifiedSighting): Promise<Given> {
  const [best] = sighting.sighted;
  const still = await give(stage, sighting, { startUs: best.stillUs, endUs: best.stillUs + STILL_US });
  const [first] = await grantedClips(owner);
  stage.prove(
    'Robin grants one still: Sam gets a clip of exactly one frame',
    first !== undefined && still.clip?.frames === 1,
  );
  await takeBack(stage, still);
  stage.prove('Robin takes it back: Sam has nothing again', (await grantedClips(owner)).length === 0);
  const clip = await give(stage, sighting, best.window);
  const [second] = await grantedClips(owner);
  if (!second) throw failure('story_failed', { story: 'search-party', detail: 'Sam finds the granted clip' });
  const { bytes, manifest, disclosed } = await fetchClip(owner, second);
  stage.prove(
    'Robin grants the clip: Sam’s bytes are the ones the doorbell sealed',
    (clip.clip?.sealed?.clipBytes ?? clip.clip?.bytes) === bytes.length && clip.clip?.sha256 === manifest.clipSha256,
  );
  stage.prove('with nothing about Robin in it, for that is the default', Object.keys(disclosed).length === 0);
  stage.prove('no agency finds it among its clips', (await stage.clips()).length === 0);
  const bearer = signAccess(stage.deps, stage.facts.agencyKey, stage.bridge.id, {
    clip: second.clip,
    officer: 'badge 7',
    reason: 'a story',
  });
  await stage.refused('An agency that knows the clip’s id', 'clip_unknown', () =>
    stage.get(`/v1/clips/${second.clip}`, bearer),
  );
  stage.prove('and the search is on no page of community requests', !(await stage.feed()).has(sighting.request.jti));
  return clip;
}

/** The clip of a grant, and what is needed to revoke the grant. */
interface Given {
  clip: Receipt['clip'];
  named: { request: string; grant: string; grantSha256: string };
}

async function give(stage: Stage, sighting: VerifiedSighting, window: Window): Promise<Given> {
  const { session, signer } = stage;
  const request = sighting.request.jti;
  const grant = makeGrant(signer, sighting, { window });
  const { clip } = await sendDecision(session, 'grant', grant, DOG_MS_MAX, ['sent']);
  stage.say(`Robin grants ${clip?.frames} frame(s), by the same signed consent as for every clip.`, { clip });
  return { clip, named: { request, grant: grant.jti, grantSha256: sha256Hex(grant.token) } };
}

async function takeBack(stage: Stage, { named }: Given): Promise<void> {
  const { session, signer } = stage;
  const revoke = makeRevoke(signer, session.home.device, named);
  await session.waitFor<void>(
    'the end of the clip',
    DOG_MS_MAX,
    (done) => ({ receipt: (one) => one.grant === named.grant && one.outcome === 'deleted' && done() }),
    () => session.answer(named.request, 'revoke', revoke.token),
    stage.signal,
  );
}

/** Looks for Robin's place and personal data in all files of the bridge and in all that Sam received. */
async function noPlace(stage: Stage, owner: PetOwner): Promise<void> {
  const { disk } = stage.deps;
  const { longitude, latitude } = DEMO_HOME.place;
  const secrets = [String(longitude), String(latitude), ...Object.values(DEMO_HOME.disclosure)];
  const texts: Uint8Array[] = [];
  for (const folder of ['', 'clips', 'ready', 'staging']) {
    for (const name of await disk.list(join(stage.bridge.folder, folder))) {
      const bytes = await disk.readFile(join(stage.bridge.folder, folder, name), FILE_BYTES_MAX).catch(() => null);
      if (bytes) texts.push(bytes);
    }
  }
  for (const clip of await grantedClips(owner)) {
    const { bytes, manifest, disclosed } = await fetchClip(owner, clip);
    texts.push(bytes, new TextEncoder().encode(JSON.stringify({ manifest, disclosed })));
  }
  const read = texts.reduce((sum, text) => sum + text.length, 0);
  stage.say(
    `Looking for Robin’s place, name, address, email and phone in ${texts.length} files of the bridge and of Sam’s, ${read} bytes.`,
  );
  stage.prove(
    'the camera owner’s location leaks neither to the bridge nor to the pet’s owner',
    texts.length > 3 &&
      texts.some((text) => holds(text, 'SQLite format 3')) &&
      texts.every((text) => secrets.every((secret) => !holds(text, secret))),
  );
}

/** Biscuit is found. */
async function found(stage: Stage, owner: PetOwner, sighting: VerifiedSighting, clip: Given): Promise<void> {
  const id = sighting.request.jti;
  const ended = await endSearch(owner, id);
  stage.say('Biscuit is back. Sam ends the search.');
  await stage.session.waitFor<void>(
    'the end of the search at the doorbell',
    DOG_MS_MAX,
    (done) => ({
      state: ({ requests }) => requests.every(({ request }) => request !== id) && done(),
    }),
    undefined,
    stage.signal,
  );
  stage.prove('devices hear that the pet is found, and look no more', ended.state === 'ended');
  await takeBack(stage, clip);
  stage.prove('Robin can still take the clip back', (await grantedClips(owner)).length === 0);
  await stage.refused('A grant after the end', 'consent_request_cancelled', () =>
    stage.grant(sighting, sighting.sighted[0].window),
  );
}

function holds(bytes: Uint8Array, text: string): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(text);
}
