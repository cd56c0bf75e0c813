// A real broker, aedes or mosquitto, that allows everything to everybody, as an attacker's would, and a device's link to it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { SystemClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { MqttLink } from '../../../device/base/mqtt-link.ts';
import type { IncomingMessage } from '../../../device/base/mqtt-subscription.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { failure } from '../../../device/contract/errors.ts';
import { PAYLOAD_BYTES_MAX } from '../../../device/contract/topics.ts';
import type { BrokerKind } from '../../support/broker.ts';
import { freePort, Mosquitto } from '../../support/mosquitto.ts';

export class HostileWire {
  private endBroker: () => Promise<void> = async () => undefined;
  private readonly links: MqttLink[] = [];
  private sender: MqttLink | null = null;
  private device: MqttLink | null = null;
  private filters: string[] = [];
  private waiters: { resolve: () => void; reject: (thrown: unknown) => void }[] = [];
  private url = '';
  private receive: (message: IncomingMessage) => Promise<void> = async () => undefined;

  async start(kind: BrokerKind): Promise<void> {
    const broker = await (kind === 'mosquitto' ? openMosquitto() : openAedes());
    this.endBroker = broker.end;
    this.url = `mqtt://127.0.0.1:${broker.port}`;
    this.sender = await this.link();
  }

  /** Subscribes a device to these filters; `receive` gets its messages. */
  async attach(filters: string[], receive: (message: IncomingMessage) => Promise<void>): Promise<void> {
    this.receive = receive;
    this.filters = filters;
    this.device = await this.link();
    await this.device.subscribe(filters, (message) => this.take(message)).granted();
  }

  async detach(): Promise<void> {
    await this.device?.stop();
    this.device = null;
  }

  /** Publishes; resolves when the device has processed it. From storage: retained while the device is disconnected. */
  async deliver(topic: string, payload: string, fromStorage: boolean): Promise<void> {
    const sender = this.sender;
    if (!sender) throw new Error('not started');
    if (fromStorage) await this.detach();
    const dealtWith = this.nextDealtWith();
    await sender.publish(topic, payload, { retain: fromStorage });
    if (fromStorage) await this.attach(this.filters, this.receive);
    await dealtWith;
    if (fromStorage) await sender.publish(topic, '', { retain: true });
  }

  async stop(): Promise<void> {
    await Promise.all(this.links.map((link) => link.stop()));
    await this.endBroker();
  }

  private nextDealtWith(): Promise<void> {
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }));
  }

  private take(message: IncomingMessage): void {
    if (message.payload.length === 0) return;
    const waiter = this.waiters.shift();
    this.receive(message).then(
      () => waiter?.resolve(),
      (thrown: unknown) => waiter?.reject(thrown),
    );
  }

  private async link(): Promise<MqttLink> {
    const link = new MqttLink({
      url: this.url,
      user: 'anyone',
      password: 'anything-goes-here',
      // Larger than the contract's limit, so that the gate's own limit refuses.
      payloadBytesMax: 2 * PAYLOAD_BYTES_MAX,
      unreachable: (where, detail) => failure('unreachable', { what: 'the broker', where, detail }),
      clock: new SystemClock(),
      random: new SystemRandom(),
      log: silentLog(),
    });
    this.links.push(link);
    link.start();
    await link.reached(5_000);
    return link;
  }
}

interface OpenBroker {
  port: number;
  end(): Promise<void>;
}

async function openAedes(): Promise<OpenBroker> {
  const aedes = await Aedes.createBroker();
  const server: Server = createServer(aedes.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    async end() {
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function openMosquitto(): Promise<OpenBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-hostile-'));
  const [port, configuration] = [await freePort(), join(folder, 'mosquitto.conf')];
  await writeFile(configuration, `listener ${port} 127.0.0.1\nallow_anonymous true\n`);
  const broker = await Mosquitto.run(configuration, port);
  return {
    port,
    async end() {
      await broker.stop();
      await rm(folder, { recursive: true });
    },
  };
}
