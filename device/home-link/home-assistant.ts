// The doorbell in Home Assistant: publishes its discovery document and states, takes presses and privacy from there, and removes all
// of it again. Publishes nothing while the setting is off.
import { join } from 'node:path';
import type { Clock, Timer } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { IncomingMessage } from '@doorsill/base/mqtt-link';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import type { ErrorCode } from '@doorsill/contract/errors';
import { ORDER_PAYLOADS } from '@doorsill/contract/home-assistant-messages';
import type { DeviceEvent, DeviceState } from '@doorsill/contract/home-messages';
import { idSchema } from '@doorsill/contract/ids';
import { parseJson } from '@doorsill/contract/parse-json';
import {
  discoveryTopics,
  type HomeAssistantOrder,
  HomeAssistantState,
  topicPrefixSchema,
  topicsUnder,
} from '@doorsill/contract/topics';
import { z } from 'zod';
import { type Press, VirtualButton } from '../hardware/button.ts';
import { VIRTUAL_BUTTON } from '../hardware/hardware-settings.ts';
import { COMPONENT_PLATFORMS, type ComponentId, componentsOf, discoveryDocument } from './discovery-document.ts';
import type { HomeAssistantSettings } from './home-assistant-settings.ts';
import type { HomeLink } from './home-link.ts';

export interface HomeAssistantDeps {
  settings: HomeAssistantSettings;
  home: Pick<HomeLink, 'state' | 'onConnect' | 'publishOn' | 'subscribeTo'>;
  clock: Clock;
  disk: Disk;
  log: Log;
  /** The device's own data folder. */
  folder: string;
  device: string;
  /** The owners' name for the doorbell. */
  name: string;
  /** Topic prefix of the home broker. */
  prefix: string;
  /** Whether the device issues accounts at that broker. Then its account may not write the topics that it had before a reset. */
  issuesAccounts: boolean;
  /** Whether motion detection is on. */
  seesMotion: boolean;
  /** Home Assistant's button was pressed. */
  pressed(press: Press): void;
  /** Turns privacy on, durably. */
  turnPrivacyOn(): Promise<void>;
}

/** Delay after Home Assistant's `online`, which goes to all devices at once, and which anybody can send at any rate. */
const BIRTH_WAIT_MS = 1_000;
const ORDER_BYTES_MAX = 16;
const REFUSED_CODE: ErrorCode = 'home_assistant_refused';
const RETAINED_STATES = HomeAssistantState.options.filter((name) => name !== 'ring');

const RECORD_FILE = 'home-assistant.json';
const RECORD_BYTES_MAX = 16_384;
const PLACES_MAX = 8;

/** A place: the device id and prefixes under which a document and its states were published. */
const placeShape = { device: idSchema, discoveryPrefix: topicPrefixSchema, prefix: topicPrefixSchema };
const Published = z.strictObject({
  ...placeShape,
  components: z.array(z.enum(Object.keys(COMPONENT_PLATFORMS) as [ComponentId, ...ComponentId[]])).max(16),
});
const recordSchema = z.strictObject({
  kind: z.literal('doorsill-home-assistant'),
  published: z.array(Published).max(PLACES_MAX),
});

type Published = z.infer<typeof Published>;
type Place = Omit<Published, 'components'>;

const isSamePlace = (one: Place, other: Place): boolean =>
  one.device === other.device && one.discoveryPrefix === other.discoveryPrefix && one.prefix === other.prefix;

/**
 * The record on disk of what this device has published, so that it can be removed when the setting is turned off, the device is reset or a
 * prefix changes.
 */
class PublishedDiscovery {
  private readonly disk: Disk;
  private readonly path: string;
  private stored: readonly Published[] = [];
  private writing: Promise<void> = Promise.resolve();

  constructor(disk: Disk, folder: string) {
    this.disk = disk;
    this.path = join(folder, RECORD_FILE);
  }

