import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock, SystemClock } from '../../../device/base/clock.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { type LogFacts, silentLog } from '../../../device/base/log.ts';
import type { IncomingMessage } from '../../../device/base/mqtt-subscription.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { fromUtf8 } from '../../../device/contract/bytes.ts';
import { DeviceEvent, DeviceState, RequestNotice, UploadProgress } from '../../../device/contract/home-messages.ts';
import { DEFAULT_PREFIX, topicsUnder } from '../../../device/contract/topics.ts';
import { HomeLink, type HomeLinkOptions } from '../../../device/home-link/home-link.ts';
import { collector, startBroker, type TestBroker } from '../../support/broker.ts';
import { describeOnEachBrokerAndCluster } from '../../support/each-broker.ts';
import { proved } from '../../support/proved.ts';

const DEVICE = 'device-1';
const topics = topicsUnder(DEFAULT_PREFIX);
const OWNER = { role: 'owner', id: 'owner-1', homes: [DEVICE] };

let broker: TestBroker;
let ownerAccount: { user: string; password: string };
const homes: HomeLink[] = [];
afterEach(async () => {
  await Promise.all(homes.splice(0).map((home) => home.stop()));
  await broker.stop();
});

async function makeHome(changes: Partial<HomeLinkOptions> = {}): Promise<HomeLink> {
  const account = await broker.issue({ role: 'device-home', id: DEVICE });
  const home = new HomeLink({
    device: DEVICE,
    prefix: DEFAULT_PREFIX,
    url: broker.url,
    ...account,
    clock: new SystemClock(),
    random: new SystemRandom(),
    log: silentLog(),
    ...changes,
  });
  homes.push(home);
  return home;
}

/** An owner's subscription to the device's topics, as `last level: payload`. */
async function listen(
  ...names: (keyof Pick<typeof topics, 'status' | 'state' | 'event' | 'request' | 'receipt' | 'upload'>)[]
) {
  const link = await broker.link(OWNER, ownerAccount);
  const heard = collector<{ name: string; text: string; retained: boolean }>();
  const subscription = link.subscribe(
    names.map((name) => topics[name](DEVICE)),
    ({ topic, payload, retained }) =>
      heard.take({ name: topic.split('/').at(-1) ?? '', text: String(fromUtf8(payload)), retained }),
  );
  link.start();
  await subscription.granted();
  return { link, heard };
}

const state = (atUs: number): DeviceState => ({
  device: DEVICE,
  name: 'Front door',
  atUs,
  camera: { state: 'recording', source: 'synthetic' },
  privacy: false,
  searchParty: false,
  ring: { kind: 'memory', bytes: 0, bytesMax: 1, segments: 0, coverage: [], damaged: 0 },
  storage: { state: 'ok' },
  clockTrusted: true,
  area: 'none',
  owners: 0,
  requests: [],
  refused: {},
  ledger: { entries: 0, hash: sha256Hex('') },
  lastOrder: sha256Hex('order'),
});

const atUsOf = (text: string) => DeviceState.parse(JSON.parse(text)).atUs;

