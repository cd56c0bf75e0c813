// A clip on its way to the bridge: the documents and the file that its device sends, as a search and as its recipient read them.
import type { SealingKeyPair } from '../../../../device/base/hpke.ts';
import { openWithContentKey } from '../../../../device/clip/open-with-content-key.ts';
import { Certificate, intakeOpeningSchema, Manifest, Statement } from '../../../../device/contract/manifest.ts';
import type { OwnersContentKey, SealedContents } from '../../../../device/contract/sealing.ts';
import type { DisclosureKey, Window, Zone } from '../../../../device/contract/shared-claims.ts';
import * as recipient from '../../../../sim/officer/open-sealed-clip.ts';
import { claimsOf } from '../../../support/parties.ts';
import { describeFinding, type Finding, Fingerprints, SEVERAL_SECRETS } from './fingerprints.ts';
import type { Sample, Secrets } from './secrets.ts';
import { unfold } from './unfold.ts';

/** A grant, and its progress. */
export interface Granted {
  grant: string;
  window: Window;
  keys: readonly DisclosureKey[];
  /** The file in the device's receipt, which is encrypted for most; null if it was never complete at the bridge. */
  clip: { sha256: string; bytes: number } | null;
  revoked: boolean;
  /** Blacked-out zones: every frame of such a clip is encoded anew. */
  zones: readonly Zone[];
}

/** The documents with which an intake is opened. */
export interface Opening {
  claims: Manifest;
  forRecipient: Statement;
}

/** Reads the call that opens an intake. */
export function openingOf(body: Uint8Array): Opening {
  const { manifest, statement, certificate } = intakeOpeningSchema.parse(JSON.parse(Buffer.from(body).toString()));
  Certificate.parse(claimsOf(certificate));
  return { claims: Manifest.parse(claimsOf(manifest)), forRecipient: Statement.parse(claimsOf(statement)) };
}

/** The content key of an encrypted clip, which its recipient alone can open. */
export function contentKeyOf({ forRecipient }: Opening, pair: SealingKeyPair): OwnersContentKey {
  const { sealed } = forRecipient;
  if (!sealed) throw new Error('a clip that is not encrypted');
  return recipient.contentKeyOf({ ...forRecipient, sealed }, [pair]);
}

/** Opens an encrypted file as its recipient does, with every check but that of its zones. Throws `clip_unopened`. */
export async function openSent(
  sent: Uint8Array,
  opening: Opening,
  pair: SealingKeyPair,
): Promise<{ clip: Uint8Array; contents: SealedContents }> {
  const { forRecipient } = opening;
  const read = (position: number, length: number) => Promise.resolve(sent.subarray(position, position + length));
  const file = { read, sizeBytes: sent.length };
  const { clip, contents } = await openWithContentKey(file, forRecipient, contentKeyOf(opening, pair));
  return { clip: Uint8Array.from(await clip.read(0, clip.sizeBytes)), contents };
}

/** Footage of a clip that is outside the granted window, or without a grant. */
export function clipBreaches(clip: Uint8Array, secrets: Secrets, granted: Granted): string[] {
  const layers = unfold(clip);
  const breaches = [...secrets.never.findIn(layers), ...secrets.texts.findIn(layers)].map((finding) =>
    describeFinding(finding, 'the clip'),
  );
  for (const finding of secrets.footage.findIn(layers)) {
    if (finding.secret === SEVERAL_SECRETS) continue;
    if (!isGrantedFootage(finding, secrets, granted) || finding.under.length > 0)
      breaches.push(describeFinding(finding, `the clip (${granted.keys.join()})`));
  }
  return breaches;
}

/** Everything that can be read in an encrypted file. `clip`: the clip in it, whose pictures may be encoded anew; empty if it does not open. */
export function encryptedBreaches(file: Uint8Array, clip: Uint8Array, secrets: Secrets): string[] {
  const layers = unfold(file);
  const own = new Fingerprints();
  own.add('its own clip', clip);
  return [own, secrets.footage, secrets.never, secrets.texts].flatMap((set) =>
    set.findIn(layers).map((finding) => describeFinding(finding, 'an encrypted clip')),
  );
}

/** Whether it is a piece of footage that a grant's clip contains. */
export function isGrantedFootage({ secret }: Finding, secrets: Secrets, { window, zones }: Granted): boolean {
  const sample = secrets.samples.get(secret);
  if (!sample) return false;
  if (!secret.startsWith('frame')) return isHeardIn(window, sample, secrets.soundCycleUs);
  // No frame of a clip with a zone is copied.
  return zones.length === 0 && sample.startUs >= window.startUs && sample.startUs < window.endUs;
}

/**
 * Whether a packet of sound lies in a window. Repeating sound may lie there by an equal packet: of 607 clips of the drawn chime, encoded
 * anew, three had 16 bytes in common with a packet whole cycles earlier or later.
 */
function isHeardIn(window: Window, { startUs, endUs }: Sample, cycleUs: number | null): boolean {
  const shiftUs = cycleUs === null ? 0 : Math.ceil((window.startUs - startUs) / cycleUs) * cycleUs;
  return startUs + shiftUs >= window.startUs && endUs + shiftUs <= window.endUs;
}
