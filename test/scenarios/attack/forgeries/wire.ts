// A real broker of the attacker without access rules, and the device's two links to it, connected to the gate as in the firmware.
import { createServer, type Server } from 'node:net';
import { Aedes, type Client } from 'aedes';
import { AreaLink } from '../../../../device/area-link/area-link.ts';
import { SystemClock } from '../../../../device/base/clock.ts';
import { silentLog } from '../../../../device/base/log.ts';
import { MqttLink } from '../../../../device/base/mqtt-link.ts';
import { SystemRandom } from '../../../../device/base/random.ts';
import { failure } from '../../../../device/contract/errors.ts';
import { PAYLOAD_BYTES_MAX } from '../../../../device/contract/topics.ts';
import { HomeLink } from '../../../../device/home-link/home-link.ts';
import { PREFIX } from '../../../device/consent/gate-rig.ts';
import { QuickClock } from '../../../support/quick-clock.ts';
import type { Scene } from './scene.ts';
import type { Message } from './strike.ts';

const MARK = 'mark-';
const REACHED_MS_MAX = 20_000;

export class Wire {
  private broker: Aedes | null = null;
  private server: Server | null = null;
  private home: HomeLink | null = null;
  private area: AreaLink | null = null;
  private sender: MqttLink | null = null;
  private homeClient: Client | null = null;
  private readonly marks = new Map<string, () => void>();
  private readonly underWay = new Set<Promise<unknown>>();
  private number = 0;

  /** Connects the scene's device. */
  async start(scene: Scene): Promise<void> {
    const broker = await Aedes.createBroker();
    const server = createServer(broker.handle);
    this.broker = broker;
    this.server = server;
    // A client's subscriptions identify it: only the device's home link subscribes to consent topics.
    broker.on('subscribe', (filters, client) => {
      if (filters.some(({ topic }) => topic.includes('/consent/'))) this.homeClient = client;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const { device, cell } = scene.cast;
    const { gate } = scene.rig;
    const login = { url: `mqtt://127.0.0.1:${address.port}`, password: 'anything-goes-here' };
    const parts = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog() };
    const home = new HomeLink({ ...login, ...parts, user: 'home', device: device.id, prefix: PREFIX });
    const area = new AreaLink({ ...login, ...parts, clock: new QuickClock(), user: 'area', cell, prefix: PREFIX });
    const unreachable = (where: string, detail: string) =>
      failure('unreachable', { what: 'the broker', where, detail });
    this.sender = new MqttLink({ ...login, ...parts, user: 'sender', payloadBytesMax: PAYLOAD_BYTES_MAX, unreachable });
    home.onMessage((message) => {
      if (!this.isMark(Buffer.from(message.payload).toString())) this.follow(gate.onOwnerMessage(message));
    });
    area.onMessage((message) => {
      if (this.isMark(message.token)) return;
      if (message.kind === 'revocations') this.follow(gate.onRevocations(message.token));
      else this.follow(gate.onAreaDocument(message.part, message.token));
    });
    this.home = home;
    this.area = area;
    home.start();
    area.start();
    this.sender.start();
    await this.sender.reached(REACHED_MS_MAX);
    // A mark that arrives shows that the subscription exists; until then it is sent again.
    for (const topic of [this.markTopic(scene, true), this.markTopic(scene, false)]) {
      for (let back = false; !back; ) {
        back = await Promise.race([this.mark(topic, false).then(() => true), parts.clock.sleep(200).then(() => false)]);
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Sends a message by the broker; resolves when the gate has processed it, or the links have dropped it. */
  async deliver(scene: Scene, message: Message): Promise<void> {
    const isArea = message.topic.startsWith(`${PREFIX}/area/`);
    const fromStorage = message.retained && !isArea;
    await this.publish(message.topic, message.payload, fromStorage);
    await this.mark(this.markTopic(scene, isArea), fromStorage);
    await Promise.all(this.underWay);
    await scene.rig.gate.idle();
  }

  /** A retained message is the broker's own claim, so it is sent to the device's client directly. */
  private async publish(topic: string, payload: Uint8Array, fromStorage: boolean): Promise<void> {
    if (!fromStorage) return this.sender?.publish(topic, payload);
    const client = this.homeClient;
    if (!client) throw new Error('the device is not here');
    const packet = { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 0, retain: true, dup: false } as const;
    await new Promise<void>((resolve, reject) =>
      client.publish(packet, (error) => (error ? reject(error) : resolve())),
    );
  }

  /** Sends a mark after other messages on the same way; resolves when the link has it. */
  private async mark(topic: string, fromStorage: boolean): Promise<void> {
    this.number += 1;
    const text = `${MARK}${this.number}`;
    const back = new Promise<void>((resolve) => this.marks.set(text, resolve));
    await this.publish(topic, Buffer.from(text), fromStorage);
    await back;
  }

  private markTopic({ rig, cast }: Scene, isArea: boolean): string {
    // In the same queue as documents: revocations overtake them.
    return isArea ? rig.topics.areaRequests(cast.cell, 1) : rig.topics.command(cast.device.id);
  }

  private isMark(text: string): boolean {
    const known = this.marks.get(text);
    this.marks.delete(text);
    known?.();
    return text.startsWith(MARK);
  }

  private follow(work: Promise<unknown>): void {
    this.underWay.add(work);
    void work.finally(() => this.underWay.delete(work)).catch(() => undefined);
  }

  async stop(): Promise<void> {
    await Promise.all([this.home?.stop(), this.area?.stop(), this.sender?.stop()]);
    const { broker, server } = this;
    if (broker) await new Promise<void>((resolve) => broker.close(() => resolve()));
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
