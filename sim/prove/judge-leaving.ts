// Judges a doorbell's recorded traffic: whether footage left before a grant, whether exactly the granted clip left after it, whether a
// revocation won.

import { sha256Hex } from '@doorsill/base/keys';
import { utf8 } from '@doorsill/contract/bytes';
import { DisclosureKey, type Window } from '@doorsill/contract/shared-claims';
import { printBytes, printLength } from '@doorsill/device/terminal/format-units';
import { showWindow } from '@doorsill/device/terminal/owner-requests';
import { SYNTHETIC_FPS } from '../porch/scene.ts';
import { countFound, piecesIn, piecesOf } from '../testbed/find-traces.ts';
import type { Check } from './claim.ts';
import { connectionsIn, type OtherTraffic, type SentChunk } from './doorbell-watch.ts';
import { acknowledgedBytes, requestsIn, type SentRequest } from './wire-evidence.ts';

/** The traffic through the proxies, their addresses as the doorbell sees them, and what is known of other traffic. */
export interface Traffic {
  broker: readonly SentChunk[];
  bridge: readonly SentChunk[];
  bridgeAnswers: readonly SentChunk[];
  /** `address:port`. */
  places: readonly string[];
  otherTraffic: OtherTraffic;
}

const PIECES = 200;
/** Limit for traffic to the bridge besides the clip: signed documents and the heads of requests. */
const DOCUMENTS_BYTES_MAX = 65_536;
/** Limit for bytes sent after the revocation beyond the acknowledged ones (invariant 8 of the design). */
const BEYOND_BYTES_MAX = 262_144;

const bytesOf = (parts: readonly Uint8Array[]) => parts.reduce((sum, part) => sum + part.length, 0);

/** Whether all traffic before a moment went through the proxies. */
export function checkOtherTraffic(
  { otherTraffic, places }: Pick<Traffic, 'otherTraffic' | 'places'>,
  untilUs: number,
): Check[] {
  if (otherTraffic.means === 'capture') {
    const before = otherTraffic.packets.filter(({ atUs }) => atUs < untilUs);
    const foreign = before.filter(({ kind, to }) => kind !== 'link' && !(kind === 'tcp' && places.includes(to)));
    const link = before.filter(({ kind }) => kind === 'link').length;
    const where = [...new Set(foreign.map(({ kind, to }) => `${kind} ${to}`))];
    return [
      {
        what: 'Every packet of the doorbell went to its broker or its bridge',
        seen: `${before.length} packets: ${before.length - foreign.length - link} to these two, ${link} of the link layer, ${foreign.length} elsewhere${listed(where)}`,
        holds: foreign.length === 0 && before.length > link,
      },
      {
        what: 'No packet escaped the capture',
        seen: `${otherTraffic.packets.length} captured, ${otherTraffic.sent} counted by the kernel, in the whole run`,
        holds: otherTraffic.packets.length === otherTraffic.sent,
      },
    ];
  }
  if (otherTraffic.means === 'none') return [];
  const before = otherTraffic.ends.filter(({ firstUs }) => firstUs < untilUs);
  const foreign = before.filter(({ end }) => !places.some((place) => end === `tcp ${place}`));
  return [
    {
      what: 'Every socket of its processes was connected to its broker or its bridge',
      seen: `${otherTraffic.looks} looks, at most ${otherTraffic.blindMs} ms apart: ${before.length} remote addresses, ${foreign.length} elsewhere${listed(foreign.map(({ end }) => end))}`,
      holds: foreign.length === 0 && before.length > 0,
    },
  ];
}

const LISTED_MAX = 5;

function listed(ends: readonly string[]): string {
  if (ends.length === 0) return '';
  const more = ends.length > LISTED_MAX ? ` and ${ends.length - LISTED_MAX} more` : '';
  return `: ${ends.slice(0, LISTED_MAX).join(', ')}${more}`;
}

