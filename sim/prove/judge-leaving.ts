// Owns: what follows from all that a doorbell said: whether anything left before a grant, whether exactly the granted left after it,
// whether a revocation won. Not here: hearing it (doorbell-watch.ts), what happened meanwhile (play-testbed.ts).

import { sha256Hex } from '@doorsill/base/keys';
import { utf8 } from '@doorsill/contract/bytes';
import { DisclosureKey, type Window } from '@doorsill/contract/shared-claims';
import { printBytes, printLength } from '@doorsill/device/terminal/format-units';
import { showWindow } from '@doorsill/device/terminal/owner-requests';
import { SYNTHETIC_FPS } from '../porch/scene.ts';
import type { Check } from './claim.ts';
import { type Beside, connectionsIn, type Said } from './doorbell-watch.ts';
import { acknowledgedBytes, countFound, piecesOf, requestsIn, type SaidRequest } from './wire-evidence.ts';

/** What went through the doors, where they are as the doorbell sees them, and what is known of anything beside them. */
export interface Heard {
  broker: readonly Said[];
  bridge: readonly Said[];
  bridgeAnswers: readonly Said[];
  /** `address:port`. */
  places: readonly string[];
  beside: Beside;
}

const PIECES = 200;
/** What may go to the bridge besides the clip: the signed documents and the heads of the requests. */
const DOCUMENTS_BYTES_MAX = 65_536;
/** What may be sent after the revocation beyond what the bridge had acknowledged (invariant 8 of the design). */
const BEYOND_BYTES_MAX = 262_144;

const bytesOf = (parts: readonly Uint8Array[]) => parts.reduce((sum, part) => sum + part.length, 0);

