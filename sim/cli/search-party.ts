// The verb `search-party`. A sighting is answered by the verbs `grant` and `deny`, like a request.

import { join, resolve } from 'node:path';
import { SystemDisk } from '@doorsill/base/disk';
import { cellOf } from '@doorsill/contract/area-cells';
import { cellSchema, PetKind } from '@doorsill/contract/search';
import { DISCLOSURE_PROFILES, type DisclosureProfile } from '@doorsill/contract/shared-claims';
import { readEnrolment } from '@doorsill/device/area-link/enrolment';
import {
  type Context,
  chosenHome,
  doorbellFolder,
  type OwnerOptions,
  openContext,
  ownerFolder,
  withOwnerOptions,
} from '@doorsill/device/cli/context';
import { orderDevice } from '@doorsill/device/cli/doorbell-command-verbs';
import { askDoorbells, homeOfRequest } from '@doorsill/device/cli/home-of-request';
import { loadOrCreateOwnerKey } from '@doorsill/device/owner/owner-key';
import { askStill } from '@doorsill/device/owner/pairing-client';
import { pairingSocketPath } from '@doorsill/device/owner/private-socket';
import { makeStillCall } from '@doorsill/device/owner/sign-owner-messages';
import { parseMoment, printBytes } from '@doorsill/device/terminal/format-units';
import { fetchSightings, showSighting } from '@doorsill/device/terminal/owner-requests';
import { expectOutputFree, writePrivateFile } from '@doorsill/device/terminal/private-output';
import { calledAs } from '@doorsill/device/terminal/shell-words';
import type { Command } from 'commander';
import { type Failure, failure, isFailure } from '../errors.ts';
import { LOSING_THE_KEYS, ownSealing, readKeysIn, SEALING_KEYS_NAME } from '../officer/agency-sealing.ts';
import { disclosedWords } from '../officer/clip-file.ts';
import {
  endSearch,
  fetchClip,
  type GrantedClip,
  grantedClips,
  type PetOwner,
  postSearch,
} from '../pet-owner/pet-owner.ts';

const PHOTO_BYTES_MAX = 8_000_000;
const HOUR_S = 3600;
const HOUR_US = HOUR_S * 1_000_000;
const CLIP_NAME = /^clip-[a-z0-9-]{1,58}$/;

