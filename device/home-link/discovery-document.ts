// The document by which Home Assistant discovers this doorbell as one device with its entities, in the form of
// https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload, which a test checks.
import { ORDER_PAYLOADS } from '@doorsill/contract/home-assistant-messages';
import { DeviceState } from '@doorsill/contract/home-messages';
import { topicsUnder } from '@doorsill/contract/topics';

/** The Home Assistant platform of each entity, by id. An id is part of an entity's identity there, so it must never change. */
export const COMPONENT_PLATFORMS = {
  ring: 'event',
  motion: 'binary_sensor',
  privacy: 'binary_sensor',
  requests: 'sensor',
  storage: 'sensor',
  connectivity: 'binary_sensor',
  press: 'button',
  'privacy-on': 'button',
} as const;
export type ComponentId = keyof typeof COMPONENT_PLATFORMS;

export interface DiscoveryFacts {
  device: string;
  /** The owners' name for the doorbell. */
  name: string;
  /** Topic prefix of the home broker. */
  prefix: string;
}

/** The entities that a doorbell with these settings has. */
export function componentsOf(has: { motion: boolean; press: boolean; privacyButton: boolean }): ComponentId[] {
  return [
    'ring',
    ...(has.motion ? (['motion'] as const) : []),
    'privacy',
    'requests',
    'storage',
    'connectivity',
    ...(has.press ? (['press'] as const) : []),
    ...(has.privacyButton ? (['privacy-on'] as const) : []),
  ];
}

/** The document with these entities. Those of `gone` hold nothing but their platform, which removes them. */
export function discoveryDocument(
  facts: DiscoveryFacts,
  components: readonly ComponentId[],
  gone: readonly ComponentId[] = [],
): object {
  const { device, name } = facts;
  const status = topicsUnder(facts.prefix).status(device);
  const bodies = componentBodies(facts);
  return {
    dev: { ids: [device], name, mf: 'doorsill', mdl: 'Doorbell' },
    o: { name: 'doorsill' },
    availability: [{ topic: status, payload_available: 'online', payload_not_available: 'offline' }],
    cmps: Object.fromEntries([
      ...gone.map((id) => [id, { p: COMPONENT_PLATFORMS[id] }]),
      ...components.map((id) => [
        id,
        { p: COMPONENT_PLATFORMS[id], unique_id: `${device}-${id}`, qos: 1, ...bodies[id] },
      ]),
    ]),
  };
}

function componentBodies({ device, prefix }: DiscoveryFacts): Record<ComponentId, object> {
  const topics = topicsUnder(prefix);
  const state = (name: Parameters<typeof topics.homeAssistantState>[1]) => ({
    state_topic: topics.homeAssistantState(device, name),
  });
  const onOff = { payload_on: 'ON', payload_off: 'OFF' };
  const order = (name: keyof typeof ORDER_PAYLOADS) => ({
    command_topic: topics.homeAssistantOrder(device, name),
    payload_press: ORDER_PAYLOADS[name],
    retain: false,
  });
  return {
    ring: { name: 'Doorbell', device_class: 'doorbell', event_types: ['ring'], ...state('ring') },
    motion: { name: 'Motion', device_class: 'motion', ...onOff, ...state('motion') },
    privacy: { name: 'Privacy', icon: 'mdi:eye-off', ...onOff, ...state('privacy') },
    requests: { name: 'Pending requests', icon: 'mdi:file-question', state_class: 'measurement', ...state('requests') },
    storage: {
      name: 'Storage',
      device_class: 'enum',
      options: DeviceState.shape.storage.shape.state.options,
      entity_category: 'diagnostic',
      ...state('storage'),
    },
    connectivity: {
      name: 'Connection',
      device_class: 'connectivity',
      entity_category: 'diagnostic',
      payload_on: 'online',
      payload_off: 'offline',
      state_topic: topics.status(device),
      // With the shared availability this entity could never show "offline"; so it is always available.
      availability: [{ topic: topics.status(device), value_template: 'online' }],
    },
    press: { name: 'Press', icon: 'mdi:doorbell', ...order('press') },
    'privacy-on': { name: 'Turn privacy on', icon: 'mdi:eye-off', ...order('privacy') },
  };
}