/** Whether everything said before a moment went through the doors. */
export function checkBeside({ beside, places }: Pick<Heard, 'beside' | 'places'>, untilUs: number): Check[] {
  if (beside.means === 'capture') {
    const before = beside.packets.filter(({ atUs }) => atUs < untilUs);
    const foreign = before.filter(({ kind, to }) => kind !== 'link' && !(kind === 'tcp' && places.includes(to)));
    const link = before.filter(({ kind }) => kind === 'link').length;
    const where = [...new Set(foreign.map(({ kind, to }) => `${kind} ${to}`))];
    return [
      {
        what: 'Every packet that left it went to its broker or its bridge',
        seen: `${before.length} packets: ${before.length - foreign.length - link} to these two, ${link} of the link itself, ${foreign.length} elsewhere${listed(where)}`,
        holds: foreign.length === 0 && before.length > link,
      },
      {
        what: 'No packet escaped the capture',
        seen: `${beside.packets.length} captured, ${beside.sent} counted by the kernel, in the whole run`,
        holds: beside.packets.length === beside.sent,
      },
    ];
  }
  if (beside.means === 'none') return [];
  const before = beside.ends.filter(({ firstUs }) => firstUs < untilUs);
  const foreign = before.filter(({ end }) => !places.some((place) => end === `tcp ${place}`));
  return [
    {
      what: 'Every socket of its processes led to its broker or its bridge',
      seen: `${beside.looks} looks, ${beside.blindMs} ms at most from one to the next: ${before.length} far ends, ${foreign.length} elsewhere${listed(foreign.map(({ end }) => end))}`,
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

/** What is known of the time before the first grant. */
export interface BeforeGrant {
  heard: Heard;
  /** The doorbell was enrolled and ready; its owner's grant was about to be sent; the clip was stored. */
  readyUs: number;
  grantedUs: number;
  storedUs: number;
  /** What it had recorded when the agency asked. */
  recorded: { bytes: number; us: number };
  /** The clip that the grant then released. */
  clip: Uint8Array;
}

/** Whether nothing of the footage left before the grant. */
export function checkBefore({ heard, readyUs, grantedUs, storedUs, recorded, clip }: BeforeGrant): Check[] {
  const broker = connectionsIn(heard.broker, 0, grantedUs);
  const bridge = connectionsIn(heard.bridge, 0, grantedUs);
  const paths = bridge.flatMap(requestsIn).map(({ method, path }) => `${method} ${path}`);
  const late = bytesOf(connectionsIn(heard.bridge, readyUs, grantedUs));
  const pieces = piecesOf(clip, PIECES);
  const after = [
    ...connectionsIn(heard.broker, grantedUs, storedUs),
    ...connectionsIn(heard.bridge, grantedUs, storedUs),
  ];
  const [early, control] = [countFound(pieces, [...broker, ...bridge]), countFound(pieces, after)];
  return [
    {
      what: 'There was footage to keep',
      seen: `${printLength(recorded.us)} recorded, ${printBytes(recorded.bytes)}`,
      holds: recorded.bytes > 0,
    },
    ...checkBeside(heard, grantedUs),
    {
      what: 'Its bridge heard its enrolment, and then nothing',
      seen: `${bytesOf(bridge)} bytes: ${paths.join(', ') || 'no request'}; since it was ready ${late} bytes`,
      holds: late === 0 && paths.length > 0 && paths.every((path) => path === 'POST /v1/enrolments'),
    },
    {
      what: 'Nothing of the pictures was in what it said',
      seen: `${printBytes(bytesOf(broker))} to its broker; of ${pieces.length} pieces of the pictures that it sent later, ${early} are in what it had said by then`,
      holds: pieces.length > 0 && early === 0,
    },
    {
      what: 'The same search finds what did leave',
      seen: `after the grant ${control} of these ${pieces.length} pieces`,
      holds: pieces.length > 0 && control === pieces.length,
    },
  ];
}

/** What is known of a granted clip once it is in the vault. */
export interface AfterGrant {
  heard: Heard;
  grantedUs: number;
  storedUs: number;
  /** The granted span, in wall time and on the porch's own time. */
  window: Window;
  source: { fromUs: number; toUs: number };
  clip: Uint8Array;
  /** What the statement says, once `verifyClip` has accepted it with the clip; else why it did not. */
  statement: { window: Window; frames: number } | { refused: string };
  /** The number drawn in each picture that a player shows, null where none can be read; and how many pictures the file holds. */
  numbers: readonly (number | null)[];
  held: number;
}

/** Whether exactly the granted pictures left. */
export function checkGranted(after: AfterGrant): Check[] {
  const { heard, grantedUs, storedUs, window, source, clip, statement, numbers, held } = after;
  const wanted = framesBetween(source);
  const bridge = connectionsIn(heard.bridge, grantedUs, storedUs);
  const sent = uploadIn(bridge.flatMap(requestsIn));
  const rest = bytesOf(bridge) - sent.length;
  const broker = connectionsIn(heard.broker, 0, Number.POSITIVE_INFINITY);
  const pieces = piecesOf(clip, PIECES);
  const leaked = countFound(pieces, broker);
  const isSame = sent.length === clip.length && sha256Hex(sent) === sha256Hex(clip);
  return [
    {
      what: 'The pictures in the clip are those of the granted span, none before, none after, none missing',
      seen: `granted ${spanText(wanted)}; decoded ${spanText(numbers)}`,
      holds: numbers.length === wanted.length && numbers.every((number, at) => number === wanted[at]),
    },
    {
      what: 'No picture is hidden in the file',
      seen: `a player shows ${numbers.length}, the file holds ${held}`,
      holds: held === numbers.length,
    },
    {
      what: 'The statement that travels with it verifies, and says the same',
      seen:
        'refused' in statement ? statement.refused : `${statement.frames} pictures, ${showWindow(statement.window)}`,
      holds:
        !('refused' in statement) &&
        statement.frames === wanted.length &&
        statement.window.startUs === window.startUs &&
        statement.window.endUs === window.endUs,
    },
    {
      what: 'What it sent as the clip is bit for bit the file in the vault, once',
      seen: `${sent.length} bytes sent, ${clip.length} in the vault, SHA-256 ${sha256Hex(clip).slice(0, 16)}… ${isSame ? 'of both' : 'of the latter alone'}`,
      holds: isSame,
    },
    {
      what: 'Besides it the bridge got signed documents, and no more',
      seen: `${rest} bytes, ${DOCUMENTS_BYTES_MAX} at most`,
      holds: rest > 0 && rest <= DOCUMENTS_BYTES_MAX,
    },
    {
      what: 'Its broker heard nothing of the pictures, in the whole run',
      seen: `${leaked} of ${pieces.length} pieces of them in ${printBytes(bytesOf(broker))}`,
      holds: pieces.length > 0 && leaked === 0,
    },
    ...checkBeside(heard, Number.POSITIVE_INFINITY),
  ];
}

/** What was sent as the body of uploads, in the order in which it was. */
function uploadIn(requests: readonly SaidRequest[]): Uint8Array {
  return Buffer.concat(requests.filter(({ method }) => method === 'PATCH').map(({ body }) => body));
}

/** The numbers of the drawn porch's frames in a span of its own time: start <= time < end. */
export function framesBetween({ fromUs, toUs }: { fromUs: number; toUs: number }): number[] {
  const timeOf = (frame: number) => Math.round((frame * 1_000_000) / SYNTHETIC_FPS);
  const found: number[] = [];
  for (let frame = Math.floor((fromUs * SYNTHETIC_FPS) / 1_000_000); timeOf(frame) < toUs; frame += 1)
    if (timeOf(frame) >= fromUs) found.push(frame);
  return found;
}

/** `45 pictures, 37 to 81`, or where they are not one after the other. */
function spanText(numbers: readonly (number | null)[]): string {
  const [first] = numbers;
  if (first === undefined) return 'no picture';
  const odd = numbers.findIndex((number, at) => number === null || first === null || number !== first + at);
  if (first === null || odd >= 0)
    return `${numbers.length} pictures, of which number ${Math.max(0, odd) + 1} is ${numbers[Math.max(0, odd)] ?? 'unreadable'}`;
  return `${numbers.length} pictures, ${first} to ${first + numbers.length - 1}`;
}

export interface NamedFacts {
  heard: Heard;
  /** What the home could tell, which of it was named in the grant, and which the statement tells. */
  values: Readonly<Partial<Record<DisclosureKey, string>>>;
  named: readonly DisclosureKey[];
  told: readonly string[];
  /** All that the agency received: the clip and its documents. */
  received: readonly Uint8Array[];
  /** The kinds of the file's streams. */
  streams: readonly string[];
  audioPackets: number;
}

/** Whether only what the grant names was told, and nothing can be heard. */
export function checkNamed({ heard, values, named, told, received, streams, audioPackets }: NamedFacts): Check[] {
  const withheld = DisclosureKey.options.filter((key) => !named.includes(key));
  const textsOf = (keys: readonly DisclosureKey[]) => keys.flatMap((key) => values[key] ?? []).map(utf8);
  const bridge = connectionsIn(heard.bridge, 0, Number.POSITIVE_INFINITY);
  const places = [...received, ...bridge];
  const leaked = withheld.filter((key) => countFound(textsOf([key]), places) > 0);
  return [
    {
      what: 'The statement tells what the grant names, and nothing else of the home',
      seen: `named ${named.join(', ') || 'nothing'}; told ${told.join(', ') || 'nothing'}`,
      holds: [...told].sort().join() === [...named].sort().join(),
    },
    {
      what: 'What it does not name is nowhere in what the agency has, nor in what the bridge heard in the whole run',
      seen: `${withheld.join(', ')}: ${leaked.length === 0 ? 'none found' : `${leaked.join(', ')} found`} in ${printBytes(bytesOf(places))}`,
      holds: leaked.length === 0,
    },
    {
      what: 'The same search finds what it names',
      seen: `${countFound(textsOf(named), received)} of ${named.length} in what the agency has`,
      holds: countFound(textsOf(named), received) === named.length,
    },
    {
      what: 'The clip has no track of sound',
      seen: `streams: ${streams.join(', ') || 'none'}; ${audioPackets} packets of sound by the statement`,
      holds: streams.join() === 'video' && audioPackets === 0,
    },
  ];
}

export interface Revoked {
  heard: Heard;
  /** The grant was about to be sent; its revocation was. */
  grantedUs: number;
  revokedUs: number;
  /** Of the whole clip. */
  clipBytes: number;
  /** What the doorbell answered, in order. */
  outcomes: readonly string[];
  /** Whether the agency is shown the clip at the bridge, and whether the vault has any file of it. */
  isListed: boolean;
  isInVault: boolean;
}

/** Whether a revocation in the middle of an upload won. */
export function checkRevoked(revoked: Revoked): Check[] {
  const { heard, grantedUs, revokedUs, clipBytes, outcomes, isListed, isInVault } = revoked;
  const end = Number.POSITIVE_INFINITY;
  const sent = uploadIn(connectionsIn(heard.bridge, grantedUs, end).flatMap(requestsIn)).length;
  const acknowledged = acknowledgedBytes(connectionsIn(heard.bridgeAnswers, grantedUs, revokedUs));
  return [
    {
      what: 'The upload had begun, and had not ended',
      seen: `${acknowledged} of ${clipBytes} bytes were acknowledged by the bridge when the owner revoked`,
      holds: acknowledged > 0 && acknowledged < clipBytes,
    },
    {
      what: 'At most what the design allows was sent beyond that',
      seen: `${sent} bytes of the clip in all, ${sent - acknowledged} beyond; ${BEYOND_BYTES_MAX} at most`,
      holds: sent - acknowledged <= BEYOND_BYTES_MAX && sent < clipBytes,
    },
    {
      what: 'The doorbell confirmed it, and then with the bridge’s signed receipt that nothing of it is kept',
      seen: outcomes.join(', ') || 'no answer',
      holds: outcomes.includes('revoked') && outcomes.includes('deleted'),
    },
    {
      what: 'Nobody is shown the clip',
      seen: `${isListed ? 'listed' : 'not listed'} for the agency at the bridge, ${isInVault ? 'in' : 'not in'} the vault`,
      holds: !isListed && !isInVault,
    },
  ];
}