/** What was recorded until the first clip was stored. */
export interface BeforeGrant {
  traffic: Traffic;
  /** When the doorbell was ready, when its owner's grant was about to be sent, and when the clip was stored. */
  readyUs: number;
  grantedUs: number;
  storedUs: number;
  /** The footage in the ring when the agency asked. */
  recorded: { bytes: number; us: number };
  /** The clip that was granted afterwards, and the encrypted file that was sent. */
  clip: Uint8Array;
  file: Uint8Array;
}

/** Whether no footage left before the grant. */
export function checkBefore({ traffic, readyUs, grantedUs, storedUs, recorded, clip, file }: BeforeGrant): Check[] {
  const broker = connectionsIn(traffic.broker, 0, grantedUs);
  const bridge = connectionsIn(traffic.bridge, 0, grantedUs);
  const paths = bridge.flatMap(requestsIn).map(({ method, path }) => `${method} ${path}`);
  const late = bytesOf(connectionsIn(traffic.bridge, readyUs, grantedUs));
  const pieces = piecesOf(clip, PIECES);
  const toBridge = connectionsIn(traffic.bridge, grantedUs, storedUs);
  // The upload also in one piece: requests part it.
  const after = [
    ...connectionsIn(traffic.broker, grantedUs, storedUs),
    ...toBridge,
    uploadIn(toBridge.flatMap(requestsIn)),
  ];
  const encrypted = piecesIn(file, PIECES);
  const [early, inTheOpen, control] = [
    countFound(pieces, [...broker, ...bridge]),
    countFound(pieces, after),
    countFound(encrypted, after),
  ];
  return [
    {
      what: 'The doorbell had footage',
      seen: `${printLength(recorded.us)} recorded, ${printBytes(recorded.bytes)}`,
      holds: recorded.bytes > 0,
    },
    ...checkOtherTraffic(traffic, grantedUs),
    {
      what: 'It sent its bridge the enrolment and nothing else',
      seen: `${bytesOf(bridge)} bytes: ${paths.join(', ') || 'no request'}; ${late} bytes since it was ready`,
      holds: late === 0 && paths.length > 0 && paths.every((path) => path === 'POST /v1/enrolments'),
    },
    {
      what: 'No part of the pictures was in its traffic',
      seen: `${printBytes(bytesOf(broker))} to its broker; of ${pieces.length} pieces of the pictures that it sent later, ${early} are in its traffic until then`,
      holds: pieces.length > 0 && early === 0,
    },
    {
      what: 'Nor was one in it afterwards, because the clip was sent encrypted',
      seen: `${inTheOpen} of these ${pieces.length} pieces after the grant`,
      holds: pieces.length > 0 && inTheOpen === 0,
    },
    {
      what: 'The same search finds the encrypted file that did leave',
      seen: `${control} of ${encrypted.length} pieces of it after the grant`,
      holds: encrypted.length > 0 && control === encrypted.length,
    },
  ];
}

/** What was recorded about a granted clip until it was in the vault. */
export interface AfterGrant {
  traffic: Traffic;
  grantedUs: number;
  storedUs: number;
  /** The granted span, in wall time and on the timeline of the drawn porch. */
  window: Window;
  source: { fromUs: number; toUs: number };
  /** The clip, and the encrypted file in the vault that it was decrypted from. */
  clip: Uint8Array;
  file: Uint8Array;
  /** The statement's facts if `verifyClip` accepted it with the clip; else why not. */
  statement: { window: Window; frames: number } | { refused: string };
  /** The number drawn in each picture that a player shows, null where it cannot be read; and how many pictures the file holds. */
  numbers: readonly (number | null)[];
  held: number;
}

