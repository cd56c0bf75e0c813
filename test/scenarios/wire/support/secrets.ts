// Collects all secrets of one device, during and after its run: frames by their time, sealed records, keys, private texts. Read from the
// device's own data with its own keys.
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { findFfmpeg } from '../../../../device/camera/find-ffmpeg.ts';
import { type Segment, wallTimeUs } from '../../../../device/camera/segment.ts';
import { parseFragment, parseInit } from '../../../../device/contract/media/fragment.ts';
import { RecordSeal } from '../../../../device/ring/record.ts';
import { RingKeyFile } from '../../../../device/ring/ring-key.ts';
import { scanRing } from '../../../../device/ring/ring-scan.ts';
import { decodeSegment } from '../../../../device/ring/segment-codec.ts';
import { FileDeviceKey, loadOrCreateSealKey, WrappedFile } from '../../../../device/ring/wrapped-key-files.ts';
import { CYCLE_FRAMES, SYNTHETIC_FPS } from '../../../../sim/porch/scene.ts';
import { Recorder } from '../../../device/camera/support/recorder.ts';
import { Fingerprints } from './fingerprints.ts';
import { seams, type World } from './world.ts';

/** A frame or a packet of sound in the ring. */
export interface Sample {
  name: string;
  startUs: number;
  endUs: number;
  bytes: Uint8Array;
}

const keyFileSchema = z.looseObject({ secret: z.string() });
const enrolmentSchema = z.looseObject({ area: z.looseObject({ user: z.string(), password: z.string() }) });

export class Secrets {
  /** Plain frames and sound, each named by its time. */
  readonly footage = new Fingerprints();
  /** Secrets that no grant releases: sealed records, keys. */
  readonly never = new Fingerprints();
  readonly texts = new Fingerprints();
  readonly samples = new Map<string, Sample>();
  /** Sealed records, newest last. */
  readonly sealed: Uint8Array[] = [];
  readonly keys: { name: string; bytes: Uint8Array }[] = [];
  readonly privateTexts: { name: string; text: string }[] = [];
  private readonly known = new Set<number>();
  private readonly world: World;

  private constructor(world: World) {
    this.world = world;
  }

  /** The constant secrets, and the footage so far. */
  static async of(world: World): Promise<Secrets> {
    const secrets = new Secrets(world);
    await secrets.gatherFixed();
    await secrets.gather();
    return secrets;
  }

  /** The period of the camera's sound, or null. */
  get soundCycleUs(): number | null {
    return this.world.setting.camera.kind === 'synthetic' ? (CYCLE_FRAMES / SYNTHETIC_FPS) * 1_000_000 : null;
  }

  get areaUser(): string {
    return `device-area-${this.world.up.deviceId}`;
  }

  private async gatherFixed(): Promise<void> {
    const { world } = this;
    const { data, privates } = world;
    const { disk, random } = seams;
    const { secret } = keyFileSchema.parse(JSON.parse(await readFile(join(data, 'device.key'), 'utf8')));
    this.addKey('the identity key', Buffer.from(secret, 'base64url'));
    this.addKey("the owner's key", Buffer.from(world.up.fixture.cast.owner.key.exportSecret(), 'base64url'));
    this.addKey('the wrapping key', (await readFile(join(data, 'wrapping.key'))).subarray(8));
    const wrapper = new FileDeviceKey(disk, random, join(data, 'wrapping.key'));
    this.addKey(
      'the outbox key',
      (await loadOrCreateSealKey(disk, random, wrapper, join(data, 'outbox.key'), 'outbox')).secret,
    );
    const { sealing } = world.up;
    if (sealing) this.addKey("the recipient's key", Buffer.from(sealing.pair.exportSecret(), 'base64url'));
    for (const [key, value] of Object.entries(privates.values)) this.addText(`value ${key}`, value);
    this.addText('the longitude', privates.place.longitude.toFixed(6).slice(0, -2));
    this.addText('the latitude', privates.place.latitude.toFixed(6).slice(0, -2));
    for (const degrees of Object.values(privates.place)) {
      const bytes = Buffer.alloc(16);
      bytes.writeDoubleBE(degrees, 0);
      bytes.writeDoubleLE(degrees, 8);
      this.texts.addBytes('the place as a number', bytes.subarray(0, 8));
      this.texts.addBytes('the place as a number', bytes.subarray(8));
    }
    this.addText('the camera user', privates.cameraUser);
    this.addText('the camera password', privates.cameraPassword);
    const { area } = enrolmentSchema.parse(JSON.parse(await readFile(join(data, 'enrolment.json'), 'utf8')));
    if (world.setting.console) {
      this.addText('the webhook secret', privates.webhookSecret);
      this.addText('the ntfy token', privates.ntfyToken);
    }
    this.addText('the home password', world.up.homeAccount.password);
    this.addText('the area password', area.password);
    this.addText("the owner's password", world.up.home.account.password);
  }

