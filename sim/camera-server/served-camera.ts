// A whole camera: footage, faults, servers and control socket.
import { resolve } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import { type Random, SeededRandom } from '@doorsill/base/random';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { failure } from '../errors.ts';
import { pressesAt, SYNTHETIC_FPS, sceneAt } from '../porch/scene.ts';
import { type AccessUnit, type StreamFormat, sizeOf } from './access-units.ts';
import { CameraControlSocket, type ControlOrder, type ControlState } from './camera-control-socket.ts';
import { CameraFootage, readFilmedSource } from './camera-footage.ts';
import type { Login } from './digest-login.ts';
import { isFaultName } from './fault-table.ts';
import { FaultSet, parseFault } from './faults.ts';
import { HttpStreams, stillOf } from './http-streams.ts';
import { RtspServer } from './rtsp-server.ts';
import type { ServedStream } from './rtsp-session.ts';
import { assertMayServe, grouped, parseAddressToServe, type ServedAddress } from './served-address.ts';
import { UnitFaults } from './unit-faults.ts';
import { V4l2Output } from './v4l2-output.ts';

export interface ServedCameraOptions {
  /** `synthetic?...`, or a file. */
  source: string;
  /** URLs; port 0 takes any free one. */
  serve: readonly string[];
  /** In the syntax of `parseFault`, from the first picture on. */
  faults?: readonly string[];
  login?: Login;
  /** Whether everybody may watch, also from other machines. */
  isOpenToAll?: boolean;
  control?: string;
  /** Send the file's own H.264 unchanged. */
  isCopied?: boolean;
}

export interface ServedCameraDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: Log;
  readonly ffmpeg: Ffmpeg;
}

/** An event in front of the drawn porch's camera, at a wall time in microseconds. */
export interface CameraEvent {
  readonly type: 'press' | 'motion-start' | 'motion-end';
  readonly atUs: number;
}

const ADDRESSES_MAX = 8;
const PICTURES_FOR_FACTS = 16;

/** Start of the wall clock with the fault `clock-1970`. */
const WALL_1970_US = 0;

export class ServedCamera {
  private readonly deps: ServedCameraDeps;
  private readonly faults: FaultSet;
  private readonly footage: CameraFootage;
  private readonly unitFaults: UnitFaults;
  private readonly addresses: ServedAddress[];
  private readonly login: Login | null;
  private readonly control: CameraControlSocket | null;
  private readonly servers: (RtspServer | HttpStreams | V4l2Output)[] = [];
  private readonly listeners = new Set<(event: CameraEvent) => void>();
  private readonly filmedListeners = new Set<(unit: AccessUnit) => void>();
  private readonly sentListeners = new Set<(unit: AccessUnit) => void>();
  private readonly ending = new AbortController();
  private filming: Promise<void> = Promise.resolve();
  /** Resolves with the first picture. */
  private readonly begun: Promise<void>;
  private begin: () => void = () => undefined;
  private format: StreamFormat | null = null;
  private key: AccessUnit | null = null;
  private isMoving = false;
  private servedUrls: string[] = [];

  /**
   * Only parses its options. Throws `camera_source_unserved`, `camera_address_unserved`, `camera_open_to_all`, `camera_not_found`,
   * `camera_option_invalid`, `camera_fault_...`.
   */
  constructor(options: ServedCameraOptions, deps: ServedCameraDeps) {
    const source = readFilmedSource(options.source);
    const isCopied = options.isCopied === true;
    if (isCopied && source.kind !== 'file')
      throw failure('camera_source_unserved', { source: `${source.shown} with --copy` });
    this.deps = deps;
    this.begun = new Promise((resolve) => {
      this.begin = resolve;
    });
    this.login = options.login ?? null;
    this.addresses = options.serve.map(parseAddressToServe);
    if (this.addresses.length === 0 || this.addresses.length > ADDRESSES_MAX)
      throw failure('camera_address_unserved', {
        url: 'none, or too many',
        detail: `it takes 1 to ${ADDRESSES_MAX} addresses`,
      });
    const watching = { hasLogin: this.login !== null, isOpenToAll: options.isOpenToAll === true };
    // File permissions decide who may open a v4l2 node.
    for (const { kind, host } of this.addresses) if (kind !== 'v4l2') assertMayServe(host, watching);
    this.faults = new FaultSet({ isCopied });
    for (const text of options.faults ?? []) this.faults.add(parseFault(text));
    this.footage = new CameraFootage(
      source,
      { ...deps, faults: this.faults, isCopied },
      { unit: (unit) => this.onUnit(unit), format: (format) => this.setFormat(format) },
    );
    this.unitFaults = new UnitFaults({
      faults: this.faults,
      // A generator of its own, so that viewers don't change which units the faults hit.
      random: new SeededRandom(Buffer.from(deps.random.bytes(4)).readUInt32BE()),
      later: (us, call) => deps.clock.after(us / 1_000, call),
      send: (unit) => this.send(unit),
    });
    const { control } = options;
    const execute = (order: ControlOrder) => this.execute(order);
    this.control = control === undefined ? null : new CameraControlSocket(resolve(control), { ...deps, execute });
  }