/** Whether exactly the granted pictures left. */
export function checkGranted(after: AfterGrant): Check[] {
  const { traffic, grantedUs, storedUs, window, source, clip, file, statement, numbers, held } = after;
  const wanted = framesBetween(source);
  const bridge = connectionsIn(traffic.bridge, grantedUs, storedUs);
  const sent = uploadIn(bridge.flatMap(requestsIn));
  const rest = bytesOf(bridge) - sent.length;
  const broker = connectionsIn(traffic.broker, 0, Number.POSITIVE_INFINITY);
  const pieces = piecesOf(clip, PIECES);
  const leaked = countFound(pieces, broker);
  const isSame = sent.length === file.length && sha256Hex(sent) === sha256Hex(file);
  return [
    {
      what: 'The clip has all pictures of the granted span and no others',
      seen: `granted ${spanText(wanted)}; decoded ${spanText(numbers)}`,
      holds: numbers.length === wanted.length && numbers.every((number, at) => number === wanted[at]),
    },
    {
      what: 'No picture is hidden in the file',
      seen: `a player shows ${numbers.length}, the file holds ${held}`,
      holds: held === numbers.length,
    },
    {
      what: 'The statement of the clip verifies, and names the same pictures and window',
      seen:
        'refused' in statement ? statement.refused : `${statement.frames} pictures, ${showWindow(statement.window)}`,
      holds:
        !('refused' in statement) &&
        statement.frames === wanted.length &&
        statement.window.startUs === window.startUs &&
        statement.window.endUs === window.endUs,
    },
    {
      what: 'The uploaded file is bit for bit the one in the vault, and was sent once',
      seen: `${sent.length} bytes sent, ${file.length} in the vault, SHA-256 ${sha256Hex(file).slice(0, 16)}… ${isSame ? 'of both' : 'of the latter alone'}`,
      holds: isSame,
    },
    {
      what: 'The bridge got only signed documents besides the clip',
      seen: `${rest} bytes, at most ${DOCUMENTS_BYTES_MAX} are allowed`,
      holds: rest > 0 && rest <= DOCUMENTS_BYTES_MAX,
    },
    {
      what: 'No part of the pictures went to its broker in the whole run',
      seen: `${leaked} of ${pieces.length} pieces of them in ${printBytes(bytesOf(broker))}`,
      holds: pieces.length > 0 && leaked === 0,
    },
    ...checkOtherTraffic(traffic, Number.POSITIVE_INFINITY),
  ];
}

/** The bodies of all upload requests, in order. */
function uploadIn(requests: readonly SentRequest[]): Uint8Array {
  return Buffer.concat(requests.filter(({ method }) => method === 'PATCH').map(({ body }) => body));
}

/** The numbers of the drawn porch's frames with start <= time < end on its timeline. */
export function framesBetween({ fromUs, toUs }: { fromUs: number; toUs: number }): number[] {
  const timeOf = (frame: number) => Math.round((frame * 1_000_000) / SYNTHETIC_FPS);
  const found: number[] = [];
  for (let frame = Math.floor((fromUs * SYNTHETIC_FPS) / 1_000_000); timeOf(frame) < toUs; frame += 1)
    if (timeOf(frame) >= fromUs) found.push(frame);
  return found;
}

/** `45 pictures, 37 to 81`, or the first picture whose number is not the next one. */
function spanText(numbers: readonly (number | null)[]): string {
  const [first] = numbers;
  if (first === undefined) return 'no picture';
  const odd = numbers.findIndex((number, at) => number === null || first === null || number !== first + at);
  if (first === null || odd >= 0)
    return `${numbers.length} pictures, of which number ${Math.max(0, odd) + 1} is ${numbers[Math.max(0, odd)] ?? 'unreadable'}`;
  return `${numbers.length} pictures, ${first} to ${first + numbers.length - 1}`;
}

export interface NamedFacts {
  traffic: Traffic;
  /** The facts that the home has, the keys that the grant names, and the keys of the facts in the clip. */
  values: Readonly<Partial<Record<DisclosureKey, string>>>;
  named: readonly DisclosureKey[];
  disclosed: readonly string[];
  /** What the agency received: the clip, its facts and its documents. */
  received: readonly Uint8Array[];
  /** The kinds of the file's streams. */
  streams: readonly string[];
  audioPackets: number;
}

