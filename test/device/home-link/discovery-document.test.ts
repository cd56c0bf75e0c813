// The discovery document fits Home Assistant's documentation, and its ids never change.
import { describe, expect, it } from 'vitest';
import {
  COMPONENT_PLATFORMS,
  type ComponentId,
  componentsOf,
  discoveryDocument,
} from '../../../device/home-link/discovery-document.ts';
import { deviceDiscoverySchema, takesState } from './support/home-assistant-schemas.ts';

const facts = { device: 'device-1', name: 'Front door', prefix: 'doorsill/v1' };
const everything = componentsOf({ motion: true, press: true, privacyButton: true });
const open = (document: object) => deviceDiscoverySchema.parse(JSON.parse(JSON.stringify(document)));

describe('the discovery document', () => {
  it('is one that Home Assistant’s documentation allows, with each entity by its own id', () => {
    const { dev, o, cmps, availability } = open(discoveryDocument(facts, everything));
    expect([dev.ids, dev.name, o.name]).toEqual([['device-1'], 'Front door', 'doorsill']);
    expect(availability).toEqual([
      { topic: 'doorsill/v1/home/device-1/status', payload_available: 'online', payload_not_available: 'offline' },
    ]);
    expect(cmps['ring']).toMatchObject({ p: 'event', device_class: 'doorbell', event_types: ['ring'] });
    expect(cmps['motion']).toMatchObject({ p: 'binary_sensor', device_class: 'motion' });
    // Written out: an id that changes is another entity in Home Assistant, and its history and automations are lost.
    expect(Object.entries(cmps).map(([id, body]) => [id, body.p, 'unique_id' in body && body.unique_id])).toEqual([
      ['ring', 'event', 'device-1-ring'],
      ['motion', 'binary_sensor', 'device-1-motion'],
      ['privacy', 'binary_sensor', 'device-1-privacy'],
      ['requests', 'sensor', 'device-1-requests'],
      ['storage', 'sensor', 'device-1-storage'],
      ['connectivity', 'binary_sensor', 'device-1-connectivity'],
      ['press', 'button', 'device-1-press'],
      ['privacy-on', 'button', 'device-1-privacy-on'],
    ]);
    expect(Object.values(cmps).map((body) => 'name' in body && body.name)).toEqual([
      'Doorbell',
      'Motion',
      'Privacy',
      'Pending requests',
      'Storage',
      'Connection',
      'Press',
      'Turn privacy on',
    ]);
  });

  it('changes only the device’s name when the doorbell is renamed', () => {
    const { dev, ...rest } = open(discoveryDocument(facts, everything));
    const { dev: renamed, ...same } = open(discoveryDocument({ ...facts, name: 'Back door' }, everything));
    expect(same).toEqual(rest);
    expect(renamed).toEqual({ ...dev, name: 'Back door' });
  });

  it('has only what the settings allow: no motion without detection, no button that is not allowed', () => {
    const { cmps } = open(
      discoveryDocument(facts, componentsOf({ motion: false, press: false, privacyButton: false })),
    );
    expect(Object.keys(cmps)).toEqual(['ring', 'privacy', 'requests', 'storage', 'connectivity']);
    expect(JSON.stringify(cmps)).not.toContain('command_topic');
  });

  it('names a removed entity by its platform alone, which removes it', () => {
    const gone: ComponentId[] = ['press', 'privacy-on'];
    const { cmps } = open(discoveryDocument(facts, ['ring'], gone));
    expect(cmps).toMatchObject({ ring: { p: 'event' } });
    for (const id of gone) expect(cmps[id]).toEqual({ p: COMPONENT_PLATFORMS[id] });
  });

  it('keeps the connection’s entity available when the doorbell goes offline, so that it can show that', () => {
    const { cmps } = open(discoveryDocument(facts, everything));
    const { connectivity } = cmps;
    if (!connectivity || !('availability' in connectivity)) throw new Error('no connectivity');
    // Whatever is published on the status topic, the template makes it `online`, which is the default for available.
    expect(connectivity.availability).toEqual([
      { topic: 'doorsill/v1/home/device-1/status', value_template: 'online' },
    ]);
    expect(takesState(connectivity, 'online') && takesState(connectivity, 'offline')).toBe(true);
  });
});
