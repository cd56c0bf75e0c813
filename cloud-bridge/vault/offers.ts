// Owns: believing what a bridge presents: its step of a hand-over, and with an offer the whole chain of a clip's papers.
// Nothing is believed because a bridge says so that the device or its owner did not sign. Not here: what follows (receiving.ts).
import { type Clock, wallSeconds } from '../../device/base/clock.ts';
import { sha256Hex } from '../../device/base/keys.ts';
import { PUBLIC_AUDIENCE } from '../../device/protocol/claims.ts';
import { failure } from '../../device/protocol/errors.ts';
import { grantSchema, pairingSchema } from '../../device/protocol/grant.ts';
import { actorId } from '../../device/protocol/ids.ts';
import { intakeReceiptSchema, type Manifest, manifestSchema } from '../../device/protocol/manifest.ts';
import {
  HAND_OVER_LIFE_S_MAX,
  type HandedClip,
  type HandOver,
  type HandOverBody,
  handOverSchema,
  itemId,
  itemIdText,
  type Recall,
  recallSchema,
} from '../../device/protocol/vault.ts';
import { assertLife, peekToken, readLink } from '../tokens.ts';
import type { AccessStore } from './store.ts';

export interface OfferReaderDeps {
  clock: Clock;
  access: AccessStore;
  vaultId: string;
  vaultKey: string;
  clipBytesMax: number;
}

/** A bridge's step that holds, and which bridge it is. */
export interface ReadStep {
  step: HandOver;
  bridge: string;
}

/** The papers of an offered clip, all verified. */
export interface Papers {
  manifest: Manifest;
  ownerKey: string;
  grantSha256: string;
}

const refuse = (detail: string) => failure('hand_over_refused', { detail });

export class OfferReader {
  private readonly deps: OfferReaderDeps;

  constructor(deps: OfferReaderDeps) {
    this.deps = deps;
  }

  /** Reads one step of a hand-over. Throws `hand_over_refused`, `token_expired`. */
  async readStep(token: string, wanted: HandOver['step']): Promise<ReadStep> {
    const { iss } = peekToken(token, handOverSchema);
    const bridge = await this.bridgeOf(iss);
    const step = readLink(
      token,
      { typ: 'doorsill-hand-over+jws', schema: handOverSchema, audience: this.deps.vaultId, keys: [iss] },
      'hand_over_refused',
      'hand-over',
    );
    this.assertOurs(step, bridge);
    if (step.step !== wanted) throw refuse(`it says ${step.step}, not ${wanted}`);
    if (step.clipBytes > this.deps.clipBytesMax) throw refuse(`a clip has ${this.deps.clipBytesMax} bytes at most`);
    return { step, bridge };
  }

  /** Reads a recall. Throws `hand_over_refused`, `token_expired`. */
  async readRecall(token: string): Promise<Recall> {
    const { iss } = peekToken(token, recallSchema);
    const bridge = await this.bridgeOf(iss);
    const recall = readLink(
      token,
      { typ: 'doorsill-recall+jws', schema: recallSchema, audience: this.deps.vaultId, keys: [iss] },
      'hand_over_refused',
      'recall',
    );
    this.assertOurs(recall, bridge);
    return recall;
  }

  /** Verifies the papers that an offer comes with: manifest, grant, pairing, the bridge's receipt. Throws `hand_over_refused`. */
  readPapers(step: HandOver, body: HandOverBody): Papers {
    const manifest = readManifest(step, body.manifest);
    const receipt = readLink(
      body.receipt,
      { typ: 'doorsill-intake+jws', schema: intakeReceiptSchema, audience: step.device, keys: [step.iss] },
      'hand_over_refused',
      'receipt',
    );
    const isSame =
      receipt.outcome === 'stored' &&
      receipt.grant === step.grant &&
      receipt.clipSha256 === step.clipSha256 &&
      receipt.clipBytes === step.clipBytes &&
      receipt.manifestSha256 === step.manifestSha256;
    if (!isSame) throw refuse('the receipt is for another clip');
    if (receipt.vault !== this.deps.vaultKey) throw refuse('the receipt names another vault');
    const pairing = readLink(
      manifest.pairing,
      { typ: 'doorsill-pairing+jws', schema: pairingSchema, audience: PUBLIC_AUDIENCE, keys: [manifest.iss] },
      'hand_over_refused',
      'pairing',
    );
    const grant = readLink(
      manifest.grant,
      { typ: 'doorsill-grant+jws', schema: grantSchema, audience: step.device, keys: [pairing.key] },
      'hand_over_refused',
      'grant',
    );
    if (grant.jti !== step.grant) throw refuse('the manifest carries another grant');
    return { manifest, ownerKey: pairing.key, grantSha256: sha256Hex(manifest.grant) };
  }

  private async bridgeOf(key: string): Promise<string> {
    const known = (await this.deps.access.bridges()).find((bridge) => bridge.key === key);
    if (!known) throw refuse('this vault has no such bridge');
    return known.bridge;
  }

  private assertOurs(about: HandedClip & { iat: number; exp: number }, bridge: string): void {
    assertLife(about, wallSeconds(this.deps.clock), HAND_OVER_LIFE_S_MAX);
    const item = itemId(sha256Hex(itemIdText(bridge, about.device, about.grant)));
    if (about.item !== item) throw refuse('its item is not this grant’s');
  }
}

function readManifest(step: HandOver, token: string): Manifest {
  if (sha256Hex(token) !== step.manifestSha256) throw refuse('the manifest is not the one that is named');
  const { iss } = peekToken(token, manifestSchema);
  if (actorId('device', sha256Hex(iss)) !== step.device) throw refuse('the manifest is another device’s');
  const manifest = readLink(
    token,
    { typ: 'doorsill-manifest+jws', schema: manifestSchema, audience: step.agency, keys: [iss] },
    'hand_over_refused',
    'manifest',
  );
  const isSame =
    manifest.device === step.device &&
    manifest.jti === step.clip &&
    manifest.request === step.request &&
    manifest.clipSha256 === step.clipSha256 &&
    manifest.clipBytes === step.clipBytes;
  if (!isSame) throw refuse('the manifest is about another clip');
  return manifest;
}
