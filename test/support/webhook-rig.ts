// Owns: a bridge whose agency has a server of its own for webhooks, and what the agency does about them. Not here: any judgement.
import { SystemClock } from '../../device/base/clock.ts';
import { freshId } from '../../device/base/random.ts';
import { type Answer, BridgeHouse, ShiftedClock } from './bridge-house.ts';
import { type Party, textClaim } from './parties.ts';
import { WebhookReceiver } from './webhook-receiver.ts';

export const WEBHOOK_SECRET = 'porch-'.padEnd(43, 'x');
export const QUICK_WEBHOOKS = { loopback: true, everyS: 0.02, retrySFirst: 1, retrySMost: 1, answerSMax: 0.2 };

const PATIENCE_MS = 10_000;

export class WebhookRig {
  readonly house: BridgeHouse;
  readonly receiver: WebhookReceiver;

  private constructor(house: BridgeHouse, receiver: WebhookReceiver) {
    this.house = house;
    this.receiver = receiver;
  }

  /** A bridge with an agency that has no webhook yet. */
  static async open(): Promise<WebhookRig> {
    const receiver = await WebhookReceiver.open();
    const house = await BridgeHouse.open({ bridge: { webhooks: QUICK_WEBHOOKS }, clock: new ShiftedClock() });
    await house.admitAgency();
    return new WebhookRig(house, receiver);
  }

  async close(): Promise<void> {
    await this.house.close();
    await this.receiver.close();
  }

  set(url = this.receiver.url, agency: Party = this.house.cast.agency): Promise<Answer> {
    const call = { action: 'set-webhook', url, secret: WEBHOOK_SECRET };
    return this.call('PUT', this.house.agencyCall(call, agency));
  }

  remove(): Promise<Answer> {
    return this.call('DELETE', this.house.agencyCall({ action: 'remove-webhook' }));
  }

  call(method: string, bearer: string): Promise<Answer> {
    return this.house.send(method, '/v1/webhook', { authorization: `Bearer ${bearer}` });
  }

  /** A page of the agency's events. */
  async events(query = ''): Promise<{ events: Record<string, unknown>[]; next: unknown }> {
    const bearer = this.house.agencyCall({ action: 'see-webhook' });
    const { body } = await this.house.get(`/v1/webhook/events${query}`, bearer);
    return { events: Array.isArray(body['events']) ? body['events'] : [], next: body['next'] };
  }

  /** Has a request published. */
  async post(changes = {}): Promise<{ token: string; id: string }> {
    const token = this.house.cast.request({ investigation: freshId(this.house.random, 'case'), ...changes });
    const { status } = await this.house.post('/v1/requests', { request: token });
    if (status !== 201) throw new Error(`the request was refused with ${status}`);
    return { token, id: textClaim(token, 'jti') };
  }

  resolve(id: string): Promise<Answer> {
    const call = this.house.agencyCall({ action: 'resolve-request', request: id });
    return this.house.post(`/v1/requests/${id}/resolve`, {}, call);
  }

  /** Looks again and again until it holds. */
  async until(what: () => boolean | Promise<boolean>): Promise<void> {
    const clock = new SystemClock();
    const endMs = clock.monotonicMs() + PATIENCE_MS;
    while (!(await what())) {
      if (clock.monotonicMs() > endMs) throw new Error(`it never came: ${this.receiver.types.join()}`);
      await clock.sleep(10);
    }
  }
}
