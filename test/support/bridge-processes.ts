// Instances of one bridge that are processes of their own, each behind proxies to its database and its bucket at which a moment of its work
// can be told, so that it can be killed there.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { BridgeConfigInput } from '../../cloud-bridge/bridge-config.ts';
import { BridgeFixture } from './bridge-fixture.ts';
import type { SharedGround } from './bridge-instances.ts';
import { type CountingProxy, startCountingProxy } from './counting-proxy.ts';
import { freePort } from './mosquitto.ts';
import { PartProcess } from './strace.ts';

const readySchema = z.object({ url: z.string() });

/** One instance, whether its process runs or not. */
export class InstanceProcess {
  readonly folder: string;
  readonly port: number;
  /** Where what it sends to its database, and to its bucket, passes. */
  readonly toDatabase: CountingProxy;
  readonly toBucket: CountingProxy;
  process: PartProcess | null = null;
  url = '';

  constructor(folder: string, port: number, toDatabase: CountingProxy, toBucket: CountingProxy) {
    this.folder = folder;
    this.port = port;
    this.toDatabase = toDatabase;
    this.toBucket = toBucket;
  }

  /** Starts it; resolves when it listens. */
  async start(): Promise<void> {
    const part = new PartProcess(['bridge', '--data', this.folder]);
    this.process = part;
    const line = await part.ready();
    if (!line) throw new Error(`an instance did not start: ${part.stderr}`);
    this.url = readySchema.parse(line).url;
  }

  /** Kills it after it has sent this many pieces, one for each statement or call, to its database or its bucket. */
  killAt(piece: number, at: 'database' | 'bucket'): void {
    const proxy = at === 'database' ? this.toDatabase : this.toBucket;
    let seen = 0;
    proxy.onSent = () => {
      seen += 1;
      if (seen === piece) void this.process?.stop('SIGKILL');
    };
  }

  /** Counts the pieces from now on; the function that it returns says how many there were. */
  countPieces(at: 'database' | 'bucket'): () => number {
    const proxy = at === 'database' ? this.toDatabase : this.toBucket;
    let seen = 0;
    proxy.onSent = () => {
      seen += 1;
    };
    return () => seen;
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<string> {
    for (const proxy of [this.toDatabase, this.toBucket]) proxy.onSent = null;
    return (await this.process?.stop(signal)) ?? 'never started';
  }

  /** Sends it a signal, does `meanwhile`, and waits for its end; resolves with how it ended. */
  async begin(signal: NodeJS.Signals, meanwhile: () => Promise<void>): Promise<string> {
    const ended = this.end(signal);
    await meanwhile();
    return ended;
  }

  staged(): Promise<string[]> {
    return readdir(join(this.folder, 'staging'));
  }

  async close(): Promise<void> {
    await this.end('SIGKILL');
    await this.toDatabase.stop();
    await this.toBucket.stop();
  }
}

/** Instances `a` and `b`, which run, and a fixture that calls whichever is named. */
export class BridgeProcesses {
  readonly fixture: BridgeFixture;
  readonly a: InstanceProcess;
  readonly b: InstanceProcess;
  readonly request: string;
  /** Names of their database and their bucket. */
  readonly database: string;
  readonly bucket: string;

  private constructor(
    fixture: BridgeFixture,
    [a, b]: readonly [InstanceProcess, InstanceProcess],
    { request, database, bucket }: { request: string; database: string; bucket: string },
  ) {
    this.fixture = fixture;
    this.a = a;
    this.b = b;
    this.request = request;
    this.database = database;
    this.bucket = bucket;
  }

  static async open(
    ground: SharedGround,
    { drainS, ...settings }: Partial<BridgeConfigInput> & { drainS: number },
  ): Promise<BridgeProcesses> {
    const place = await ground.place();
    const { s3, database } = place;
    const { url: areaUrl, accounts } = ground.broker;
    const { http: _ofProcesses, ...others } = settings;
    const bridge = { ...others, database };
    // It makes the world ready and leaves: agency, device and request are in the database from then on.
    const fixture = await BridgeFixture.open({ areaUrl, accounts, instance: { name: 'first', s3 }, bridge });
    const request = await fixture.ready();
    await fixture.bridge.stop();
    const make = async (name: string) => {
      const port = await freePort();
      const folder = join(fixture.folder, name);
      const toDatabase = await startCountingProxy(ground.postgres.port);
      const toBucket = await startCountingProxy(ground.moto.port);
      const config: Partial<BridgeConfigInput> = {
        ...settings,
        database: ground.postgres.url(place.name).replace(`:${ground.postgres.port}/`, `:${toDatabase.port}/`),
        http: { ...settings.http, port },
        instance: { name, drainS, secretsFolder: fixture.bridgeFolder, s3: { ...s3, endpoint: toBucket.url } },
        registry: { url: fixture.registry.url, key: fixture.cast.registry.key.publicKey },
        area: { url: areaUrl, accounts },
      };
      await mkdir(folder);
      await writeFile(join(folder, 'bridge.json'), JSON.stringify(config));
      const one = new InstanceProcess(folder, port, toDatabase, toBucket);
      await one.start();
      return one;
    };
    const both = [await make('a'), await make('b')] as const;
    return new BridgeProcesses(fixture, both, { request, database: place.name, bucket: s3.bucket });
  }

  /** Sends the fixture's next calls to this one. */
  at(instance: InstanceProcess): void {
    this.fixture.elsewhere = instance.url;
  }

  async close(): Promise<void> {
    await this.a.close();
    await this.b.close();
    await this.fixture.close();
  }
}
