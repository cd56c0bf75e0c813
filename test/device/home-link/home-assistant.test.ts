// What Home Assistant gets of a doorbell, byte for byte, and what it can make the doorbell do.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Clock, ManualClock, SystemClock } from '../../../device/base/clock.ts';
import { type Disk, SystemDisk } from '../../../device/base/disk.ts';
import { type Log, silentLog } from '../../../device/base/log.ts';
import type { MqttLink } from '../../../device/base/mqtt-link.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { fromUtf8 } from '../../../device/contract/bytes.ts';
import { homeAssistantStateSchemas } from '../../../device/contract/home-assistant-messages.ts';
import type { DeviceEvent, DeviceState } from '../../../device/contract/home-messages.ts';
import { DEFAULT_PREFIX, HomeAssistantState, topicsUnder } from '../../../device/contract/topics.ts';
import type { Press } from '../../../device/hardware/button.ts';
import { HomeAssistant } from '../../../device/home-link/home-assistant.ts';
import { HomeAssistantSettings } from '../../../device/home-link/home-assistant-settings.ts';
import { HomeLink } from '../../../device/home-link/home-link.ts';
import { collector, startBroker, type TestBroker } from '../../support/broker.ts';
import { describeOnEachBroker } from '../../support/each-broker.ts';
import { proved } from '../../support/proved.ts';
import { type DeviceDiscovery, deviceDiscoverySchema, takesState } from './support/home-assistant-schemas.ts';
import { type MqttRecorder, recordBefore } from './support/mqtt-recorder.ts';

const DEVICE = 'device-1';
const topics = topicsUnder(DEFAULT_PREFIX);
const CONFIG = `homeassistant/device/${DEVICE}/config`;
const HOME_ASSISTANT = { role: 'home-assistant', id: 'home-assistant', homes: [DEVICE] };
/** Words that must never reach Home Assistant. */
const SECRET = 'a blue car near 12 Elm Street';

type State = Pick<DeviceState, 'privacy' | 'requests' | 'storage'>;
const quiet: State = { privacy: false, requests: [], storage: { state: 'ok' } };
const moment = { id: 'event-1', device: DEVICE, atUs: 1 };
const ring: DeviceEvent = { ...moment, type: 'ring', button: 'front', source: 'gpio' };

interface Rig {
  home: HomeLink;
  homeAssistant: HomeAssistant;
  clock: ManualClock;
  presses: Press[];
  /** Warnings in the log. */
  warned: string[];
  /** Number of times that privacy was turned on. */
  blinded: number;
  stop(): Promise<void>;
}

/** Reconnects at once; all other waits are unchanged. */
class HastyClock extends SystemClock {
  override sleep(_delayMs: number, signal?: AbortSignal): Promise<void> {
    return super.sleep(1, signal);
  }
}

let broker: TestBroker;
let recorder: MqttRecorder;
let folder: string;
const rigs: Rig[] = [];

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
  await recorder.stop();
  await broker.stop();
  await rm(folder, { recursive: true });
});

async function makeRig(
  settings: object = { enabled: true },
  changes: {
    device?: string;
    disk?: Disk;
    linkClock?: Clock;
    turnPrivacyOn?: () => Promise<void>;
    starts?: boolean;
    issuesAccounts?: boolean;
  } = {},
): Promise<Rig> {
  const device = changes.device ?? DEVICE;
  const account = await broker.issue({ role: 'device-home', id: device });
  const warned: string[] = [];
  const log: Log = { ...silentLog(), warn: (message) => warned.push(message), child: () => log };
  const shared = { device, prefix: DEFAULT_PREFIX, log };
  const home = new HomeLink({
    ...shared,
    ...account,
    url: recorder.url,
    clock: changes.linkClock ?? new SystemClock(),
    random: new SystemRandom(),
  });
  const clock = new ManualClock(1);
  const rig: Rig = {
    home,
    clock,
    presses: [],
    warned,
    blinded: 0,
    homeAssistant: new HomeAssistant({
      ...shared,
      settings: HomeAssistantSettings.parse(settings),
      home,
      clock,
      disk: changes.disk ?? new SystemDisk(),
      folder,
      name: 'Front door',
      issuesAccounts: changes.issuesAccounts ?? false,
      seesMotion: true,
      pressed: (press) => rig.presses.push(press),
      turnPrivacyOn: async () => {
        rig.blinded += 1;
        await changes.turnPrivacyOn?.();
      },
    }),
    async stop() {
      rig.homeAssistant.stop();
      await home.stop();
      await rig.homeAssistant.idle();
    },
  };
  rigs.push(rig);
  await rig.homeAssistant.start();
  rig.homeAssistant.state(quiet);
  if (changes.starts ?? true) home.start();
  return rig;
}

