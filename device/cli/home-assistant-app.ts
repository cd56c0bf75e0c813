// Runs a doorbell as an app ("add-on") of Home Assistant: as a user who is not root, with the app's options and the broker that the Supervisor
// names (developers.home-assistant.io/docs/apps/configuration and /docs/apps/communication, as of 2026-08-19).
import { readFileSync } from 'node:fs';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SystemDisk } from '@doorsill/base/disk';
import { readBySchema } from '@doorsill/base/schema-fault';
import { utf8 } from '@doorsill/contract/bytes';
import { exchangeJson } from '@doorsill/contract/json-client';
import { z } from 'zod';
import type { DeviceConfigInput } from '../config.ts';
import { readSettings } from '../settings-file.ts';
import { failure } from '../terminal/errors.ts';
import { reportFailure } from '../terminal/output.ts';
import { CODE_CREDENTIAL } from '../terminal/secret-input.ts';

const OPTIONS = '/data/options.json';
const FOLDER = '/data/doorbell';
/** In memory, and gone with the container. */
const CREDENTIALS = '/tmp/doorsill-credentials';
const BROKER = 'http://supervisor/services/mqtt';
const LAUNCHER = fileURLToPath(new URL('../../cli/doorsill-device.mjs', import.meta.url));
/** The user of the app's image. */
const USER = 'doorsill';
/** Where browsers find the app, besides its address. */
const NAMES = ['homeassistant.local', 'homeassistant'];

const PLACE = /^-?\d{1,3}(\.\d+)?,-?\d{1,2}(\.\d+)?$/;
const optionsSchema = z.strictObject({
  name: z.string().min(1).max(60),
  video_device: z
    .string()
    .regex(/^\/dev\/[\w./-]{1,100}$/, 'a device such as /dev/video0')
    .optional(),
  camera: z.string().min(1).max(1_000).optional(),
  place: z.string().regex(PLACE, 'longitude,latitude in degrees, such as -89.644,39.799').optional(),
  entities: z.boolean(),
  enrolment_code: z.string().max(4_096).optional(),
});
/** The app's options. */
type AppOptions = z.infer<typeof optionsSchema>;

/** The Supervisor's answer: the broker that another app provides. */
const brokerSchema = z.looseObject({
  data: z.looseObject({
    host: z.string().regex(/^[\w.-]{1,200}$/),
    port: z.int().min(1).max(65_535),
    ssl: z.boolean().default(false),
    username: z.string().min(1),
    password: z.string().min(1),
  }),
});

await main().catch((thrown: unknown) => reportFailure(thrown, false));

async function main(): Promise<void> {
  const disk = new SystemDisk();
  const options = read(optionsSchema, (await readSettings(disk, OPTIONS)) ?? {}, OPTIONS);
  const chosen = settingsOf(options);
  const home = await broker();
  // Nothing that the doorbell starts needs the Supervisor.
  delete process.env['SUPERVISOR_TOKEN'];
  delete process.env['HASSIO_TOKEN'];
  await mkdir(FOLDER, { recursive: true, mode: 0o700 });
  await becomeUser();
  const settings = `${JSON.stringify({ ...chosen, home }, null, 2)}\n`;
  await disk.replaceFile(join(FOLDER, 'device.json'), utf8(settings));
  if (options.enrolment_code) {
    await mkdir(CREDENTIALS, { recursive: true, mode: 0o700 });
    await writeFile(join(CREDENTIALS, CODE_CREDENTIAL), options.enrolment_code, { mode: 0o600 });
    process.env['CREDENTIALS_DIRECTORY'] = CREDENTIALS;
  }
  // As if the board's command had been started, by whose name messages call it.
  process.argv = [process.execPath, LAUNCHER, 'run', '--data', FOLDER, '--code-in-log'];
  await (await import('./main.ts')).main(process.argv);
}

/** device.json without the broker. The options are the base, so it is written anew at each start; what owners change is kept apart from it. */
function settingsOf(options: AppOptions): Omit<DeviceConfigInput, 'home'> {
  const { name, video_device: video, camera = video && `v4l2:${video}`, place, entities } = options;
  if (camera === undefined)
    throw failure('config_invalid', { file: OPTIONS, detail: 'no camera: choose a video device, or name a camera' });
  const [longitude = 0, latitude = 0] = (place ?? '').split(',').map(Number);
  return {
    name,
    camera,
    ...(place === undefined ? {} : { place: { longitude, latitude } }),
    homeAssistant: { enabled: entities },
    console: { listen: 'home-network', names: NAMES },
  };
}

/** The broker. Throws `app_without_broker`. */
async function broker(): Promise<DeviceConfigInput['home']> {
  const bearer = process.env['SUPERVISOR_TOKEN'] ?? '';
  const answer = await exchangeJson(BROKER, { method: 'GET', bearer }).catch((thrown: unknown) => {
    throw failure('app_without_broker', { detail: thrown instanceof Error ? thrown.message : String(thrown) }, thrown);
  });
  const parsed = readBySchema(brokerSchema, answer);
  if (!parsed.ok) throw failure('app_without_broker', { detail: parsed.fault });
  const { host, port, ssl, username: user, password } = parsed.data.data;
  return { url: `${ssl ? 'mqtts' : 'mqtt'}://${host}:${port}`, user, password };
}

function read<Schema extends z.ZodType>(schema: Schema, value: unknown, file: string): z.output<Schema> {
  const parsed = readBySchema(schema, value);
  if (parsed.ok) return parsed.data;
  throw failure('config_invalid', { file, detail: parsed.fault });
}

/** Gives the folder to the image's user, and becomes that user for good, with the groups of cameras and microphones. */
async function becomeUser(): Promise<void> {
  const [, id, group] =
    new RegExp(`^${USER}:[^:]*:(\\d+):(\\d+):`, 'm').exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  if (id === undefined || group === undefined || !process.setuid || !process.setgid || !process.setgroups)
    throw failure('config_invalid', { file: '/etc/passwd', detail: `it names no user ${USER}` });
  const groups = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, , number, members = ''] = line.split(':');
      return members.split(',').includes(USER) ? [Number(number)] : [];
    });
  await chown(FOLDER, Number(id), Number(group));
  process.setgroups(groups);
  process.setgid(Number(group));
  process.setuid(Number(id));
}
