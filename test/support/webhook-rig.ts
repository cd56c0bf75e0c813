// A bridge whose agency has a server of its own for webhooks, and what the agency does about them.
import { SystemClock } from '../../device/base/clock.ts';
import { freshId } from '../../device/base/random.ts';
import { type Answer, BridgeFixture, ShiftedClock } from './bridge-fixture.ts';
import { type Party, textClaim } from './parties.ts';
import { WebhookReceiver } from './webhook-receiver.ts';

export const WEBHOOK_SECRET = 'porch-'.padEnd(43, 'x');
export const QUICK_WEBHOOKS = { loopback: true, everyS: 0.02, retrySFirst: 1, retrySMost: 1, answerSMax: 0.2 };

const PATIENCE_MS = 10_000;

export class WebhookRig {
  readonly fixture: BridgeFixture;
  readonly receiver: WebhookReceiver;

  private constructor(fixture: BridgeFixture, receiver: WebhookReceiver) {
    this.fixture = fixture;
    this.receiver = receiver;
  }

  /** A bridge with an agency that has no webhook yet. */
  static async open(): Promise<WebhookRig> {
    const receiver = await WebhookReceiver.open();
    const fixture = await BridgeFixture.open({ bridge: { webhooks: QUICK_WEBHOOKS }, clock: new ShiftedClock() });
    await fixture.admitAgency();
    return new WebhookRig(fixture, receiver);
  }

  async close(): Promise<void> {
    await this.fixture.close();
    await this.receiver.close();
  }

  set(url = this.receiver.url, agency: Party = this.fixture.cast.agency): Promise<Answer> {
    const call = { action: 'set-webhook', url, secret: WEBHOOK_SECRET };
    return this.call('PUT', this.fixture.agencyCall(call, agency));
  }

  remove(): Promise<Answer> {
    return this.call('DELETE', this.fixture.agencyCall({ action: 'remove-webhook' }));
  }

  call(method: string, bearer: string): Promise<Answer> {
    return this.fixture.send(method, '/v1/webhook', { authorization: `Bearer ${bearer}` });
  }

  /** A page of the agency's events. */
  async events(query = ''): Promise<{ events: Record<string, unknown>[]; next: unknown }> {
    const bearer = this.fixture.agencyCall({ action: 'see-webhook' });
    const { body } = await this.fixture.get(`/v1/webhook/events${query}`, bearer);
    return { events: Array.isArray(body['events']) ? body['events'] : [], next: body['next'] };
  }

  /** Has a request published. */
  async post(changes = {}): Promise<{ token: string; id: string }> {
    const token = this.fixture.cast.request({ investigation: freshId(this.fixture.random, 'case'), ...changes });
    const { status } = await this.fixture.post('/v1/requests', { request: token });
    if (status !== 201) throw new Error(`the request was refused with ${status}`);
    return { token, id: textClaim(token, 'jti') };
  }

  resolve(id: string): Promise<Answer> {
    const call = this.fixture.agencyCall({ action: 'resolve-request', request: id });
    return this.fixture.post(`/v1/requests/${id}/resolve`, {}, call);
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