describeOnEachBrokerAndCluster('a home link on %s', (kind) => {
  beforeEach(async () => {
    broker = await startBroker({ kind });
    ownerAccount = await broker.issue(OWNER);
  });

  it('publishes online when it is subscribed, offline when it stops, and both are retained', async () => {
    const { heard } = await listen('status');
    const home = await makeHome();
    home.start();
    expect(await heard.next()).toMatchObject({ name: 'status', text: 'online' });
    const late = await listen('status');
    expect(await late.heard.next()).toMatchObject({ text: 'online', retained: true });
    await home.stop();
    expect(await heard.next()).toMatchObject({ text: 'offline' });
    const later = await listen('status');
    expect(await later.heard.next()).toMatchObject({ text: 'offline', retained: true });
  });

  it('publishes each document on its own topic, as in the contract', async (context) => {
    const { heard } = await listen('event', 'request', 'receipt', 'upload');
    const home = await makeHome();
    home.start();
    const published = { request: 'a.b.c', credential: 'a.b.c', publication: 'a.b.c' };
    await home.publishEvent({ id: 'event-1', device: DEVICE, atUs: 1, type: 'ring', button: 'front', source: 'local' });
    await home.publishReceipt('receipt.token.here');
    await home.publishRequest({ device: DEVICE, published, wouldDisclose: {}, askedKeys: [], coverage: [] });
    const progress = { device: DEVICE, grant: 'grant-1', request: 'request-1', sentBytes: 1, totalBytes: 2 };
    await home.publishUpload({ ...progress, state: 'sending' });
    const messages = [await heard.next(), await heard.next(), await heard.next(), await heard.next()];
    expect(messages.map((message) => [message.name, message.retained])).toEqual([
      ['event', false],
      ['receipt', false],
      ['request', false],
      ['upload', false],
    ]);
    const [event, receipt, request, upload] = messages.map((message) => message.text);
    DeviceEvent.parse(JSON.parse(event ?? ''));
    expect(receipt).toBe('receipt.token.here');
    RequestNotice.parse(JSON.parse(request ?? ''));
    UploadProgress.parse(JSON.parse(upload ?? ''));
    proved(context, `home link on ${kind}: documents on their own topics`, `${messages.length} of 4, none retained`);
  });

  it('passes on consent and commands unchanged', async () => {
    const home = await makeHome();
    const inbox = collector<IncomingMessage>();
    home.onMessage(inbox.take);
    const connected = new Promise<void>((resolve) => home.onConnect(resolve));
    home.start();
    await connected;
    const { link } = await listen('status');
    await link.publish(topics.consent(DEVICE, 'request-1', 'grant'), 'grant token');
    await link.publish(topics.command(DEVICE), new Uint8Array([0xff, 0x00]));
    expect(await inbox.next()).toMatchObject({ topic: topics.consent(DEVICE, 'request-1', 'grant'), retained: false });
    expect((await inbox.next()).payload).toEqual(new Uint8Array([0xff, 0x00]));
  });

  it('sends only the newest of a burst of states, and always the last', async () => {
    const clock = new ManualClock(1);
    const { heard } = await listen('state');
    const home = await makeHome({ clock });
    home.start();
    home.publishState(state(1));
    expect(atUsOf((await heard.next()).text)).toBe(1);
    for (let at = 2; at <= 50; at += 1) home.publishState(state(at));
    // A state is published only after an interval; an event in between shows that none was sent before.
    const events = await listen('event', 'state');
    await home.publishEvent({ id: 'event-1', device: DEVICE, atUs: 1, type: 'ring', button: 'front', source: 'local' });
    expect(await events.heard.next()).toMatchObject({ name: 'state', retained: true });
    expect(await events.heard.next()).toMatchObject({ name: 'event' });
    await clock.advance(300);
    expect(atUsOf((await heard.next()).text)).toBe(50);
    expect(heard.all).toHaveLength(2);
  });

  it('publishes the newest state again when the broker returns without it, and the messages of the time between', async () => {
    const home = await makeHome();
    home.publishState(state(1));
    home.start();
    const first = await listen('state');
    expect(atUsOf((await first.heard.next()).text)).toBe(1);
    const seenOffline = new Promise<void>((resolve) => {
      const forget = first.link.onState(({ online }) => {
        if (online) return;
        forget();
        resolve();
      });
    });
    await broker.pause();
    await seenOffline;
    const receipt = home.publishReceipt('made while the broker was away');
    home.publishState(state(2));
    home.publishState(state(3));
    await broker.resume();
    await receipt;
    const second = await listen('state', 'status');
    const texts = [await second.heard.next(), await second.heard.next()];
    expect(texts.find((message) => message.name === 'status')?.text).toBe('online');
    expect(atUsOf(texts.find((message) => message.name === 'state')?.text ?? '')).toBe(3);
  });

  it('publishes its state again to a broker that has forgotten it', async () => {
    const home = await makeHome();
    home.publishState(state(7));
    home.start();
    const first = await listen('state');
    expect(atUsOf((await first.heard.next()).text)).toBe(7);
    await broker.pause();
    await broker.resume();
    const second = await listen('state');
    expect(atUsOf((await second.heard.next()).text)).toBe(7);
  });

  it('sends the last state and all waiting messages before it stops', async () => {
    const { heard } = await listen('state', 'receipt', 'status');
    const home = await makeHome();
    home.start();
    expect(await heard.next()).toMatchObject({ text: 'online' });
    home.publishState(state(1));
    home.publishState(state(2));
    const sent = home.publishReceipt('last words');
    await home.stop();
    await sent;
    const messages = [];
    do messages.push(await heard.next());
    while (messages.at(-1)?.text !== 'offline');
    expect(messages.map((message) => message.text)).toContain('last words');
    expect(messages.filter((message) => message.name === 'state').map((message) => atUsOf(message.text))).toEqual([
      1, 2,
    ]);
  });
});

it('warns in the log of an unreachable broker, once, without the password', async () => {
  broker = await startBroker();
  await broker.pause();
  const clock = new ManualClock(0);
  const warned: [string, LogFacts | undefined][] = [];
  const log = { ...silentLog(), warn: (message: string, facts?: LogFacts) => void warned.push([message, facts]) };
  const home = await makeHome({ clock, log: { ...log, child: () => silentLog() }, password: 'the-password' });
  home.start();
  await expect.poll(() => !home.state.online && home.state.error).toBeTruthy();
  await clock.advance(29_999);
  expect(warned).toEqual([]);
  await clock.advance(3_600_000);
  const facts = {
    code: 'unreachable',
    advice: 'Check that it runs, that the address is right, and that nothing else answers there.',
    forS: 30,
  };
  expect(warned).toEqual([
    [
      'the home broker cannot be reached: owners get no messages from it; recording does not need it',
      expect.objectContaining(facts),
    ],
  ]);
  expect(warned[0]?.[1]?.['detail']).toContain(broker.url);
  expect(JSON.stringify(warned)).not.toContain('the-password');
});