  /**
   * Starts to film and to listen; resolves when viewers may connect. Throws `camera_no_video`, `camera_refused_format`, `port_in_use`,
   * `camera_address_unserved`, `camera_control_unusable`, after it has stopped everything again.
   */
  async start(): Promise<void> {
    try {
      // Errors of listening are found before ffmpeg starts.
      await this.control?.start();
      await this.listen();
      this.filming = this.footage.film(this.ending.signal);
      // A rejection is handled by the callers of `over`, if there are any.
      this.filming.catch(() => undefined);
      await Promise.race([this.begun, this.filming]);
      if (!this.format)
        throw failure('camera_no_video', { source: this.footage.source.shown, detail: 'no picture comes' });
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  /** Resolves at the end of the footage. Throws what ended it early. */
  get over(): Promise<void> {
    return this.filming;
  }

  /** The addresses that viewers connect to, with their actual ports. */
  get urls(): readonly string[] {
    return this.servedUrls;
  }

  /** Calls `listener` at each event in the drawn porch. Returns the function that unsubscribes it. */
  onEvent(listener: (event: CameraEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** True wall time of a camera time, regardless of clock faults. */
  wallUs(us: number): number {
    return this.footage.wallUs(us);
  }

  /** Calls `listener` with every unit before faults are applied. */
  onFilmed(listener: (unit: AccessUnit) => void): void {
    this.filmedListeners.add(listener);
  }

  /** Calls `listener` with every unit that is sent, after faults. */
  onSent(listener: (unit: AccessUnit) => void): void {
    this.sentListeners.add(listener);
  }

  /** The size in pixels and the frame rate of the first pictures; resolves after some of them. */
  async facts(): Promise<{ size: { width: number; height: number }; framesPerSecond: number }> {
    const size = sizeOf(this.stream().format());
    const times: number[] = [];
    await new Promise<void>((resolve) => {
      const count = ({ track, dueUs }: AccessUnit) => {
        if (track === 'video') times.push(dueUs);
        if (times.length < PICTURES_FOR_FACTS) return;
        this.filmedListeners.delete(count);
        resolve();
      };
      this.filmedListeners.add(count);
      this.filming.then(resolve, resolve);
    });
    const [first = 0] = times;
    const seconds = ((times.at(-1) ?? first) - first) / 1_000_000;
    return { size, framesPerSecond: seconds > 0 ? Math.round((times.length - 1) / seconds) : 1 };
  }

  /** The last keyframe as a JPEG; null before the first one. Throws `ffmpeg_failed`. */
  snapshot(): Promise<Uint8Array | null> {
    return stillOf(this.httpDeps());
  }

  /** Executes an order of the control socket. Throws `camera_fault_...`. */
  execute(order: ControlOrder): ControlState {
    const { nowUs } = this.footage;
    if (order.do === 'add') this.faults.add(parseFault(order.fault, nowUs));
    if (order.do === 'clear') {
      const { name } = order;
      const known = name === 'all' || isFaultName(name) ? name : null;
      if (known === null) parseFault(name);
      else if (this.faults.clear(known, nowUs) === 0 && known !== 'all')
        throw failure('camera_fault_not_set', { name });
    }
    return this.state;
  }

  private get state(): ControlState {
    const { nowUs } = this.footage;
    const seconds = (us: number) => Math.round(us / 1_000) / 1_000;
    return {
      nowS: seconds(nowUs),
      viewers: this.servers.reduce((sum, server) => sum + server.viewers, 0),
      serves: [...this.servedUrls],
      faults: this.faults.list(nowUs).map(({ text, name, fromUs, untilUs }) => ({
        fault: text,
        name,
        fromS: seconds(fromUs),
        untilS: Number.isFinite(untilUs) ? seconds(untilUs) : null,
      })),
    };
  }

  /** Disconnects all viewers, and ends ffmpeg and all listeners. */
  async stop(): Promise<void> {
    this.ending.abort();
    this.unitFaults.stop();
    await this.control?.stop();
    await Promise.all(this.servers.splice(0).map((server) => server.stop()));
    await this.filming.catch(() => undefined);
  }

  private async listen(): Promise<void> {
    const { deps, login } = this;
    const stream = this.stream();
    for (const group of grouped(this.addresses)) {
      const [first] = group;
      if (first.kind === 'rtsp') {
        const server = new RtspServer(first, login, { ...deps, stream });
        this.servers.push(server);
        this.servedUrls.push(first.urlAt(await server.start()));
      } else if (first.kind === 'v4l2') {
        const output = new V4l2Output(first.path, { ...deps, stream });
        this.servers.push(output);
        await output.start();
        this.servedUrls.push(first.urlAt(0));
      } else {
        const kinds = new Map(
          group.flatMap(({ kind, path }) => (kind === 'rtsp' || kind === 'v4l2' ? [] : [[path, kind] as const])),
        );
        const server = new HttpStreams(first, kinds, login, this.httpDeps());
        this.servers.push(server);
        const port = await server.start();
        for (const address of group) this.servedUrls.push(address.urlAt(port));
      }
    }
  }

  private stream(): ServedStream {
    return {
      ready: this.begun,
      faults: this.faults,
      nowUs: () => this.footage.nowUs,
      wallUs: (us) => (this.faults.at('clock-1970', this.footage.nowUs) ? WALL_1970_US + us : this.footage.wallUs(us)),
      format: () => {
        if (!this.format) throw failure('internal', { detail: 'viewers are served only after the first picture' });
        return this.format;
      },
    };
  }

  private httpDeps() {
    return { ...this.deps, stream: this.stream(), lastKey: () => this.key };
  }

  private setFormat(format: StreamFormat): void {
    const before = this.format;
    this.format = format;
    if (before === null) {
      this.begin();
      return;
    }
    // RTSP viewers keep their SDP while the codec stays: new parameter sets travel in the stream.
    for (const server of this.servers) {
      if (!(server instanceof RtspServer)) server.formatChanged();
      else if (before.codec !== format.codec) server.codecChanged();
    }
  }

  private onUnit(unit: AccessUnit): void {
    this.emitEvents(unit);
    for (const listener of this.filmedListeners) listener(unit);
    this.unitFaults.take(unit);
  }

  private send(unit: AccessUnit): void {
    if (unit.track === 'video' && unit.key) this.key = unit;
    for (const listener of this.sentListeners) listener(unit);
    for (const server of this.servers) server.unit(unit);
  }

  private emitEvents({ track, dueUs }: AccessUnit): void {
    const { source } = this.footage;
    if (track !== 'video' || source.kind !== 'synthetic') return;
    const frame = Math.round((dueUs * SYNTHETIC_FPS) / 1_000_000);
    const scene = sceneAt(frame, source.play);
    const isMoving = scene.visitor !== null || scene.dog !== null;
    const atUs = this.footage.wallUs(dueUs);
    const emit = (type: CameraEvent['type']) => {
      for (const listener of this.listeners) listener({ type, atUs });
    };
    if (isMoving !== this.isMoving) emit(isMoving ? 'motion-start' : 'motion-end');
    this.isMoving = isMoving;
    if (pressesAt(frame, source.play)) emit('press');
  }
}