  /** Reads the file. A damaged file counts as if all components were published at `here`. */
  async start(here: Place): Promise<void> {
    const bytes = await this.disk.readFile(this.path, RECORD_BYTES_MAX);
    if (!bytes) return;
    const file = recordSchema.safeParse(parseJson(fromUtf8(bytes) ?? ''));
    const all = Published.shape.components.element.options;
    this.stored = file.success ? file.data.published : [{ ...here, components: all }];
  }

  get places(): readonly Published[] {
    return this.stored;
  }

  at(place: Place): Published | null {
    return this.stored.find((published) => isSamePlace(published, place)) ?? null;
  }

  /** Records durably that exactly these components are published at `place`; an empty list removes the place. */
  set(place: Place, components: readonly ComponentId[]): Promise<void> {
    this.writing = this.writing
      .catch(() => undefined)
      .then(async () => {
        const { device, discoveryPrefix, prefix } = place;
        const others = this.stored.filter((published) => !isSamePlace(published, place));
        const entry = { device, discoveryPrefix, prefix, components: [...components] };
        const published = components.length === 0 ? others : [entry, ...others].slice(0, PLACES_MAX);
        if (JSON.stringify(published) === JSON.stringify(this.stored)) return;
        const text = JSON.stringify({ kind: 'doorsill-home-assistant', published });
        if (published.length === 0) await this.disk.remove(this.path);
        else await this.disk.replaceFile(this.path, utf8(`${text}\n`));
        this.stored = published;
      });
    return this.writing;
  }
}

export class HomeAssistant {
  private readonly deps: HomeAssistantDeps;
  private readonly topics: ReturnType<typeof topicsUnder>;
  private readonly published: PublishedDiscovery;
  private readonly components: readonly ComponentId[];
  private readonly button: VirtualButton;
  /** The newest value of each retained state. */
  private readonly values = new Map<HomeAssistantState, string>();
  private readonly working = new Set<Promise<void>>();
  private isStarted = false;
  private isStopping = false;
  /** Whether the broker got the document in this connection: states are published only then. */
  private isAnnounced = false;
  private isAnnouncing = false;
  private announcesAgain = false;
  /** Whether the broker refused the document: publishing it again would end each connection. */
  private isDocumentRefused = false;
  private isTurningPrivacyOn = false;
  private refused = 0;
  private birthTimer: Timer | null = null;

  constructor(deps: HomeAssistantDeps) {
    const { clock, settings } = deps;
    this.deps = deps;
    this.topics = topicsUnder(deps.prefix);
    this.published = new PublishedDiscovery(deps.disk, deps.folder);
    this.components = componentsOf({
      motion: deps.seesMotion,
      press: settings.allowPress,
      privacyButton: settings.allowPrivacyButton,
    });
    // Its debouncing also limits a flood of presses.
    this.button = new VirtualButton({ clock, button: VIRTUAL_BUTTON, pressed: (press) => deps.pressed(press) });
    if (deps.seesMotion) this.values.set('motion', 'OFF');
  }

  /** Number of refused messages on Home Assistant's topics, by code. */
  refusedCounts(): Partial<Record<ErrorCode, number>> {
    return this.refused === 0 ? {} : { [REFUSED_CODE]: this.refused };
  }

  /**
   * Call it before the home link starts. Records on disk what it is about to publish; if that fails, rejects with the disk's error
   * and publishes nothing.
   */
  async start(): Promise<void> {
    const { settings, home } = this.deps;
    const here = this.here();
    await this.published.start(here);
    if (this.deps.issuesAccounts) await this.forgetFormerDevices();
    const gone = this.published.places.filter((place) => !settings.enabled || !isSamePlace(place, here));
    if (settings.enabled) {
      const before = this.published.at(here)?.components ?? [];
      await this.published.set(here, [...new Set([...before, ...this.components])].sort());
      home.subscribeTo(this.subscribedTopics(), (message) => this.receive(message));
      home.onConnect(() => this.announce());
      this.button.start();
      this.isStarted = true;
    }
    // Waits for a connection: on a link that never started the publishing would never settle.
    const forget = home.onConnect(() => {
      forget();
      for (const place of gone) this.work(this.remove(place));
    });
  }