  /** `secret`: encrypts the clip of one grant. */
  addContentKey(grant: string, secret: Uint8Array): void {
    this.addKey(`the content key of ${grant}`, secret);
  }

  /** `bytes`: an encrypted clip, opened. Pictures that were encoded anew for it are in no other place. */
  addClip(grant: string, bytes: Uint8Array): void {
    this.never.add(`the clip of ${grant}`, bytes);
  }

  private addKey(name: string, bytes: Uint8Array): void {
    this.keys.push({ name, bytes });
    this.never.addKey(name, bytes);
  }

  private addText(name: string, text: string): void {
    this.privateTexts.push({ name, text });
    this.texts.addText(name, text);
  }

  /** Adds the current contents of the ring. */
  async gather(): Promise<void> {
    if (this.world.setting.ring === 'memory') await this.gatherFromSource();
    else await this.gatherFromRing();
  }

  /** Reads a copy of the ring file, because the device goes on writing. */
  private async gatherFromRing(): Promise<void> {
    const copy = await mkdtemp(join(tmpdir(), 'doorsill-ring-'));
    const { disk, random } = seams;
    try {
      // The key first: a ring that is renewed in between cannot be opened, and the next call reads it.
      for (const name of ['wrapping.key', 'ring.key', 'ring'])
        await copyFile(join(this.world.data, name), join(copy, name));
      const wrapper = new FileDeviceKey(disk, random, join(copy, 'wrapping.key'));
      const keyFile = new RingKeyFile(new WrappedFile(disk, wrapper, join(copy, 'ring.key'), 'ring'), random);
      const key = await keyFile.load();
      if (!key) throw new Error('the ring key does not open');
      if (!this.keys.some(({ bytes }) => Buffer.compare(bytes, key.secret) === 0))
        this.addKey('the ring key', key.secret.slice());
      const seal = new RecordSeal(key, random.bytes(16));
      const file = await disk.open(join(copy, 'ring'), { create: false });
      try {
        for (const header of (await scanRing(file, await file.size(), seal, keyFile.retiredId)).records) {
          if (header.kind !== 'live' || this.known.has(header.sequence)) continue;
          const record = await file.read(header.position, seal.recordBytes(header));
          const opened = seal.openHeader(record.subarray(0, 4096), header.position);
          const body = seal.openBody(record, header.position, header.sequence);
          const segment = body && decodeSegment(body);
          // A record that was being written during the copy is complete next time.
          if (!segment || opened.what !== 'header') continue;
          this.known.add(header.sequence);
          this.sealed.push(record);
          this.never.add(`sealed record ${header.sequence}`, record);
          this.never.addKey(`the key of record ${header.sequence}`, opened.bodyKey.secret);
          this.addSegment(segment);
        }
      } finally {
        await file.close();
      }
    } finally {
      await rm(copy, { recursive: true });
    }
  }

  /** A ring in memory cannot be read: its footage is that of the same file, recorded again. */
  private async gatherFromSource(): Promise<void> {
    const { camera } = this.world.setting;
    const startUs = this.world.state?.camera.sourceStartUs;
    if (camera.kind !== 'file' || startUs === undefined) throw new Error('only a file can be recorded again');
    if (this.samples.size > 0) return;
    const recorder = await new Recorder(await findFfmpeg(), `file:${camera.path}?once&pace=fast`).whole();
    const ownStartUs = recorder.changes.find(({ recording }) => recording)?.recording?.sourceStartUs ?? 0;
    for (const segment of recorder.segments) {
      this.addSegment({ ...segment, wallOffsetUs: segment.wallOffsetUs + startUs - ownStartUs });
    }
  }

  private addSegment(segment: Segment): void {
    const init = parseInit(segment.init);
    const { video, audio } = parseFragment(init, segment.fragment);
    const add = (kind: string, timescale: number, pts: number, duration: number, data: Uint8Array) => {
      const startUs = wallTimeUs(pts, timescale, segment.wallOffsetUs);
      const endUs = wallTimeUs(pts + duration, timescale, segment.wallOffsetUs);
      const sample = { name: `${kind} ${segment.recording} ${startUs}`, startUs, endUs, bytes: data };
      this.samples.set(sample.name, sample);
      this.footage.add(sample.name, data);
    };
    for (const { pts, duration, data } of video) add('frame', init.video.timescale, pts, duration, data);
    const { audio: sound } = init;
    if (sound) for (const { pts, duration, data } of audio) add('sound', sound.timescale, pts, duration, data);
  }
}