export function addSearchParty(program: Command): void {
  const group = program
    .command('search-party')
    .description('look for lost pets in your own motion events, on the device; post a search for your own pet')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill search-party on
  $ doorsill search-party post --photo biscuit.jpg --kind dog --near -89.64,39.80 --text "Red collar, shy."
  $ doorsill search-party sightings
  $ doorsill search-party still search-77ab --out still.jpg
  $ doorsill grant search-77ab --still
  $ doorsill search-party clips --out ./seen
  $ doorsill search-party found search-77ab`,
    );
  addTurn(group, 'on');
  addTurn(group, 'off');
  addSightings(group);
  addStill(group);
  addPost(group);
  addFound(group);
  addClips(group);
}

function addTurn(group: Command, word: 'on' | 'off'): void {
  withOwnerOptions(group.command(word))
    .description(word === 'on' ? 'take part: the device compares, and notifies only you' : 'stop taking part')
    .addHelpText('after', `\nExample:\n  $ doorsill search-party ${word}`)
    .action(async (options: OwnerOptions, command: Command) => {
      const context = openContext(command);
      const { device } = await orderDevice(context, options, { action: 'search-party', on: word === 'on' });
      const text = word === 'on' ? 'This home takes part in Search Party.' : 'This home takes no part in Search Party.';
      context.output.result({ device, searchParty: word === 'on' }, text);
    });
}

function addSightings(group: Command): void {
  withOwnerOptions(group.command('sightings'))
    .description('list pets that your device may have seen; nobody else learns of them')
    .addHelpText('after', '\nExample:\n  $ doorsill search-party sightings --json')
    .action(async (options: OwnerOptions, command: Command) => {
      const context = openContext(command);
      const found = await askDoorbells(context, options, fetchSightings);
      const isSeveral = found.length > 1;
      const lines = found.flatMap(({ home, answer }) =>
        answer.flatMap((seen) => [...(isSeveral ? [`${home.name}:`] : []), ...showSighting(seen)]),
      );
      const sightings = found.flatMap(({ home: { name: doorbell, device }, answer }) =>
        answer.map(({ request, sighted }) => ({
          search: request.jti,
          kind: request.kind,
          text: request.text,
          sighted,
          doorbell,
          device,
        })),
      );
      context.output.result({ sightings }, lines.join('\n') || 'No lost pet was seen here.');
    });
}

function addStill(group: Command): void {
  withOwnerOptions(group.command('still <search>'))
    .description('save the still of a sighting from the device; it goes nowhere else')
    .requiredOption('--out <file>', 'file for the JPEG')
    .option('--device-data <dir>', "the device's data folder on this machine (default: DATA/doorbell)")
    .addHelpText('after', '\nExample:\n  $ doorsill search-party still search-77ab --out still.jpg')
    .action(async (search: string, options: OwnerOptions & { out: string; deviceData?: string }, command: Command) => {
      const context = openContext(command);
      const out = resolve(options.out);
      await expectOutputFree(out);
      const home = await homeOfRequest(context, options, search);
      const key = await loadOrCreateOwnerKey(context.disk, context.random, join(ownerFolder(options), 'owner.key'));
      const call = makeStillCall({ ...context, key }, home.device, search);
      const folder = resolve(options.deviceData ?? (await doorbellFolder(context, options, home.device)));
      const { jpeg, atUs } = await askStill(context, pairingSocketPath(folder), call.token);
      await writePrivateFile(out, [jpeg]);
      context.output.result({ search, out, atUs, bytes: jpeg.length }, `Wrote ${out} (${printBytes(jpeg.length)}).`);
    });
}

interface BridgeOptions extends OwnerOptions {
  bridge?: string;
}

/** Adds the options of verbs that a pet's owner runs. */
function withBridge(command: Command): Command {
  return withOwnerOptions(command).option('--bridge <url>', "the bridge's address (default: the one of DATA/doorbell)");
}

/** The poster: the owner of a paired doorbell, at that doorbell's bridge. Throws `not_running`, `usage`. */
async function petOwner(context: Context, options: BridgeOptions): Promise<PetOwner> {
  const home = await chosenHome(context, options);
  const key = await loadOrCreateOwnerKey(context.disk, context.random, join(ownerFolder(options), 'owner.key'));
  const signer = { key, clock: context.clock, random: context.random };
  const sealingKeys = await readKeysIn(context.disk, ownerFolder(options));
  if (options.bridge) return { signer, home, bridgeUrl: options.bridge, sealingKeys };
  const folder = await doorbellFolder(context, options, home.device);
  const enrolment = await readEnrolment(context.disk, join(folder, 'enrolment.json'));
  if (!enrolment) throw failure('usage', { detail: 'name the bridge with --bridge URL' });
  return { signer, home, bridgeUrl: enrolment.bridgeUrl, sealingKeys };
}

interface PostOptions extends BridgeOptions {
  photo: string;
  kind: string;
  text: string;
  near?: string;
  cell?: string;
  since?: string;
  hours: string;
  ask: string;
  sealing: string;
}

function addPost(group: Command): void {
  withBridge(group.command('post'))
    .description('post a search for your lost pet around a place, for a few hours')
    .requiredOption('--photo <file>', 'a photo of it; EXIF and place are removed before anybody sees it')
    .requiredOption('--kind <kind>', PetKind.options.join(' or '))
    .requiredOption('--text <text>', 'its looks, and hints for finders')
    .option('--near <lon,lat>', 'place where it was lost; only its cell of about 5 km is published')
    .option('--cell <name>', 'or that cell (geohash of five letters)')
    .option('--since <time>', 'time since it is lost (default: an hour ago)')
    .option('--hours <n>', 'duration of the search', '6')
    .option(
      '--ask <profile>',
      `facts to request of a home that saw it: ${Object.keys(DISCLOSURE_PROFILES).join(', ')}`,
      'nothing',
    )
    .option('--sealing <who>', 'who can open clips: recipient (you alone), or off (the bridge, too)', 'recipient')
    .addHelpText(
      'after',
      `
Doorbells encrypt clips for your search to a key in ${SEALING_KEYS_NAME} beside your owner's key. ${LOSING_THE_KEYS}

Example:
  $ doorsill search-party post --photo biscuit.jpg --kind dog --near -89.64,39.80 --text "Red collar, shy."`,
    )
    .action(async (options: PostOptions, command: Command) => {
      const context = openContext(command);
      const nowUs = context.clock.wallUs();
      const choice = {
        kind: parseKind(options.kind),
        text: options.text,
        cell: parsePlace(options),
        profile: parseProfile(options.ask),
        sinceUs: options.since ? parseMoment(options.since, nowUs) : nowUs - HOUR_US,
        lifeS: parseHours(options.hours),
      };
      if (options.sealing !== 'recipient' && options.sealing !== 'off')
        throw failure('usage', { detail: '--sealing takes recipient or off' });
      const bytes = await context.disk.readFile(resolve(options.photo), PHOTO_BYTES_MAX).catch(() => null);
      if (!bytes) throw failure('search_photo_invalid', { detail: `${options.photo} cannot be read, or is too large` });
      const owner = await petOwner(context, options);
      const photo = { name: options.photo, bytes: new Uint8Array(bytes) };
      const sealing = options.sealing === 'off' ? null : await ownSealing(context, ownerFolder(options));
      if (sealing) context.output.progress(LOSING_THE_KEYS);
      const posted = await postSearch(owner, photo, { ...choice, ...(sealing ? { sealing } : {}) });
      const { search, expiresS, photo: plain } = posted;
      const untilUs = expiresS * 1_000_000;
      context.output.result(
        { search, cell: choice.cell, expiresS, photoBytes: plain.length, sealing },
        [
          `Posted ${search}: participating homes around ${choice.cell} look for it for ${Math.round((untilUs - nowUs) / HOUR_US)} h.`,
          `Clips for it are ${sealing ? 'encrypted: only you can open them' : 'not encrypted: the bridge can read them'}.`,
          `When it is found: ${calledAs()} search-party found ${search}`,
        ].join('\n'),
      );
    });
}

function parseKind(text: string): PetKind {
  const kind = PetKind.options.find((one) => one === text);
  if (!kind) throw failure('usage', { detail: `--kind is ${PetKind.options.join(' or ')}, not "${text}"` });
  return kind;
}

function parseProfile(text: string): DisclosureProfile {
  if (text === 'nothing' || text === 'address-and-email' || text === 'name-email-phone') return text;
  throw failure('usage', { detail: `--ask is one of ${Object.keys(DISCLOSURE_PROFILES).join(', ')}` });
}

function parseHours(text: string): number {
  const hours = Number(text);
  if (!(hours > 0 && hours <= 24)) throw failure('usage', { detail: '--hours is more than 0 and at most 24' });
  return Math.round(hours * HOUR_S);
}

function parsePlace({ near, cell }: Pick<PostOptions, 'near' | 'cell'>): string {
  if ((near === undefined) === (cell === undefined)) throw failure('usage', { detail: 'name --near or --cell' });
  if (cell !== undefined) {
    if (!cellSchema.safeParse(cell).success) throw failure('usage', { detail: `"${cell}" is not a cell` });
    return cell;
  }
  const [longitude = Number.NaN, latitude = Number.NaN, ...rest] = (near ?? '').split(',').map(Number);
  const isPlace = rest.length === 0 && Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90;
  if (!isPlace) throw failure('usage', { detail: '--near takes longitude,latitude in degrees' });
  return cellOf({ longitude, latitude });
}

function addFound(group: Command): void {
  withBridge(group.command('found <search>'))
    .description('end a search: homes stop looking')
    .addHelpText('after', '\nExample:\n  $ doorsill search-party found search-77ab')
    .action(async (search: string, options: BridgeOptions, command: Command) => {
      const context = openContext(command);
      const ended = await endSearch(await petOwner(context, options), search);
      context.output.result({ ...ended }, `Ended ${search}. Welcome home.`);
    });
}

function addClips(group: Command): void {
  withBridge(group.command('clips'))
    .description(
      'list the clips and stills of your lost pet that other doorbells’ owners granted to you; nobody else can read them',
    )
    .option('--out <dir>', 'folder to write them into, each with its manifest')
    .addHelpText('after', '\nExample:\n  $ doorsill search-party clips --out ./seen')
    .action(async (options: BridgeOptions & { out?: string }, command: Command) => {
      const context = openContext(command);
      const owner = await petOwner(context, options);
      const clips = await grantedClips(owner);
      const folder = options.out === undefined ? null : resolve(options.out);
      const lines: string[] = [];
      const seen: object[] = [];
      let refusal: Failure | null = null;
      for (const clip of clips) {
        lines.push(`${clip.request}  ${clip.clip}  ${printBytes(clip.bytes)}`);
        const saved = folder === null ? { facts: {}, lines: [] } : await saveClip(owner, clip, folder);
        seen.push({ ...clip, ...('refusal' in saved ? { refused: saved.refusal.message } : saved.facts) });
        lines.push(...saved.lines);
        if ('refusal' in saved) refusal ??= saved.refusal;
      }
      context.output.result({ clips: seen }, lines.join('\n') || 'Nothing was granted to you.');
      // Every other clip was saved before this one's refusal ends the command.
      if (refusal) throw refusal;
    });
}

/** A clip that was saved with its statement, or the refusal of one of which nothing is shown. */
type Saved = { facts: object; lines: string[] } | { refusal: Failure; lines: string[] };

/** Saves a clip once it is checked. Throws where the reason is not the clip. */
async function saveClip(owner: PetOwner, clip: GrantedClip, folder: string): Promise<Saved> {
  if (!CLIP_NAME.test(clip.clip)) throw failure('verify_failed', { detail: 'the id of a clip is not valid' });
  try {
    const { bytes, manifest, manifestToken, disclosed, zones, isReported } = await fetchClip(owner, clip);
    const file = join(folder, `${clip.clip}.mp4`);
    await new SystemDisk('named').makeFolder(folder);
    await writePrivateFile(file, [bytes]);
    await writePrivateFile(join(folder, `${clip.clip}.manifest.jws`), [manifestToken]);
    const black = zones ? [`  zones      ${zones} black in each of ${manifest.frames} frames`] : [];
    return {
      facts: { file, disclosed, zones, isReported },
      lines: [`  disclosed  ${disclosedWords({ disclosed })}`, ...black, `  written to ${file}`],
    };
  } catch (thrown) {
    if (!isFailure(thrown) || thrown.code !== 'clip_unopened') throw thrown;
    return { refusal: thrown, lines: [`  not written: ${thrown.message}`] };
  }
}