  /** Stops handling and publishing messages; those already passed to the link stay there. */
  stop(): void {
    this.isStopping = true;
    this.button.stop();
    this.birthTimer?.cancel();
    this.birthTimer = null;
  }

  /** Resolves when all work has ended. Call it after the home link has stopped. */
  async idle(): Promise<void> {
    while (this.working.size > 0) await Promise.all([...this.working]);
  }

  /** Publishes an event at the door. A press while offline is not published later, when the visitor has gone. */
  event(event: DeviceEvent): void {
    if (event.type === 'motion-start') this.update('motion', 'ON');
    if (event.type === 'motion-end') this.update('motion', 'OFF');
    if (event.type !== 'ring' || !this.isStarted || this.isDocumentRefused || !this.deps.home.state.online) return;
    this.publishState('ring', JSON.stringify({ event_type: 'ring', button: event.button }));
  }

  /** Publishes the values of the device's state that have changed. */
  state({ privacy, requests, storage }: Pick<DeviceState, 'privacy' | 'requests' | 'storage'>): void {
    this.update('privacy', privacy ? 'ON' : 'OFF');
    this.update('requests', String(requests.filter((request) => request.state === 'pending').length));
    this.update('storage', storage.state);
  }

  private here(): Place {
    const { device, prefix, settings } = this.deps;
    return { device, prefix, discoveryPrefix: settings.discoveryPrefix };
  }

  private subscribedTopics(): string[] {
    const { device, settings } = this.deps;
    return [
      discoveryTopics.homeAssistantStatus(settings.discoveryPrefix),
      ...(settings.allowPress ? [this.topics.homeAssistantOrder(device, 'press')] : []),
      ...(settings.allowPrivacyButton ? [this.topics.homeAssistantOrder(device, 'privacy')] : []),
    ];
  }

  /** Stores a changed value, and publishes it if the document was published in this connection. */
  private update(name: HomeAssistantState, value: string): void {
    if (this.values.get(name) === value) return;
    this.values.set(name, value);
    if (this.isAnnounced && this.deps.home.state.online) this.publishState(name, value);
  }

  private publishState(name: HomeAssistantState, value: string): void {
    const { device, home } = this.deps;
    const topic = this.topics.homeAssistantState(device, name);
    home.publishOn(topic, value, { retain: name !== 'ring' }).catch(() => undefined);
  }

  /** Publishes the document and all states: at each connection, because a broker may forget, and when Home Assistant starts. */
  private announce(): void {
    this.isAnnounced = false;
    if (this.isDocumentRefused || this.isStopping) return;
    if (this.isAnnouncing) {
      // The link repeats messages that a lost connection did not acknowledge, but the broker may have forgotten acknowledged ones.
      this.announcesAgain = true;
      return;
    }
    this.isAnnouncing = true;
    this.announcesAgain = false;
    this.work(
      this.announceNow()
        .catch((thrown: unknown) => {
          if (this.isStopping) return;
          this.isDocumentRefused = true;
          this.deps.log.warn(
            'the home broker refused the Home Assistant discovery; it is not published until the next start',
            {
              error: String(thrown),
            },
          );
        })
        .finally(() => {
          this.isAnnouncing = false;
          if (this.announcesAgain) this.announce();
        }),
    );
  }

  private async announceNow(): Promise<void> {
    const here = this.here();
    const before = this.published.at(here)?.components ?? [];
    const gone = before.filter((id) => !this.components.includes(id));
    // Home Assistant keeps an entity that a later document omits, unless an earlier document removed it by name.
    if (gone.length > 0) await this.publishDocument(gone);
    await this.publishDocument([]);
    if (gone.length > 0) await this.tolerateDisk(this.published.set(here, [...this.components].sort()));
    this.isAnnounced = true;
    for (const [name, value] of this.values) this.publishState(name, value);
  }

