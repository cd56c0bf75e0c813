// Searches what stands behind a device that has stopped: the files and backups of the bridge while it has every clip, what it sends to the
// vault then, and the logs. Clips that are not encrypted are found there by the same search.
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describeFinding, type Finding, SEVERAL_SECRETS } from './fingerprints.ts';
import { LOOPBACK } from './home-flows.ts';
import { filesUnder, type Place } from './places.ts';
import type { Secrets } from './secrets.ts';
import { type Granted, isGrantedFootage } from './sent-clip.ts';
import { unfold } from './unfold.ts';
import type { HandedOver } from './vault-side.ts';
import type { World } from './world.ts';

/** A searched part of a place; `LEAK`: what was planted there. */
interface Part {
  name: string;
  bytes: Uint8Array;
}

const LEAK = 'leak';

/** `grants`: all that were given. `clips`: number of those whose clips are at the bridge, which hands them over now. */
export async function searchBehind(
  world: World,
  secrets: Secrets,
  grants: readonly Granted[],
  clips: number,
): Promise<{ places: Place[]; handedOver: HandedOver[] }> {
  const { fixture, vaultSide, sealing } = world.up;
  const { hop, logFile, backups } = vaultSide;
  const leak = leakOf(secrets);
  const readable = sealing ? [] : grants;
  const search = (name: string, parts: readonly Part[]) => searchParts(name, parts, secrets, readable);
  await world.backUp();
  await writeFile(join(fixture.folder, LEAK), leak);
  await writeFile(join(backups, LEAK), gzipSync(leak));
  const places = [
    search('files of the bridge', await partsUnder(fixture.folder)),
    search('backups of the bridge', await partsUnder(backups)),
  ];
  await rm(join(fixture.folder, LEAK));
  const handedOver = await vaultSide.handOver(fixture, clips);
  await post(hop.port, leak);
  const sent = (hop.passed ?? []).flatMap(({ up, down }) => {
    const said = Buffer.concat(up);
    const name = said.includes(`POST /${LEAK} `) ? LEAK : 'a connection';
    return [
      { name, bytes: said },
      { name: 'an answer', bytes: Buffer.concat(down) },
    ];
  });
  places.push(search('bridge to vault', sent));
  const log = await readFile(logFile);
  const { shown: _none, ...ofLog } = search('log of bridge and vault', [
    { name: 'the log', bytes: log },
    { name: LEAK, bytes: Buffer.concat([log, leak]) },
  ]);
  return { places: [...places, ofLog], handedOver };
}

/** Sends a leak to the vault, on a connection of its own. */
async function post(port: number, leak: Buffer): Promise<void> {
  const socket = connect(port, LOOPBACK);
  socket.resume();
  const head = `POST /${LEAK} HTTP/1.1\r\nhost: vault\r\nconnection: close\r\ncontent-length: ${leak.length}\r\n\r\n`;
  socket.end(Buffer.concat([Buffer.from(head), leak]));
  await once(socket, 'close');
}

/** A frame, a fact and a key, each of them encoded. */
function leakOf({ samples, keys, privateTexts }: Secrets): Buffer {
  const frame = [...samples.values()].find(({ name, bytes }) => name.startsWith('frame') && bytes.length > 400);
  const key = keys.at(-1);
  const picture = Buffer.from(frame?.bytes ?? []).toString('base64');
  const secret = Buffer.from(key?.bytes ?? []).toString('hex');
  return Buffer.from(JSON.stringify({ picture, secret, fact: privateTexts[0]?.text }));
}

function searchParts(
  name: string,
  parts: readonly Part[],
  secrets: Secrets,
  readable: readonly Granted[],
): Required<Place> {
  const place = { name, bytes: 0, found: [] as string[], shown: 0, controlFound: false };
  for (const part of parts) {
    const layers = unfold(part.bytes);
    const [footage = [], never = [], texts = []] = [secrets.footage, secrets.never, secrets.texts].map((set) =>
      set.findIn(layers),
    );
    if (part.name === LEAK) {
      place.controlFound = [footage, never, texts].every(({ length }) => length > 0);
      continue;
    }
    place.bytes += part.bytes.length;
    for (const finding of [...footage, ...never, ...texts]) {
      if (readable.some((granted) => isOfClip(finding, secrets, granted))) place.shown += 1;
      else place.found.push(describeFinding(finding, `${part.name} (${name})`));
    }
  }
  return place;
}

/** Whether what was found belongs to the clip of a grant: granted footage, or a fact that the grant discloses. */
function isOfClip(finding: Finding, secrets: Secrets, granted: Granted): boolean {
  const isFact = granted.keys.some((key) => finding.secret === `value ${key}`);
  return isFact || finding.secret === SEVERAL_SECRETS || isGrantedFootage(finding, secrets, granted);
}

async function partsUnder(folder: string): Promise<Part[]> {
  const paths = await filesUnder(folder);
  return Promise.all(paths.map(async (path) => ({ name: relative(folder, path), bytes: await readFile(path) })));
}
