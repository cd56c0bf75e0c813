// Searches everything that a device leaves besides network traffic: output, delivered messages, files, raw disk.
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { DiskImage } from './disk-image.ts';
import { BLOCK_BYTES, describeFinding } from './fingerprints.ts';
import type { Secrets } from './secrets.ts';
import { unfold } from './unfold.ts';
import { noticeTexts } from './verdict.ts';
import type { World } from './world.ts';

/** One searched place. */
export interface Place {
  name: string;
  bytes: number;
  found: string[];
  /** Whether a leak planted there was found. */
  controlFound?: boolean;
  /** Number of pieces found of clips that are not encrypted, where those are expected. */
  shown?: number;
}

/** The device's own files with keys and private texts that it needs: allowed only there. */
const KEEPS_ITS_OWN = /^doorbell\/(device\.json|device\.key|wrapping\.key|enrolment\.json)$/;
/** The ledger contains the values that went with clips, and no others. */
const LEDGER = 'doorbell/consent/ledger.jsonl';
const DELIVERED = 'MQTT as delivered';
/** Larger files are searched without decoding. */
const UNFOLDED_BYTES_MAX = 4 * 1024 * 1024;

/** Searches a stopped device, each place again with a planted leak, and unmounts its disk. */
export async function searchPlaces(world: World, secrets: Secrets): Promise<Place[]> {
  const leak = [...secrets.samples.values()].find(({ bytes }) => bytes.length > 400)?.bytes ?? Buffer.alloc(0);
  const encoded = Buffer.from(leak).toString('base64');
  const log = world.up.device.printed;
  const places = [printed(log, secrets), delivered(world.delivered, secrets), await files(world, secrets)];
  const message = { topic: 'doorsill/v1/leak', payload: Buffer.from(JSON.stringify([...leak])) };
  const controls = [
    printed(`${log}{"picture":"${encoded}"}`, secrets),
    // Each message is searched by itself.
    delivered([message], secrets),
  ];
  if (world.image) places.push(await image(world.image, secrets));
  await world.image?.mountAgain();
  const file = await open(join(world.disk, 'leak'), 'w');
  await file.write(leak);
  await file.sync();
  await file.close();
  controls.push(await files(world, secrets));
  // Removes its name, not its bytes on the disk.
  await rm(join(world.disk, 'leak'));
  if (world.image) controls.push(await image(world.image, secrets));
  return places.map((place, at) => ({
    ...place,
    controlFound: (controls[at]?.found.length ?? 0) > (place.name === DELIVERED ? 0 : place.found.length),
  }));
}

/** Searches a text for people. */
export function printed(text: string, secrets: Secrets): Place {
  const bytes = Buffer.from(text);
  const layers = unfold(bytes);
  const found = [secrets.footage, secrets.never, secrets.texts].flatMap((set) => set.findIn(layers));
  return { name: 'log and output', bytes: bytes.length, found: found.map((each) => describeFinding(each, 'the log')) };
}

function delivered(messages: World['delivered'], secrets: Secrets): Place {
  const found = messages.flatMap(({ topic, payload }) => {
    const shown = topic.endsWith('/request') ? noticeTexts(payload) : [];
    const layers = unfold(payload);
    const findings = [secrets.footage, secrets.never, secrets.texts].flatMap((set) => set.findIn(layers));
    return findings.filter(({ secret }) => !shown.includes(secret)).map((each) => describeFinding(each, topic));
  });
  return { name: DELIVERED, bytes: messages.reduce((sum, { payload }) => sum + payload.length, 0), found };
}

/** Every file: no plain footage, and keys and private texts only where they belong. */
async function files(world: World, secrets: Secrets): Promise<Place> {
  const place: Place = { name: 'files', bytes: 0, found: [] };
  for (const path of [...(await filesUnder(world.disk)), ...(await filesUnder(world.cwd))]) {
    const name = relative(world.disk, path);
    const bytes = await readFile(path);
    place.bytes += bytes.length;
    if (name.startsWith('tmp/') || name.startsWith('../cwd/')) place.found.push(`${name} was left behind`);
    const isLarge = bytes.length > UNFOLDED_BYTES_MAX;
    const layers = isLarge ? [] : unfold(bytes);
    const frames = isLarge
      ? secrets.footage.findBare(bytes)
      : secrets.footage.findIn(layers).map((each) => describeFinding(each, ''));
    place.found.push(...frames.map((each) => `${each} ${name}`));
    if (isLarge || KEEPS_ITS_OWN.test(name)) continue;
    // Sealed records belong into the ring, which is large.
    const others = [...secrets.never.findIn(layers), ...secrets.texts.findIn(layers)];
    const allowed = name === LEDGER ? [...world.disclosed].map((key) => `value ${key}`) : [];
    const foreign = others.filter(({ secret }) => !allowed.includes(secret));
    place.found.push(...foreign.map((each) => describeFinding(each, name)));
  }
  return place;
}

export async function filesUnder(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  const paths = names.map((name) => join(folder, name)).filter((path) => !path.includes('lost+found'));
  const kinds = await Promise.all(paths.map(async (path) => (await stat(path)).isFile()));
  return paths.filter((_, at) => kinds[at]);
}

/** The raw disk: deleted files and slack. */
async function image(disk: DiskImage, secrets: Secrets): Promise<Place> {
  const place: Place = { name: 'disk image', bytes: 0, found: [] };
  await disk.unmount();
  for await (const piece of disk.pieces(BLOCK_BYTES - 1)) {
    place.bytes += piece.length;
    place.found.push(...secrets.footage.findBare(piece).map((each) => `${each} in the disk image`));
  }
  return place;
}
