// An independent client, npm's onvif, understands every answer of the server.
import { once } from 'node:events';
import { Cam } from 'onvif/promises/index.js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ACCOUNT, FACTS, JPEG, startServer } from './support/onvif-caller.ts';

type Started = Awaited<ReturnType<typeof startServer>>;
let started: Started;

beforeEach(async () => {
  started = await startServer();
});

afterEach(() => started.server.stop());

function clientOf({ base }: Started, password = ACCOUNT.password): Cam {
  const { hostname, port } = new URL(base);
  return new Cam({ hostname, port: Number(port), username: ACCOUNT.user, password, timeout: 5_000 });
}

it('connects and reads the camera’s facts', async () => {
  const client = clientOf(started);
  await client.connect();
  expect(await client.getDeviceInformation()).toMatchObject({ manufacturer: 'doorsill', firmwareVersion: '9.8.7' });
  expect(await client.getSystemDateAndTime()).toEqual(new Date('2026-11-27T12:00:00Z'));
  expect(await client.getHostname()).toMatchObject({ fromDHCP: false });
  const scopes: { scopeItem: string }[] = await client.getScopes();
  expect(scopes.map(({ scopeItem }) => scopeItem)).toContain('onvif://www.onvif.org/type/video_encoder');
  expect(await client.getServices()).toHaveLength(3);
  expect(await client.getCapabilities()).toMatchObject({ events: { WSPullPointSupport: true } });
  const [source] = await client.getVideoSources();
  expect(source).toMatchObject({ framerate: 25, resolution: FACTS.size });
  const [profile] = await client.getProfiles();
  expect(profile).toMatchObject({
    $: { token: 'main' },
    name: FACTS.name,
    videoEncoderConfiguration: {
      encoding: 'H264',
      resolution: FACTS.size,
      H264: { govLength: 50, H264Profile: 'High' },
    },
  });
  const [encoder] = await client.getVideoEncoderConfigurations();
  expect(encoder).toMatchObject({ encoding: 'H264', rateControl: { frameRateLimit: 25, bitrateLimit: 2_000 } });
  expect(await client.getNetworkInterfaces()).toMatchObject([{ info: { name: 'simulated0', MTU: 1_500 } }]);
});

it('gets the stream and the still picture', async () => {
  const client = clientOf(started);
  await client.connect();
  expect(await client.getStreamUri()).toMatchObject({ uri: 'rtsp://127.0.0.1:8554/porch?x=1' });
  const { uri } = await client.getSnapshotUri();
  expect(new Uint8Array(await (await fetch(uri)).arrayBuffer())).toEqual(JPEG);
});

/** The client's form of an event. */
interface Heard {
  topic: { _: string };
  message: { message: { data: { simpleItem: { $: object } } } };
}

it('receives a press during a pull, and motion', async () => {
  const { camera } = started;
  const client = clientOf(started);
  await client.connect();
  const heard: Heard[] = [];
  client.on('event', (message: Heard) => heard.push(message));
  const said = () => heard.map(({ topic, message }) => [topic._, message.message.data.simpleItem.$]);
  const until = async (count: number) => {
    while (heard.length < count) await once(client, 'event');
  };
  await until(2);
  camera.happen('motion-start');
  await until(3);
  camera.happen('press');
  await until(4);
  const MOTION = 'tns1:VideoSource/MotionAlarm';
  const VISITOR = 'tns1:RuleEngine/MyRuleDetector/Visitor';
  expect(said()).toEqual([
    [MOTION, { Name: 'State', Value: false }],
    [VISITOR, { Name: 'State', Value: false }],
    [MOTION, { Name: 'State', Value: true }],
    [VISITOR, { Name: 'State', Value: true }],
  ]);
  client.removeAllListeners('event');
});

it('gets an error for a wrong password', async () => {
  const client = clientOf(started, 'guess');
  await client.connect();
  await expect(client.getProfiles()).rejects.toThrow('The login is missing, wrong');
});
