// Owns: asking what a doorbell leans on whether it answers: its camera, its broker, its bridge. Each look ends within seconds.
// Not here: what the doorbell's folder holds (device.ts).
import { access, constants } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import {
  type DeviceConfig,
  exchangeJson,
  failure,
  findFfmpeg,
  MqttLink,
  PAYLOAD_BYTES_MAX,
  parseCameraSource,
  readEnrolment,
  SystemPrograms,
  silentLog,
  tryCamera,
} from '../../device/index.ts';
import { type Finding, fault, note, ok, type Seams, wrong } from './finding.ts';

const REACH_MS_MAX = 4_000;
const RTSP_PORT = 554;

/** Whether the camera is there, for a doorbell that is not running: a file, a device this user may open, a port that answers. */
export async function cameraOf(seams: Seams, config: DeviceConfig): Promise<Finding | Finding[]> {
  const source = parseCameraSource(config.camera, { loop: true });
  if (source.kind === 'rtsp') {
    const { hostname, port } = source.url;
    const trouble = await connectFault(seams, hostname.replace(/^\[|\]$/g, ''), Number(port) || RTSP_PORT);
    if (trouble !== null) {
      return wrong(
        'camera',
        `${source.shown} does not answer: ${trouble}`,
        'Check its power, its address and that this machine is on its network.',
      );
    }
  }
  if (source.kind === 'file') await access(source.path, constants.R_OK);
  if (source.kind === 'v4l2' || source.kind === 'rpicam') {
    const { clock } = seams;
    const programs = new SystemPrograms();
    const { gives, troubles } = await tryCamera(source, { clock, programs, ffmpeg: await findFfmpeg() });
    return [ok('camera', `${source.shown}: ${gives}`), ...troubles.map((trouble) => fault('camera', trouble))];
  }
  return ok('camera', source.shown);
}

function connectFault({ clock }: Seams, host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const end = (fault: string | null) => {
      timer.cancel();
      socket.destroy();
      resolve(fault);
    };
    const timer = clock.after(REACH_MS_MAX, () => end(`no answer within ${REACH_MS_MAX / 1_000} s`));
    socket.once('connect', () => end(null));
    socket.once('error', (thrown: NodeJS.ErrnoException) => end(thrown.code ?? thrown.message));
  });
}

/** Logs in as the doorbell, which must not be running: a broker ends the older of two sessions. */
export async function brokerOf(seams: Seams, config: DeviceConfig): Promise<Finding> {
  const { url, user, password } = config.home;
  const link = new MqttLink({
    ...{ url, user, password, clientId: user, payloadBytesMax: PAYLOAD_BYTES_MAX },
    ...{ clock: seams.clock, random: seams.random, log: silentLog() },
    unreachable: (where, detail) => failure('unreachable', { what: 'the home broker', where, detail }),
  });
  try {
    return await new Promise<Finding>((resolve, reject) => {
      const timer = seams.clock.after(REACH_MS_MAX, () =>
        reject(failure('timed_out', { what: `the home broker at ${url}`, seconds: REACH_MS_MAX / 1_000 })),
      );
      link.onState((state) => {
        if (!state.online && state.error === null) return;
        timer.cancel();
        if (state.online) resolve(ok('broker', `${url} takes this doorbell’s account`));
        else reject(state.error);
      });
      link.start();
    });
  } finally {
    await link.stop();
  }
}

const bridgeFacts = z.object({ id: z.string() });

/** Whether the pinned bridge answers, and is the one that was pinned. */
export async function bridgeOf({ disk }: Seams, config: DeviceConfig, folder: string): Promise<Finding> {
  const enrolment = await readEnrolment(disk, join(folder, 'enrolment.json'));
  if (!enrolment) {
    return note(
      'bridge',
      'it is enrolled with none, so no agency can ask',
      'Start it once with `--enrol -` and type a code of the bridge.',
    );
  }
  const url = config.bridgeUrl ?? enrolment.bridgeUrl;
  const answer = bridgeFacts.safeParse(await exchangeJson(`${url}/v1/bridge`, { method: 'GET' }));
  if (answer.data?.id === enrolment.bridge) return ok('bridge', `${enrolment.bridge} answers at ${url}`);
  return wrong(
    'bridge',
    `${url} is not ${enrolment.bridge}, with which this doorbell is enrolled`,
    'Correct bridgeUrl in device.json, or enrol anew if the bridge was replaced.',
  );
}
