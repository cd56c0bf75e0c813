// Checks whether a doorbell's camera, broker and bridge answer. Each check ends within seconds.
import { join } from 'node:path';
import { silentLog } from '@doorsill/base/log';
import { MqttLink } from '@doorsill/base/mqtt-link';
import { SystemPrograms } from '@doorsill/base/system-programs';
import { exchangeJson } from '@doorsill/contract/json-client';
import { PAYLOAD_BYTES_MAX } from '@doorsill/contract/topics';
import { z } from 'zod';
import { readEnrolment } from '../area-link/enrolment.ts';
import { findFfmpeg } from '../camera/find-ffmpeg.ts';
import { parseCameraSource } from '../camera/sources.ts';
import type { DeviceConfig } from '../config.ts';
import { failure, isFailure } from '../terminal/errors.ts';
import { type Diagnosis, failed, note, ok, type Seams, wrong } from './diagnosis.ts';

/** Timeout of a check. It is long because all checks run at the same time: on a small board a working broker may take seconds to answer. */
const REACH_MS_MAX = 10_000;

/** Checks the camera of a doorbell that is not running. A missing ffmpeg, which examine.ts reports, is not a fault of the camera. */
export async function cameraOf({ clock, cameras }: Seams, config: DeviceConfig): Promise<Diagnosis[]> {
  const source = parseCameraSource(config.camera, { loop: true }, cameras);
  if (source.kind === 'synthetic') return [ok('camera', source.shown)];
  const ffmpeg = await findFfmpeg().catch((thrown: unknown) => {
    if (isFailure(thrown) && thrown.code === 'ffmpeg_missing') return null;
    throw thrown;
  });
  if (!ffmpeg) return [note('camera', `${source.shown}: cannot be checked without ffmpeg`)];
  const context = { clock, programs: new SystemPrograms(), ffmpeg };
  const { gives, troubles } = await source.tryOnce(context);
  return [ok('camera', `${source.shown}: ${gives}`), ...troubles.map((trouble) => failed('camera', trouble))];
}

/** The finding about a doorbell without a home broker. */
export function noBroker(): Diagnosis {
  return note(
    'broker',
    'none is set: owners use the doorbell’s own page, and neither Home Assistant nor commands reach it',
  );
}

/** Logs in with the doorbell's account, under another client id, so that it ends no session. */
export async function brokerOf(seams: Seams, config: DeviceConfig): Promise<Diagnosis> {
  const { url, user = '', password } = config.home;
  if (url === undefined) return noBroker();
  const link = new MqttLink({
    url,
    user,
    password,
    payloadBytesMax: PAYLOAD_BYTES_MAX,
    clock: seams.clock,
    random: seams.random,
    log: silentLog(),
    unreachable: (where, detail) => failure('unreachable', { what: 'the home broker', where, detail }),
  });
  try {
    return await new Promise<Diagnosis>((resolve, reject) => {
      const timer = seams.clock.after(REACH_MS_MAX, () =>
        reject(failure('timed_out', { what: `the home broker at ${url}`, seconds: REACH_MS_MAX / 1_000 })),
      );
      link.onState((state) => {
        if (!state.online && state.error === null) return;
        timer.cancel();
        if (state.online) resolve(ok('broker', `${url} accepts this doorbell’s account`));
        else reject(state.error);
      });
      link.start();
    });
  } finally {
    await link.stop();
  }
}

const bridgeFacts = z.object({ id: z.string() });

/** Whether the bridge answers, and is the pinned one. */
export async function bridgeOf({ disk }: Seams, config: DeviceConfig, folder: string): Promise<Diagnosis> {
  const enrolment = await readEnrolment(disk, join(folder, 'enrolment.json'));
  if (!enrolment) {
    return note(
      'bridge',
      'the doorbell is not enrolled with a bridge, so no agency can ask',
      'Start it once with `--enrol -` and type a code of the bridge.',
    );
  }
  const url = config.bridgeUrl ?? enrolment.bridgeUrl;
  const answer = bridgeFacts.safeParse(await exchangeJson(`${url}/v1/bridge`, { method: 'GET' }));
  if (answer.data?.id === enrolment.bridge) return ok('bridge', `${enrolment.bridge} answers at ${url}`);
  return wrong(
    'bridge',
    `${url} is not ${enrolment.bridge}, with which this doorbell is enrolled`,
    'Correct bridgeUrl in device.json, or enrol again if the bridge was replaced.',
  );
}
