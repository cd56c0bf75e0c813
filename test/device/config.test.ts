// Every invalid device.json is refused with one line that names the setting.
import { describe, expect, it } from 'vitest';
import { parseDeviceConfig } from '../../device/config.ts';
import { proved } from '../support/proved.ts';

const home = { url: 'mqtt://127.0.0.1:1883', user: 'device-1', password: 'x' };

/** Invalid settings, and the name that the line must have. */
const WRONG: Record<string, [settings: object, names: RegExp]> = {
  'an unknown key, near a known one': [{ home, camra: 'synthetic' }, /camra.*did you mean "camera"/],
  'an unknown key inside another': [{ home, ring: { byts: 1 } }, /ring: there is no "byts" here.*did you mean "bytes"/],
  'an unknown key far from any': [{ home, turbo: true }, /"turbo"(?!.*did you mean)/],
  'a wrong type': [{ home, preRollS: '4' }, /preRollS: it takes a (whole )?number from \d+ to \d+, not a text/],
  'a fraction where a whole number is wanted': [
    { home, ring: { bytes: 1e8 + 0.5 } },
    /ring\.bytes: it takes a whole number .*, not 100000000\.5/,
  ],
  'a number beyond its limit': [{ home, postRollS: 3_600 }, /postRollS: .* to 60, not 3600/],
  'a ring too small for anything': [{ home, ring: { bytes: 1_000 } }, /ring\.bytes/],
  'limits that contradict each other': [
    { home, ring: { retentionS: 10 }, preRollS: 10, postRollS: 10 },
    /retentionS 10 is shorter than preRollS \+ postRollS \(20\)/,
  ],
  'an announcement that nobody could follow': [
    { home, console: { listen: 'this-machine', announce: { enabled: true } } },
    /console\.announce is on, but console\.listen is not home-network/,
  ],
  'an address with a password in it': [
    { home: { ...home, url: 'mqtt://admin:swordfish@broker' } },
    /home\.url: .*without credentials/,
  ],
  'an address of another kind': [{ home: { ...home, url: 'http://broker' } }, /home\.url/],
  'a topic prefix with a wildcard': [{ home: { ...home, prefix: 'doorsill/#' } }, /home\.prefix/],
  'no broker and no page, so that no owner reaches it': [{}, /home\.url names no broker, and console\.listen is off/],
  'an account at no broker': [{ home: { user: 'porch' } }, /home\.url is missing/],
  'a broker without an account': [{ home: { url: home.url } }, /home\.user is missing/],
  'Home Assistant without a broker': [
    { console: { listen: 'this-machine' }, homeAssistant: { enabled: true } },
    /homeAssistant is on, which needs a broker/,
  ],
  'a place that is nowhere': [{ home, place: { longitude: 181, latitude: 0 } }, /place\.longitude/],
  'too many zones': [{ home, motion: { zones: Array(1_000).fill({}) } }, /motion\.zones/],
  'a name too long for anybody': [{ home, name: 'x'.repeat(61) }, /name/],
  'a name in the wrong place': [JSON.parse(`{"home":${JSON.stringify(home)},"__proto__":{"camera":"x"}}`), /__proto__/],
  'a button on no line': [{ home, buttons: [{ kind: 'gpio', name: 'front' }] }, /buttons\[0\]\.line/],
  'a button that is a path of its own': [
    { home, buttons: [{ kind: 'evdev', name: 'front', device: '/dev/input/../mem' }] },
    /buttons\[0\]\.device: .*under \/dev\/input\//,
  ],
  'a chime for a shell': [
    { home, chime: { command: 'aplay ding.wav' } },
    /chime\.command: it takes a list.*, not a text/,
  ],
  'another word for when clips are encoded anew': [{ home, clip: { recode: 'never' } }, /clip\.recode/],
  'a shutter of a kind unknown': [{ home, shutter: { kind: 'servo' } }, /shutter/],
};

describe('settings', () => {
  it('that are invalid are refused in one line that names them', (test) => {
    for (const [what, [settings, names]] of Object.entries(WRONG)) {
      let thrown: unknown = null;
      try {
        parseDeviceConfig(settings, 'device.json');
      } catch (refusal) {
        thrown = refusal;
      }
      expect(thrown, what).toMatchObject({ code: 'config_invalid', message: expect.stringMatching(names) });
      expect(String(thrown), what).not.toMatch(/\n|swordfish/);
    }
    proved(test, 'Wrong settings refused in one line that names them', `${Object.keys(WRONG).length}`);
  });

  it('that are valid are accepted, and only `home` is required', () => {
    expect(parseDeviceConfig({ home }, 'device.json')).toMatchObject({ camera: 'synthetic', ring: { kind: 'file' } });
  });
});
