// A device's sending side for tests: an outbox in a folder of its own, a clip with papers a real bridge accepts, an
// uploader.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Disk } from '../../../../device/base/disk.ts';
import { silentLog } from '../../../../device/base/log.ts';
import { generateSealKey } from '../../../../device/base/seal.ts';
import type { Clip } from '../../../../device/clip/finished-clip.ts';
import { type LiveGrant, mintLiveGrant } from '../../../../device/consent/live-grant.ts';
import type { ErrorCode } from '../../../../device/contract/errors.ts';
import type { UploadProgress } from '../../../../device/contract/home-messages.ts';
import { Grant } from '../../../../device/contract/owner-orders.ts';
import { Request } from '../../../../device/contract/request.ts';
import { type ClipDocuments, Outbox, type OutboxItem } from '../../../../device/upload/outbox.ts';
import { Uploader } from '../../../../device/upload/upload.ts';
import type { BridgeFixture, Parcel } from '../../../support/bridge-fixture.ts';
import { claimsOf } from '../../../support/parties.ts';
import { plainMp4 } from '../../../support/plain-mp4.ts';

/** A clip that streams the given bytes in uneven parts. */
export function clipOf(bytes: Uint8Array): Clip {
  return {
    sizeBytes: bytes.length,
    async *parts() {
      for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
    },
    frames: 30,
    coverage: { startUs: 1, endUs: 2 },
    gaps: [],
    audioPackets: 0,
    method: 'smart-cut',
    encodedFrames: 5,
    redacted: false,
  };
}

/** All that a device signs about a clip. */
export function papersOf({ manifestToken: manifest, statement, certificate, homeRecall }: Parcel): ClipDocuments {
  return { manifest, statement, certificate, homeRecall };
}

/** A bridge-proof clip of about `bytes` bytes, with papers and a live grant. */
export interface Errand {
  parcel: Parcel;
  live: LiveGrant;
  end: (detail: string) => void;
}

/** The reason that holds footage back, from the gate. */
type Held = () => ErrorCode | null;

export function makeErrand(fixture: BridgeFixture, request: string, bytes: number, held: Held = () => null): Errand {
  const frames = 30;
  const clip = plainMp4({ frames, audioPackets: 12, frameBytes: Math.ceil(bytes / frames) });
  const parcel = fixture.parcel(request, { clip });
  return { parcel, ...liveFor(fixture, request, parcel.grantToken, held) };
}

/** The live grant of a grant token, as the gate would make it, again after a restart. */
export function liveFor(fixture: BridgeFixture, request: string, grantToken: string, held: Held = () => null) {
  const facts = {
    grant: Grant.parse(claimsOf(grantToken)),
    grantToken,
    request: Request.parse(claimsOf(request)),
    requestToken: request,
    pairingToken: fixture.cast.pairing(),
  };
  return mintLiveGrant(facts, { clock: fixture.clock, held });
}

export class Sender {
  readonly fixture: BridgeFixture;
  readonly folder: string;
  readonly key = generateSealKey({ bytes: (length) => new Uint8Array(length).fill(7), fraction: () => 0 });
  readonly log = silentLog();
  outbox: Outbox;
  uploader: Uploader;
  /** The bridge's address as the device knows it. */
  bridgeUrl: string;
  readonly told: UploadProgress[] = [];
  onProgress: ((progress: UploadProgress) => void) | null = null;

  private constructor(fixture: BridgeFixture, folder: string) {
    this.fixture = fixture;
    this.folder = folder;
    this.bridgeUrl = fixture.bridge.url;
    this.outbox = this.makeOutbox();
    this.uploader = this.makeUploader();
  }

  static async open(fixture: BridgeFixture): Promise<Sender> {
    const sender = new Sender(fixture, await mkdtemp(join(tmpdir(), 'doorsill-outbox-')));
    await sender.outbox.start();
    return sender;
  }

  /** Makes everything again from the folder, as after a restart of the process. */
  async restart(): Promise<void> {
    await this.outbox.stop();
    this.outbox = this.makeOutbox();
    this.uploader = this.makeUploader();
    await this.outbox.start();
  }

  async close(): Promise<void> {
    await this.outbox.stop();
    await rm(this.folder, { recursive: true });
  }

  seal(errand: Errand): Promise<OutboxItem> {
    return this.outbox.seal(errand.live, clipOf(errand.parcel.clip), () => papersOf(errand.parcel));
  }

  makeOutbox(disk: Disk = this.fixture.disk): Outbox {
    return new Outbox({ disk, random: this.fixture.random, log: this.log, folder: this.folder, key: this.key });
  }

  private makeUploader(): Uploader {
    const { cast, clock, random } = this.fixture;
    return new Uploader({
      device: cast.device,
      outbox: this.outbox,
      bridge: () => ({ url: this.bridgeUrl, id: cast.bridge.id, key: cast.bridge.key.publicKey }),
      progress: (progress) => {
        this.told.push(progress);
        this.onProgress?.(progress);
      },
      clock,
      random,
      log: this.log,
    });
  }
}