/** Home Assistant's own session: the messages on the topics that its document names. */
async function homeAssistantSession(): Promise<{
  link: MqttLink;
  heard: ReturnType<typeof collector<{ topic: string; text: string; retained: boolean }>>;
}> {
  const link = await broker.link(HOME_ASSISTANT);
  const heard = collector<{ topic: string; text: string; retained: boolean }>();
  const filters = [
    'homeassistant/device/+/config',
    topics.status(DEVICE),
    ...HomeAssistantState.options.map((name) => topics.homeAssistantState(DEVICE, name)),
  ];
  const subscription = link.subscribe(filters, ({ topic, payload, retained }) =>
    heard.take({ topic, text: String(fromUtf8(payload)), retained }),
  );
  link.start();
  await subscription.granted();
  return { link, heard };
}

/** The HA topics among what the device has sent, shortened. */
const sent = () =>
  recorder
    .published()
    .filter(({ topic }) => topic.includes('homeassistant') || topic.includes('/ha/'))
    .map(({ topic, payload, retain }) => {
      const name = topic.replace(`${DEFAULT_PREFIX}/home/${DEVICE}/`, '');
      return [name, topic === CONFIG && payload !== '' ? 'DOCUMENT' : payload, retain] as const;
    });
const ALL_STATES = [
  ['ha/motion', 'OFF', true],
  ['ha/privacy', 'OFF', true],
  ['ha/requests', '0', true],
  ['ha/storage', 'ok', true],
] as const;
const DOCUMENT = [CONFIG, 'DOCUMENT', true] as const;
const documents = (): DeviceDiscovery[] =>
  recorder
    .published()
    .filter(({ topic, payload }) => topic === CONFIG && payload !== '')
    .map(({ payload }) => deviceDiscoverySchema.parse(JSON.parse(payload)));
/** A message that the device has sent: when it arrives, everything before it was sent, too. */
const flushed = (rig: Rig) => rig.home.publishReceipt('flush');