  private publishDocument(gone: readonly ComponentId[]): Promise<void> {
    const { device, home, settings } = this.deps;
    const document = discoveryDocument(this.deps, this.components, gone);
    const topic = discoveryTopics.document(settings.discoveryPrefix, device);
    // `keep`: a full queue does not drop it, so it fails only if the broker refuses it.
    return home.publishOn(topic, JSON.stringify(document), { retain: true, keep: true });
  }

  /**
   * Forgets what was published under device ids from before a reset. This device's account may not remove it: the embedded broker
   * does so with the old accounts, and another broker would end the session.
   */
  private async forgetFormerDevices(): Promise<void> {
    const former = this.published.places.filter((place) => place.device !== this.deps.device);
    for (const place of former) await this.tolerateDisk(this.published.set(place, []));
  }

  /** Removes everything published at a place: an empty message deletes a retained one, and the device in Home Assistant. */
  private async remove(place: Place): Promise<void> {
    const { home, log, device } = this.deps;
    const topics = topicsUnder(place.prefix);
    // States do not depend on the discovery prefix: when only that changed, they are still in use.
    const keepsStates = this.isStarted && place.device === device && place.prefix === this.deps.prefix;
    const states = keepsStates ? [] : RETAINED_STATES.map((name) => topics.homeAssistantState(place.device, name));
    const empty = (topic: string) => home.publishOn(topic, '', { retain: true, keep: true });
    try {
      // One message alone first: a broker that refuses it ends the connection, and would do so for each of them.
      await empty(discoveryTopics.document(place.discoveryPrefix, place.device));
      await Promise.all(states.map(empty));
    } catch {
      if (this.isStopping) return;
      log.warn('the home broker refused to remove an entry of Home Assistant, which may go on showing it', {
        device: place.device,
      });
      // Not retried at every start for another device id: only that device's account may have the right.
      if (place.device === device) return;
    }
    await this.tolerateDisk(this.published.set(place, []));
  }

  /** Logs a disk error: a stale record only makes the next start remove or announce something once more. */
  private async tolerateDisk(step: Promise<void>): Promise<void> {
    await step.catch((thrown: unknown) =>
      this.deps.log.warn(
        'what is published for Home Assistant could not be stored; the next start may publish or remove it again',
        { error: String(thrown) },
      ),
    );
  }

  private work(step: Promise<void>): void {
    const tracked = step.finally(() => this.working.delete(tracked));
    this.working.add(tracked);
  }

  private receive(message: IncomingMessage): void {
    const { device, settings, clock } = this.deps;
    if (this.isStopping) return;
    const text = message.payload.length <= ORDER_BYTES_MAX ? fromUtf8(message.payload) : null;
    if (message.topic === discoveryTopics.homeAssistantStatus(settings.discoveryPrefix)) {
      if (text !== 'online' || this.birthTimer) return;
      this.birthTimer = clock.after(BIRTH_WAIT_MS, () => {
        this.birthTimer = null;
        if (this.deps.home.state.online) this.announce();
      });
      return;
    }
    const order = (['press', 'privacy'] as const).find(
      (name) => message.topic === this.topics.homeAssistantOrder(device, name),
    );
    // A retained order would be delivered again at every connection.
    if (!order || message.retained || text !== ORDER_PAYLOADS[order] || !this.carryOut(order)) this.refused += 1;
  }

  /** Carries out an order; returns whether it was accepted. */
  private carryOut(order: HomeAssistantOrder): boolean {
    if (order === 'press') return this.button.press('home-assistant');
    if (this.isTurningPrivacyOn) return false;
    if (this.values.get('privacy') === 'ON') return true;
    this.isTurningPrivacyOn = true;
    this.work(
      this.deps
        .turnPrivacyOn()
        .catch((thrown: unknown) =>
          this.deps.log.warn('an order from Home Assistant to turn privacy on failed: privacy is still off', {
            error: String(thrown),
          }),
        )
        .finally(() => {
          this.isTurningPrivacyOn = false;
        }),
    );
    return true;
  }
}
