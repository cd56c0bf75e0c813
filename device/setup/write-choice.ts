// Turns what was chosen on the set-up page into settings, and writes them with the first owner.
import { join } from 'node:path';
import { type SigningKey, verifySignature } from '@doorsill/base/keys';
import { fromBase64url } from '@doorsill/contract/bytes';
import { pairingProofInput } from '@doorsill/contract/console-messages';
import { failure, isFailure } from '@doorsill/contract/errors';
import type { setupMessages } from '@doorsill/contract/setup-messages';
import type { z } from 'zod';
import type { FoundCamera, FoundMicrophone } from '../camera/find-cameras.ts';
import { parseCameraSource } from '../camera/sources.ts';
import { type DeviceConfigInput, parseDeviceConfig } from '../config.ts';
import { recordFirstOwner } from '../consent/first-owner.ts';
import { CONSOLE_PORT } from '../console/console-settings.ts';
import type { Seams } from '../doctor/diagnosis.ts';
import { brokerOf } from '../doctor/reachability.ts';
import { deviceIdOf } from '../identity.ts';
import { writeFirstSettings } from './first-settings.ts';

/** What was chosen on the page. */
export type SetupChoice = z.output<typeof setupMessages.choice>;
type View = Pick<SetupChoice, 'camera' | 'size' | 'microphone'>;

/** What the page was offered. */
export interface Offered {
  cameras: readonly FoundCamera[];
  microphones: readonly FoundMicrophone[];
}

/** The future doorbell. */
export interface NewDoorbell {
  folder: string;
  key: SigningKey;
  /** The challenge that the first owner's key has to sign. */
  challenge: string;
  /** The port of its page. */
  port: number;
}

/** What other files of the doorbell and the system may need. */
const RESERVED_BYTES = 200_000_000;

/**
 * A camera's name for the settings. Only what was found is accepted, or the address of a network camera: another name could have a file of this
 * machine read. Throws `setup_camera_foreign`.
 */
export function cameraOf({ camera, size, microphone }: View, { cameras, microphones }: Offered): string {
  if (/^rtsp:\/\//i.test(camera)) return camera;
  const found = cameras.find(({ source }) => source === camera);
  const isKnown = microphone === null || microphones.some(({ device }) => device === microphone);
  if (!found || !isKnown || (size !== null && !found.sizes.includes(size))) throw failure('setup_camera_foreign');
  const isWired = /^(v4l2|rpicam):/.test(camera);
  const options = [size === null ? '' : `size=${size}`, microphone === null || !isWired ? '' : `mic=${microphone}`];
  const query = options.filter((option) => option !== '').join('&');
  return query === '' ? camera : `${camera}${camera.includes('?') ? '&' : '?'}${query}`;
}

/** The settings of what was chosen. */
export function settingsOf(choice: SetupChoice, camera: string, port: number): DeviceConfigInput {
  const { name, footage, listen, announce, broker } = choice;
  const { kind, bytes, retentionS } = footage;
  return {
    name,
    camera,
    ring: { ...(kind === 'memory' ? { kind } : {}), bytes, retentionS },
    console: {
      listen,
      ...(port === CONSOLE_PORT ? {} : { port }),
      ...(announce && listen === 'home-network' ? { announce: { enabled: true } } : {}),
    },
    ...(broker === null ? {} : { home: { url: broker.url, user: broker.user, password: broker.password } }),
    ...(broker?.homeAssistant ? { homeAssistant: { enabled: true } } : {}),
  };
}

/**
 * Checks what was chosen, and writes it: settings and key, then the first owner. Either all of it is written or nothing. After a power cut in
 * between the doorbell has no owner yet. Throws `setup_camera_foreign`, the failures of `parseCameraSource`, `ring_full_disk`,
 * `pairing_refused`, `config_invalid`, `setup_broker_refused`, `settings_exist`, `consent_storage_failed`.
 */
export async function writeChoice(
  seams: Seams,
  { folder, key, challenge, port }: NewDoorbell,
  choice: SetupChoice,
  offered: Offered,
): Promise<{ device: string; paired: boolean }> {
  const { disk } = seams;
  const device = deviceIdOf(key);
  const camera = cameraOf(choice, offered);
  parseCameraSource(camera, {}, seams.cameras);
  const { owner, footage } = choice;
  if (footage.kind === 'file' && footage.bytes > (await disk.freeBytes(folder)) - RESERVED_BYTES)
    throw failure('ring_full_disk', { path: folder });
  if (owner) {
    const signature = fromBase64url(owner.proof);
    const input = pairingProofInput(device, challenge, owner.key, owner.name);
    if (owner.challenge !== challenge || !signature || !verifySignature(owner.key, input, signature))
      throw failure('pairing_refused', { detail: 'the signature does not prove the key' });
  }
  const settings = settingsOf(choice, camera, port);
  const config = parseDeviceConfig(settings, 'device.json');
  // Not as `unreachable`, which for the page means this server.
  await brokerOf(seams, config).catch((thrown: unknown) => {
    throw isFailure(thrown) ? failure('setup_broker_refused', { detail: thrown.message }, thrown) : thrown;
  });
  const { file } = await writeFirstSettings(seams, folder, settings, key);
  const consent = join(folder, 'consent');
  if (owner) {
    try {
      await recordFirstOwner(seams, consent, { id: device, key }, { key: owner.key, name: owner.name });
    } catch (thrown) {
      for (const path of [file, consent, join(folder, 'device.key')]) await disk.remove(path).catch(() => undefined);
      throw thrown;
    }
  }
  return { device, paired: owner !== null };
}
