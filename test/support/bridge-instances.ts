// Several instances of one bridge on a PostgreSQL server, an S3 server and a broker, all real; calls go to whichever is named.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bridge } from '../../cloud-bridge/bridge.ts';
import type { BridgeConfigInput } from '../../cloud-bridge/bridge-config.ts';
import { BridgeFixture } from './bridge-fixture.ts';
import { startBroker, type TestBroker } from './broker.ts';
import { freePort } from './mosquitto.ts';
import { Moto } from './moto.ts';
import { PostgresServer } from './postgres.ts';

/** What instances stand on. */
export class SharedGround {
  readonly postgres: PostgresServer;
  readonly moto: Moto;
  readonly broker: TestBroker;
  private count = 0;

  private constructor(postgres: PostgresServer, moto: Moto, broker: TestBroker) {
    this.postgres = postgres;
    this.moto = moto;
    this.broker = broker;
  }

  static async open(): Promise<SharedGround> {
    const opening = [PostgresServer.open(await freePort()), Moto.open({ checking: false }), startBroker()] as const;
    const [postgres, moto, broker] = await Promise.all(opening);
    process.env['AWS_SECRET_ACCESS_KEY'] = moto.secret;
    return new SharedGround(postgres, moto, broker);
  }

  async close(): Promise<void> {
    await this.broker.stop();
    await this.moto.close();
    await this.postgres.dispose();
  }

  /** A new database and a new bucket; returns the settings that name them, for one instance. */
  async place(): Promise<{ database: string; name: string; s3: Awaited<ReturnType<Moto['bucket']>> }> {
    this.count += 1;
    const name = `instances_${this.count}`;
    return { name, database: await this.postgres.database(name), s3: await this.moto.bucket(`clips-${this.count}`) };
  }
}

/** One bridge as two instances: `a`, which is the fixture's own, and `b`. Calls go to `a` unless `at` names the other. */
export class Instances {
  readonly fixture: BridgeFixture;
  readonly b: Bridge;
  /** Names of their database and their bucket. */
  readonly database: string;
  readonly bucket: string;

  private constructor(fixture: BridgeFixture, b: Bridge, place: { name: string; s3: { bucket: string } }) {
    this.fixture = fixture;
    this.b = b;
    this.database = place.name;
    this.bucket = place.s3.bucket;
  }

  static async open(ground: SharedGround, bridge: Partial<BridgeConfigInput> = {}): Promise<Instances> {
    const place = await ground.place();
    const { database, s3 } = place;
    const { url: areaUrl, accounts } = ground.broker;
    const instance = { name: 'a', s3 };
    const fixture = await BridgeFixture.open({ areaUrl, accounts, instance, bridge: { ...bridge, database } });
    const b = fixture.makeBridge({
      dataFolder: join(fixture.folder, 'b'),
      instance: { name: 'b', s3, drainS: 0, secretsFolder: fixture.bridgeFolder },
      http: {},
    });
    await b.start();
    return new Instances(fixture, b, place);
  }

  /** Sends the fixture's next calls to this one. */
  at(instance: 'a' | 'b'): void {
    this.fixture.elsewhere = instance === 'a' ? null : this.b.url;
  }

  /** Both know an agency and a device, and a request is published; returns the request's token. */
  async ready(): Promise<string> {
    const request = await this.fixture.ready();
    await this.b.refreshRevocations();
    return request;
  }

  /** What is staged, by instance. */
  async staged(instance: 'a' | 'b'): Promise<string[]> {
    const folder = instance === 'a' ? this.fixture.bridgeFolder : join(this.fixture.folder, 'b');
    return readdir(join(folder, 'staging'));
  }

  async close(): Promise<void> {
    await this.b.stop();
    await this.fixture.close();
  }
}