/** Whether only the facts that the grant names were disclosed, and no sound. */
export function checkNamed({
  traffic,
  values,
  named,
  disclosed,
  received,
  streams,
  audioPackets,
}: NamedFacts): Check[] {
  const withheld = DisclosureKey.options.filter((key) => !named.includes(key));
  const textsOf = (keys: readonly DisclosureKey[]) => keys.flatMap((key) => values[key] ?? []).map(utf8);
  const bridge = connectionsIn(traffic.bridge, 0, Number.POSITIVE_INFINITY);
  const places = [...received, ...bridge];
  const readable = countFound(textsOf(named), bridge);
  const leaked = withheld.filter((key) => countFound(textsOf([key]), places) > 0);
  return [
    {
      what: 'The clip discloses exactly the facts that the grant names',
      seen: `named ${named.join(', ') || 'nothing'}; disclosed ${disclosed.join(', ') || 'nothing'}`,
      holds: [...disclosed].sort().join() === [...named].sort().join(),
    },
    {
      what: 'Facts that it does not name are neither in what the agency received nor in the traffic to the bridge in the whole run',
      seen: `${withheld.join(', ')}: ${leaked.length === 0 ? 'none found' : `${leaked.join(', ')} found`} in ${printBytes(bytesOf(places))}`,
      holds: leaked.length === 0,
    },
    {
      what: 'Nor are those that it names in the traffic to the bridge, because they were sent encrypted',
      seen: `${readable} of ${named.length} found`,
      holds: readable === 0,
    },
    {
      what: 'The same search finds the facts that it names',
      seen: `${countFound(textsOf(named), received)} of ${named.length} in what the agency received`,
      holds: countFound(textsOf(named), received) === named.length,
    },
    {
      what: 'The clip has no sound track',
      seen: `streams: ${streams.join(', ') || 'none'}; ${audioPackets} sound packets according to the statement`,
      holds: streams.join() === 'video' && audioPackets === 0,
    },
  ];
}

export interface Revoked {
  traffic: Traffic;
  /** When the grant and when its revocation were about to be sent. */
  grantedUs: number;
  revokedUs: number;
  /** Size of the whole clip. */
  clipBytes: number;
  /** Outcomes of the doorbell's receipts, in order. */
  outcomes: readonly string[];
  /** Whether the agency is shown the clip at the bridge, and whether the vault has any file of it. */
  isListed: boolean;
  isInVault: boolean;
}

/** Whether a revocation in the middle of an upload won. */
export function checkRevoked(revoked: Revoked): Check[] {
  const { traffic, grantedUs, revokedUs, clipBytes, outcomes, isListed, isInVault } = revoked;
  const end = Number.POSITIVE_INFINITY;
  const sent = uploadIn(connectionsIn(traffic.bridge, grantedUs, end).flatMap(requestsIn)).length;
  const acknowledged = acknowledgedBytes(connectionsIn(traffic.bridgeAnswers, grantedUs, revokedUs));
  return [
    {
      what: 'The owner revoked in the middle of the upload',
      seen: `${acknowledged} of ${clipBytes} bytes were acknowledged by the bridge when the owner revoked`,
      holds: acknowledged > 0 && acknowledged < clipBytes,
    },
    {
      what: 'No more was sent beyond that than the design allows',
      seen: `${sent} bytes of the clip in all, ${sent - acknowledged} beyond; at most ${BEYOND_BYTES_MAX} are allowed`,
      holds: sent - acknowledged <= BEYOND_BYTES_MAX && sent < clipBytes,
    },
    {
      what: 'The doorbell confirmed the revocation, and then the deletion by the bridge’s signed receipt',
      seen: outcomes.join(', ') || 'no receipt',
      holds: outcomes.includes('revoked') && outcomes.includes('deleted'),
    },
    {
      what: 'Nobody is shown the clip',
      seen: `${isListed ? 'listed' : 'not listed'} for the agency at the bridge, ${isInVault ? 'in' : 'not in'} the vault`,
      holds: !isListed && !isInVault,
    },
  ];
}