describeOnEachBroker('the doorbell in Home Assistant, on %s', (kind) => {
  beforeEach(async () => {
    broker = await startBroker({ kind });
    recorder = await recordBefore(broker.port);
    folder = await mkdtemp(join(tmpdir(), 'doorsill-ha-'));
  });

  it('is there for later subscribers, retains its states, rings, and is offline when it has stopped', async () => {
    const rig = await makeRig();
    await expect.poll(() => sent().length).toBe(5);
    const { heard } = await homeAssistantSession();
    await expect.poll(() => heard.all.length).toBe(6);
    expect(heard.all.every(({ retained }) => retained)).toBe(true);
    const document = deviceDiscoverySchema.parse(
      JSON.parse(heard.all.find(({ topic }) => topic === CONFIG)?.text ?? ''),
    );
    rig.homeAssistant.event(ring);
    await rig.stop();
    await expect.poll(() => heard.all.at(-1)?.text).toBe('offline');
    expect(heard.all.find(({ topic }) => topic === topics.homeAssistantState(DEVICE, 'ring'))).toMatchObject({
      text: '{"event_type":"ring","button":"front"}',
      retained: false,
    });
    const states = heard.all.filter(({ topic }) => topic !== CONFIG);
    for (const { topic, text } of states) {
      const component = Object.values(document.cmps).find(
        (body) => 'state_topic' in body && body.state_topic === topic,
      );
      expect(component && takesState(component, text), `${topic} ${text}`).toBe(true);
    }
  });

  it('publishes nothing but a press, four states and the document, and a state only when it changes', async (context) => {
    const rig = await makeRig();
    await expect.poll(() => sent().length).toBe(5);
    const { homeAssistant } = rig;
    const full: State = {
      privacy: true,
      requests: [
        { request: 'request-1', state: 'pending' },
        { request: 'request-2', state: 'granted' },
      ],
      storage: { state: 'failed', detail: SECRET },
    };
    homeAssistant.event({ ...moment, type: 'motion-start', zones: ['elm-street'] });
    homeAssistant.event({ ...moment, type: 'motion-start', zones: ['elm-street'] });
    homeAssistant.event(ring);
    homeAssistant.event({ ...moment, type: 'event-window', cause: 'ring', window: { startUs: 1, endUs: 2 } });
    homeAssistant.event({ ...moment, type: 'tamper', what: 'ledger', detail: SECRET });
    homeAssistant.event({ ...moment, type: 'camera', state: 'failed', detail: SECRET });
    homeAssistant.event({ ...moment, type: 'motion-end', startUs: 1, zones: ['elm-street'] });
    for (let round = 0; round < 3; round += 1) homeAssistant.state(full);
    await flushed(rig);
    expect(sent()).toEqual([
      DOCUMENT,
      ...ALL_STATES,
      ['ha/motion', 'ON', true],
      ['ha/ring', '{"event_type":"ring","button":"front"}', false],
      ['ha/motion', 'OFF', true],
      ['ha/privacy', 'ON', true],
      ['ha/requests', '1', true],
      ['ha/storage', 'failed', true],
    ]);
    expect(recorder.bytes().includes('Elm')).toBe(false);
    expect(recorder.bytes().includes('request-1')).toBe(false);
    for (const [name, payload] of sent().slice(1)) {
      const state = HomeAssistantState.options.find((each) => name === `ha/${each}`) ?? 'storage';
      homeAssistantStateSchemas[state].parse(state === 'ring' ? JSON.parse(payload) : payload);
    }
    proved(context, `bytes for Home Assistant on ${kind}`, `${sent().length} messages, each listed`);
  });

  it('publishes nothing while the setting is off: no topic published, none subscribed, no file', async () => {
    const rig = await makeRig({});
    rig.homeAssistant.event(ring);
    rig.homeAssistant.state({ ...quiet, privacy: true });
    await flushed(rig);
    await rig.stop();
    expect(recorder.bytes().includes(topics.receipt(DEVICE))).toBe(true);
    expect(recorder.bytes().includes('homeassistant')).toBe(false);
    expect(recorder.bytes().includes('/ha/')).toBe(false);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is published again when Home Assistant starts, however often that is said, and at a new connection', async () => {
    const rig = await makeRig();
    await expect.poll(() => sent().length).toBe(5);
    const { link } = await homeAssistantSession();
    for (let round = 0; round < 20; round += 1) await link.publish('homeassistant/status', 'online');
    await link.publish('homeassistant/status', 'offline');
    const arrived = topics.homeAssistantOrder(DEVICE, 'press');
    await link.publish(arrived, 'a mark: what was said before has arrived');
    await expect.poll(() => rig.homeAssistant.refusedCounts().home_assistant_refused).toBe(1);
    expect(sent()).toHaveLength(5);
    await rig.clock.advance(1_000);
    await expect.poll(() => sent().length).toBe(10);
    rig.homeAssistant.state({ ...quiet, privacy: true });
    await expect.poll(() => sent().at(-1)).toEqual(['ha/privacy', 'ON', true]);
    recorder.cut();
    await expect.poll(() => sent().length, { timeout: 10_000 }).toBe(16);
    expect(sent().slice(11)).toEqual([
      DOCUMENT,
      ...ALL_STATES.map((state) => (state[0] === 'ha/privacy' ? ['ha/privacy', 'ON', true] : state)),
    ]);
  });

  it('rings no bell late', async () => {
    const rig = await makeRig({ enabled: true }, { starts: false });
    rig.homeAssistant.event(ring);
    rig.homeAssistant.event({ ...moment, type: 'motion-start', zones: [] });
    rig.home.start();
    await expect.poll(() => sent().length).toBe(5);
    await flushed(rig);
    expect(sent().map(([name]) => name)).not.toContain('ha/ring');
    expect(sent()[1]).toEqual(['ha/motion', 'ON', true]);
  });

  it('is removed when the setting is turned off, also when the first attempt failed, and then never again', async () => {
    const first = await makeRig();
    await expect.poll(() => sent().length).toBe(5);
    await first.stop();
    // Off, and gone before it reached the broker.
    const lost = await makeRig({}, { starts: false });
    await lost.stop();
    const second = await makeRig({});
    await expect.poll(() => readdir(folder)).toEqual([]);
    await second.stop();
    const empties = [
      [CONFIG, '', true],
      ['ha/motion', '', true],
      ['ha/privacy', '', true],
      ['ha/requests', '', true],
      ['ha/storage', '', true],
    ];
    expect(sent().slice(5)).toEqual(empties);
    const { heard } = await homeAssistantSession();
    await expect.poll(() => heard.all.length).toBe(1);
    expect(heard.all).toMatchObject([{ topic: topics.status(DEVICE), text: 'offline' }]);
    const third = await makeRig({});
    await flushed(third);
    expect(sent()).toHaveLength(10);
  });

  it('loses one entity by name when a button is no longer allowed, and the last document is without it', async () => {
    const first = await makeRig({ enabled: true, allowPrivacyButton: true });
    await expect.poll(() => sent().length).toBe(5);
    await first.stop();
    await makeRig({ enabled: true, allowPress: false });
    await expect.poll(() => documents().length).toBe(3);
    const [all, naming, rest] = documents().map(({ cmps }) => cmps);
    expect(all).toMatchObject({ press: { payload_press: 'PRESS' }, 'privacy-on': { payload_press: 'ON' } });
    expect(naming).toMatchObject({ ring: {}, press: { p: 'button' }, 'privacy-on': { p: 'button' } });
    expect([naming?.['press'], naming?.['privacy-on']]).toEqual([{ p: 'button' }, { p: 'button' }]);
    expect(Object.keys(rest ?? {})).not.toContain('press');
    await rigs.at(-1)?.stop();
    await makeRig({ enabled: true, allowPress: false });
    await expect.poll(() => documents().length).toBe(4);
    expect(documents().at(-1)?.cmps).toEqual(rest);
  });

  it('rings and turns privacy on at the exact words of its buttons, and at nothing else', async () => {
    const rig = await makeRig({ enabled: true, allowPrivacyButton: true });
    await expect.poll(() => sent().length).toBe(5);
    const { link } = await homeAssistantSession();
    const [press, privacy] = [topics.homeAssistantOrder(DEVICE, 'press'), topics.homeAssistantOrder(DEVICE, 'privacy')];
    const bad: [string, string | Uint8Array][] = [
      [press, ''],
      [press, 'press'],
      [press, 'PRESS '],
      [press, '{"press":true}'],
      [press, 'PRESS\0'],
      [press, new Uint8Array([0xff, 0xfe])],
      [press, 'PRESS'.repeat(12_000)],
      [privacy, 'OFF'],
      [privacy, 'on'],
      [privacy, 'true'],
      [privacy, new Uint8Array(60_000)],
    ];
    for (const [topic, payload] of bad) await link.publish(topic, payload);
    await expect.poll(() => rig.homeAssistant.refusedCounts().home_assistant_refused).toBe(bad.length);
    expect([rig.presses, rig.blinded]).toEqual([[], 0]);
    for (let round = 0; round < 100; round += 1) await link.publish(press, 'PRESS');
    await expect.poll(() => rig.homeAssistant.refusedCounts().home_assistant_refused).toBe(bad.length + 99);
    expect(rig.presses).toMatchObject([{ button: 'front', source: 'home-assistant' }]);
    await link.publish(privacy, 'ON');
    await expect.poll(() => rig.blinded).toBe(1);
    rig.homeAssistant.state({ ...quiet, privacy: true });
    for (let round = 0; round < 10; round += 1) await link.publish(privacy, 'ON');
    await link.publish(press, 'the last');
    await expect.poll(() => rig.homeAssistant.refusedCounts().home_assistant_refused).toBe(bad.length + 100);
    expect(rig.blinded).toBe(1);
  });

  it('ignores buttons that the settings do not allow', async () => {
    const rig = await makeRig({ enabled: true, allowPress: false });
    await expect.poll(() => sent().length).toBe(5);
    const { link } = await homeAssistantSession();
    for (const name of ['press', 'privacy'] as const)
      await link.publish(topics.homeAssistantOrder(DEVICE, name), name === 'press' ? 'PRESS' : 'ON');
    await link.publish('homeassistant/status', 'online');
    await expect.poll(() => rig.clock.advance(1_000).then(() => sent().length)).toBe(10);
    expect([rig.presses, rig.blinded, rig.homeAssistant.refusedCounts()]).toEqual([[], 0, {}]);
    expect(recorder.bytes().includes('/ha/set/')).toBe(false);
  });

  it('publishes nothing that it could not remove, on a disk that fails to record it', async () => {
    const full = new SystemDisk();
    full.replaceFile = () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));
    await expect(makeRig({ enabled: true }, { disk: full })).rejects.toThrow('full');
    const rig = rigs.at(-1);
    if (!rig) throw new Error('no rig');
    rig.home.start();
    rig.homeAssistant.event(ring);
    await flushed(rig);
    expect(sent()).toEqual([]);
    expect(recorder.bytes().includes('homeassistant')).toBe(false);
  });

  it('forgets the document of the device id before a reset', async () => {
    const first = await makeRig();
    await expect.poll(() => sent().length).toBe(5);
    await first.stop();
    // Where the account may not write another device's topics, that is tried with one message and given up.
    const second = await makeRig({}, { device: 'device-2', linkClock: new HastyClock() });
    await expect.poll(() => readdir(folder), { timeout: 10_000 }).toEqual([]);
    await flushed(second);
    if (kind === 'mosquitto')
      expect(
        sent()
          .slice(5)
          .map(([, payload]) => payload),
      ).toEqual(['', '', '', '', '']);
  });

  it('leaves the document of the device id before a reset to the broker whose accounts it issues', async () => {
    const first = await makeRig();
    await expect.poll(() => sent().length).toBe(5);
    await first.stop();
    const second = await makeRig({}, { device: 'device-2', issuesAccounts: true });
    await flushed(second);
    expect(sent().slice(5)).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('retries what a stop interrupted: the document of the device id before a reset', async () => {
    const first = await makeRig();
    await expect.poll(() => sent().length).toBe(5);
    await first.stop();
    const second = await makeRig({}, { device: 'device-2', starts: false });
    const stopped = new Promise<void>((resolve) => {
      second.home.onConnect(() => {
        recorder.cut();
        resolve(second.stop());
      });
    });
    second.home.start();
    await stopped;
    expect(await readdir(folder)).toEqual(['home-assistant.json']);
  });

  if (kind === 'mosquitto') {
    it('moves its document, and keeps its states, when the discovery prefix changes', async () => {
      const first = await makeRig({ enabled: true, discoveryPrefix: 'elsewhere' });
      await expect.poll(() => sent().length).toBe(4);
      await first.stop();
      await makeRig();
      await expect.poll(() => sent().length).toBe(9);
      const moved = recorder.published().filter(({ topic }) => topic.startsWith('elsewhere/device/'));
      expect(moved.map(({ payload, retain }) => [payload === '', retain])).toEqual([
        [false, true],
        [true, true],
      ]);
      const noted = async () => JSON.parse(await readFile(join(folder, 'home-assistant.json'), 'utf8')).published;
      await expect.poll(noted).toMatchObject([{ discoveryPrefix: 'homeassistant' }]);
      expect(sent().slice(4)).toEqual([DOCUMENT, ...ALL_STATES]);
    });

    it('refuses an order that the broker kept', async () => {
      const { link } = await homeAssistantSession();
      await link.publish(topics.homeAssistantOrder(DEVICE, 'press'), 'PRESS', { retain: true });
      await link.publish(topics.homeAssistantOrder(DEVICE, 'privacy'), 'ON', { retain: true });
      const rig = await makeRig({ enabled: true, allowPrivacyButton: true });
      await expect.poll(() => rig.homeAssistant.refusedCounts().home_assistant_refused).toBe(2);
      expect([rig.presses, rig.blinded]).toEqual([[], 0]);
    });
  } else {
    it('gives up at a broker that refuses the document, and the home link goes on', async () => {
      const rig = await makeRig({ enabled: true, discoveryPrefix: 'elsewhere' }, { linkClock: new HastyClock() });
      const refusals = () => recorder.published().filter(({ topic }) => topic.startsWith('elsewhere/')).length;
      const warning = 'the home broker refused the Home Assistant discovery; it is not published until the next start';
      await expect.poll(() => rig.warned.includes(warning), { timeout: 10_000 }).toBe(true);
      await flushed(rig);
      const before = refusals();
      rig.homeAssistant.event(ring);
      rig.homeAssistant.state({ ...quiet, privacy: true });
      await flushed(rig);
      expect([refusals(), sent().filter(([name]) => name.startsWith('ha/'))]).toEqual([before, []]);
      expect(rig.home.state.online).toBe(true);
    });
  }
});
