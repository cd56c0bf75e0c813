import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemClock } from '../../../../device/base/clock.ts';
import { parseOnvifAddress } from '../../../../sim/camera-server/onvif/onvif-server.ts';
import { NAMESPACES } from '../../../../sim/camera-server/onvif/soap.ts';
import { openHalfSent } from '../support/half-sent.ts';
import {
  envelope,
  faultOf,
  JPEG,
  post,
  read,
  START_US,
  security,
  startServer,
  textOf,
} from './support/onvif-caller.ts';

type Started = Awaited<ReturnType<typeof startServer>>;
let started: Started;

beforeEach(async () => {
  started = await startServer();
});

afterEach(() => started.server.stop());

const PATHS = { tds: 'device_service', trt: 'media_service', tev: 'event_service' } as const;

function call(prefix: keyof typeof PATHS, body: string, header?: string) {
  return post(`${started.base}/onvif/${PATHS[prefix]}`, envelope(body, header));
}

const SETUP =
  '<trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport></trt:StreamSetup>';
const OF_PROFILE = '<trt:ProfileToken>main</trt:ProfileToken>';
const OPEN = ['tds:GetSystemDateAndTime', 'tds:GetCapabilities', 'tds:GetServices', 'tds:GetHostname'];
const CLOSED = [
  ...['tds:GetDeviceInformation', 'tds:GetScopes', 'tds:GetNetworkInterfaces', 'trt:GetProfiles'],
  ...['trt:GetVideoSources', 'trt:GetVideoSourceConfigurations', 'trt:GetVideoEncoderConfigurations'],
  ...['trt:GetVideoEncoderConfigurationOptions', 'tev:GetEventProperties', 'tev:CreatePullPointSubscription'],
];

it.each(['tds', 'trt', 'tev'].map((prefix) => `${prefix}:GetServiceCapabilities`).concat(OPEN))(
  'answers %s to everyone',
  async (name) => {
    const [prefix = '', local] = name.split(':');
    const answered = await call(prefix as keyof typeof PATHS, `<${name}/>`, '');
    expect([answered.status, answered.body.name]).toEqual([200, `${local}Response`]);
    expect(answered.body.namespace).toBe(NAMESPACES[prefix as keyof typeof PATHS]);
  },
);

it.each(CLOSED)('answers %s to a client with a login alone', async (name) => {
  const [prefix = '', local] = name.split(':');
  const refused = await call(prefix as keyof typeof PATHS, `<${name}/>`, '');
  expect([refused.status, faultOf(refused).codes]).toEqual([400, ['s:Sender', 'ter:NotAuthorized']]);
  const answered = await call(prefix as keyof typeof PATHS, `<${name}/>`);
  expect([answered.status, answered.body.name]).toEqual([200, `${local}Response`]);
  expect(answered.text).not.toContain('secret');
});

it('answers although unfinished requests fill its limit', async () => {
  const end = await openHalfSent(
    Number(new URL(started.base).port),
    200,
    'POST /onvif/device_service HTTP/1.1\r\nHost: ',
  );
  expect((await call('tds', '<tds:GetSystemDateAndTime/>', '')).status).toBe(200);
  end();
});

it('returns the camera’s time, not the machine’s', async () => {
  const { body } = await call('tds', '<tds:GetSystemDateAndTime/>', '');
  const told = ['Year', 'Month', 'Day', 'Hour', 'Minute', 'Second'].map((part) => textOf(body, part));
  expect(told).toEqual(['2026', '11', '27', '12', '0', '0']);
});

it('returns the camera’s facts, and none of the machine', async () => {
  const about = (await call('tds', '<tds:GetDeviceInformation/>')).body;
  expect([textOf(about, 'Manufacturer'), textOf(about, 'FirmwareVersion')]).toEqual(['doorsill', '9.8.7']);
  const scopes = (await call('tds', '<tds:GetScopes/>')).text;
  expect(scopes).toContain('onvif://www.onvif.org/name/Porch%20%3C1%3E%20%26%20gate');
  const network = (await call('tds', '<tds:GetNetworkInterfaces/>')).body;
  expect(textOf(network, 'HwAddress')).toMatch(/^02(:[0-9a-f]{2}){5}$/);
  const profile = (await call('trt', '<trt:GetProfiles/>')).body;
  expect(['Width', 'Encoding', 'FrameRateLimit', 'BitrateLimit', 'GovLength'].map((at) => textOf(profile, at))).toEqual(
    ['1280', 'H264', '25', '2000', '50'],
  );
  expect(textOf(profile, 'Name')).toBe('Porch <1> & gate');
});

it('returns the stream’s address as this client reaches it, without a login', async () => {
  const { body } = await call('trt', `<trt:GetStreamUri>${SETUP}${OF_PROFILE}</trt:GetStreamUri>`);
  expect(textOf(body, 'Uri')).toBe('rtsp://127.0.0.1:8554/porch?x=1');
});

it('answers each service at every service’s path, and at no other', async () => {
  const body = () => envelope(`<trt:GetSnapshotUri>${OF_PROFILE}</trt:GetSnapshotUri>`);
  for (const path of ['/onvif/device_service', '/onvif/imaging_service'])
    expect((await post(`${started.base}${path}`, body())).body.name).toBe('GetSnapshotUriResponse');
  for (const path of ['/', '/onvif', '/onvif/device_service/', '/onvif/x/device_service', '/ONVIF/device_service'])
    expect((await fetch(`${started.base}${path}`, { method: 'POST', body: body() })).status).toBe(404);
});

it('serves the still only at the address that it returns', async () => {
  const { camera, clock, base } = started;
  const { body } = await call('trt', `<trt:GetSnapshotUri>${OF_PROFILE}</trt:GetSnapshotUri>`);
  const uri = textOf(body, 'Uri') ?? '';
  expect(uri.startsWith(`${base}/snapshot-`)).toBe(true);
  const picture = await fetch(uri);
  expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
  expect(new Uint8Array(await picture.arrayBuffer())).toEqual(JPEG);
  expect((await fetch(uri, { headers: { origin: 'http://a.example' } })).status).toBe(404);
  expect((await fetch(`${base}/snapshot.jpg`)).status).toBe(404);
  expect((await fetch(uri, { method: 'DELETE' })).status).toBe(404);
  camera.still = () => Promise.reject(new Error('the picture is black'));
  expect((await fetch(uri)).status).toBe(503);
  camera.still = async () => null;
  expect((await fetch(uri)).status).toBe(503);
  camera.still = async () => new Uint8Array(8 * 1024 * 1024 + 1);
  expect((await fetch(uri)).status).toBe(503);
  let asked = 0;
  const asking = new Promise<void>((resolve) => {
    camera.still = () => {
      asked += 1;
      resolve();
      return new Promise(() => {});
    };
  });
  const late = [fetch(uri), fetch(uri)];
  await asking;
  await new SystemClock().sleep(30);
  await clock.advance(10_000);
  expect((await Promise.all(late)).map(({ status }) => status)).toEqual([503, 503]);
  expect(asked).toBe(1);
});

it('survives a request whose answer fails', async () => {
  const { camera } = started;
  const uri = textOf((await call('trt', `<trt:GetSnapshotUri>${OF_PROFILE}</trt:GetSnapshotUri>`)).body, 'Uri') ?? '';
  camera.still = () => {
    throw new Error('a bug');
  };
  await expect(fetch(uri)).rejects.toThrow('fetch failed');
  camera.still = async () => JPEG;
  expect((await fetch(uri)).status).toBe(200);
});

const TIME = '<tds:GetSystemDateAndTime/>';
const PULL =
  '<tev:PullMessages><tev:Timeout>PT60S</tev:Timeout><tev:MessageLimit>10</tev:MessageLimit></tev:PullMessages>';

const WELL = ['s:Sender', 'ter:WellFormed'];

it.each<[string, string | Uint8Array, string[], number, string?]>([
  ['nothing', '', WELL, 400],
  ['no XML', 'GET me', WELL, 400],
  [
    'a bomb of entities',
    `<!DOCTYPE a [<!ENTITY x "ha">]>${envelope('<tds:GetHostname>&x;</tds:GetHostname>')}`,
    WELL,
    400,
  ],
  [
    'an external entity',
    `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>${envelope('<tds:GetHostname>&x;</tds:GetHostname>')}`,
    WELL,
    400,
  ],
  ['deep nesting', envelope(`${'<a>'.repeat(9_000)}${'</a>'.repeat(9_000)}`), WELL, 400],
  ['UTF-16', Buffer.from(envelope(TIME), 'utf16le'), WELL, 400],
  ['Latin-1', Buffer.from(envelope('<tds:GetHostname>é</tds:GetHostname>'), 'latin1'), WELL, 400],
  ['another encoding', envelope(TIME), WELL, 415, 'application/soap+xml; charset=iso-8859-1'],
  ['another type', envelope(TIME), WELL, 415, 'text/xml; charset=utf-8'],
  ['a type that begins alike', envelope(TIME), WELL, 415, 'application/soap+xmlish'],
  [
    'SOAP 1.1',
    envelope(TIME).replace(NAMESPACES.s, 'http://schemas.xmlsoap.org/soap/envelope/'),
    ['s:VersionMismatch'],
    500,
  ],
  ['no envelope', '<a/>', ['s:Sender', 'ter:TagMismatch'], 400],
  ['an empty body', envelope(''), ['s:Sender', 'ter:TagMismatch'], 400],
  ['two calls', envelope(`${TIME}${TIME}`), ['s:Sender', 'ter:TagMismatch'], 400],
  [
    'something beside the body',
    envelope(TIME).replace('</s:Envelope>', '<a/></s:Envelope>'),
    ['s:Sender', 'ter:TagMismatch'],
    400,
  ],
  [
    'a header that must be understood',
    envelope(TIME, '<x:a xmlns:x="urn:x" s:mustUnderstand="true"/>'),
    ['s:MustUnderstand'],
    500,
  ],
  ['an unknown action', envelope('<tds:SystemReboot/>'), ['s:Receiver', 'ter:ActionNotSupported'], 500],
  ['an action of a subscription', envelope(PULL), ['s:Receiver', 'ter:ActionNotSupported'], 500],
  ['an action of no namespace', envelope('<GetHostname/>'), ['s:Receiver', 'ter:ActionNotSupported'], 500],
  [
    'an action that is another in the header',
    envelope(TIME, `<wsa:Action>${NAMESPACES.tds}/GetHostname</wsa:Action>`),
    ['s:Sender', 'wsa:InvalidAddressingHeader', 'wsa:ActionMismatch'],
    400,
  ],
  [
    'an action that is another in the type',
    envelope(TIME),
    ['s:Sender', 'wsa:InvalidAddressingHeader', 'wsa:ActionMismatch'],
    400,
    `application/soap+xml; charset="utf-8"; action="${NAMESPACES.tds}/GetHostname"`,
  ],
  [
    'an unknown category',
    envelope('<tds:GetCapabilities><tds:Category>PTZ</tds:Category></tds:GetCapabilities>'),
    ['s:Receiver', 'ter:ActionNotSupported', 'ter:NoSuchService'],
    500,
  ],
  ['a login twice', envelope('<tds:GetScopes/>', `${security()}${security()}`), WELL, 400],
  ['64 KiB and a byte', `${envelope(TIME)}${' '.repeat(64 * 1024)}`, WELL, 413],
  ['a megabyte', envelope(`<tds:GetHostname>${'a'.repeat(1024 * 1024)}</tds:GetHostname>`), WELL, 413],
])('refuses %s with a fault and nothing else', async (_what, body, codes, status, type) => {
  const answered = await post(`${started.base}/onvif/device_service`, body, type);
  expect(faultOf(answered).codes).toEqual(codes);
  expect(answered.status).toBe(status);
  expect(faultOf(answered).reason).toMatch(/^.{10,250}\.$/);
  // The answer quotes little of the message, and the camera still answers.
  expect(answered.text.length).toBeLessThan(2_500);
  expect((await call('tds', TIME, '')).status).toBe(200);
});

it('accepts the action in the header or in the content type', async () => {
  const action = `${NAMESPACES.tds}/GetSystemDateAndTime`;
  const type = `application/soap+xml; charset=utf-8; action="${action}"`;
  const header = `<wsa:Action s:mustUnderstand="1">${action}</wsa:Action><wsa:MessageID>urn:uuid:1&amp;</wsa:MessageID>`;
  const answered = await post(`${started.base}/onvif/device_service`, envelope(TIME, header), type);
  expect(answered.status).toBe(200);
  expect(answered.header && textOf(answered.header, 'RelatesTo')).toBe('urn:uuid:1&');
});

it('refuses a used login, even for another call', async () => {
  const token = security();
  expect((await call('tds', '<tds:GetScopes/>', token)).status).toBe(200);
  const again = await call('trt', '<trt:GetProfiles/>', token);
  expect(faultOf(again).codes).toEqual(['s:Sender', 'ter:NotAuthorized']);
});

it.each([
  ['GetStreamUri', `${SETUP}<trt:ProfileToken>other</trt:ProfileToken>`, 'ter:NoProfile'],
  ['GetStreamUri', OF_PROFILE, 'ter:InvalidStreamSetup'],
  ['GetStreamUri', `${SETUP.replace('RTP-Unicast', 'RTP-Multicast')}${OF_PROFILE}`, 'ter:InvalidStreamSetup'],
  ['GetStreamUri', `${SETUP.replace('RTSP', 'HTTP')}${OF_PROFILE}`, 'ter:InvalidStreamSetup'],
  ['GetSnapshotUri', '', 'ter:NoProfile'],
  ['GetProfile', '<trt:ProfileToken>a</trt:ProfileToken>', 'ter:NoProfile'],
  ['GetVideoEncoderConfiguration', '<trt:ConfigurationToken>a</trt:ConfigurationToken>', 'ter:NoConfig'],
  ['GetVideoSourceConfiguration', '', 'ter:NoConfig'],
  ['GetVideoEncoderConfigurationOptions', '<trt:ConfigurationToken>a</trt:ConfigurationToken>', 'ter:NoConfig'],
])('refuses %s for something that does not exist: %s', async (name, parts, code) => {
  const answered = await call('trt', `<trt:${name}>${parts}</trt:${name}>`);
  expect(faultOf(answered).codes).toEqual(['s:Sender', 'ter:InvalidArgVal', code]);
});

it('refuses requests of web pages, and methods other than POST', async () => {
  const url = `${started.base}/onvif/device_service`;
  const headers = { 'content-type': 'application/soap+xml', origin: 'http://a.example' };
  const fromPage = await fetch(url, { method: 'POST', body: envelope(TIME), headers });
  expect(faultOf(read(fromPage.status, await fromPage.text())).codes).toEqual(['s:Sender', 'ter:OperationProhibited']);
  const got = await fetch(url);
  expect([got.status, faultOf(read(got.status, await got.text())).codes]).toEqual([405, WELL]);
  expect((await fetch(`${started.base}/`)).status).toBe(404);
});

/** The next answer on a connection. */
async function nextAnswer(socket: Socket): Promise<string> {
  let text = '';
  for (;;) {
    const [part] = await once(socket, 'data');
    text += String(part);
    const [head = '', body] = text.split('\r\n\r\n', 2);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
    if (body !== undefined && Buffer.byteLength(body) >= length) return text;
  }
}

it('understands a call split anywhere into two parts, or into single bytes', async () => {
  const body = `<s:Envelope xmlns:s="${NAMESPACES.s}"><s:Body><a:GetHostname xmlns:a="${NAMESPACES.tds}">é</a:GetHostname></s:Body></s:Envelope>`;
  const head = `POST /onvif/device_service HTTP/1.1\r\nHost: a\r\nContent-Type: application/soap+xml\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const bytes = Buffer.from(`${head}${body}`);
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(started.base).port), noDelay: true });
  await once(socket, 'connect');
  for (let at = 1; at < bytes.length; at += 1) {
    const answer = nextAnswer(socket);
    socket.write(bytes.subarray(0, at));
    await new Promise((resolve) => setImmediate(resolve));
    socket.write(bytes.subarray(at));
    expect(await answer).toContain('GetHostnameResponse');
  }
  const answer = nextAnswer(socket);
  for (const byte of bytes) {
    socket.write(Uint8Array.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await answer).toContain('GetHostnameResponse');
  socket.destroy();
});

it('closes a connection that sends too much and, of too many, the one that has waited longest', async () => {
  const port = Number(new URL(started.base).port);
  const sending = connect({ host: '127.0.0.1', port });
  sending.on('error', () => {});
  sending.write('POST /onvif/device_service HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n');
  const closed = new Promise((resolve) => sending.once('close', resolve));
  const part = Buffer.alloc(64 * 1024, 32);
  const send = () => void (sending.writable && sending.write(part, send));
  send();
  await closed;
  expect(sending.bytesWritten).toBeLessThan(32 * 1024 * 1024);
  const oldest = connect({ host: '127.0.0.1', port });
  const ended = once(oldest, 'close');
  await once(oldest, 'connect');
  const end = await openHalfSent(port, 96, '');
  await ended;
  end();
});

async function subscribe(parts = '<tev:InitialTerminationTime>PT1M</tev:InitialTerminationTime>'): Promise<string> {
  const { body } = await call('tev', `<tev:CreatePullPointSubscription>${parts}</tev:CreatePullPointSubscription>`);
  return textOf(body, 'Address') ?? '';
}

it('delivers presses and motion to a pulling client until it unsubscribes', async () => {
  const { camera, base } = started;
  const point = await subscribe();
  expect(point.startsWith(`${base}/onvif/subscription/`)).toBe(true);
  const states = await post(point, envelope(PULL));
  expect(states.text.match(/PropertyOperation="Initialized"/g)?.length).toBe(2);
  expect(textOf(states.body, 'TerminationTime')).toBe(new Date(START_US / 1_000 + 60_000).toISOString());
  const waiting = post(point, envelope(PULL));
  await new SystemClock().sleep(30);
  camera.happen('press');
  const pressed = await waiting;
  expect(textOf(pressed.body, 'Topic')).toBe('tns1:RuleEngine/MyRuleDetector/Visitor');
  expect(pressed.text).toContain('<tt:SimpleItem Name="State" Value="true"/>');
  camera.happen('motion-start');
  expect(textOf((await post(point, envelope(PULL))).body, 'Topic')).toBe('tns1:VideoSource/MotionAlarm');
  await post(point, envelope('<tev:SetSynchronizationPoint/>'));
  expect((await post(point, envelope(PULL))).text.match(/Initialized/g)?.length).toBe(2);
  const renewed = await post(
    point,
    envelope('<wsnt:Renew><wsnt:TerminationTime>2026-11-27T12:30:00Z</wsnt:TerminationTime></wsnt:Renew>'),
  );
  expect(textOf(renewed.body, 'TerminationTime')).toBe('2026-11-27T12:30:00.000Z');
  expect((await post(point, envelope('<wsnt:Unsubscribe/>'))).body.name).toBe('UnsubscribeResponse');
  for (const body of [PULL, '<wsnt:Unsubscribe/>', '<tev:SetSynchronizationPoint/>'])
    expect(faultOf(await post(point, envelope(body))).codes).toEqual(['s:Sender', 'wsrfr:ResourceUnknownFault']);
});

it('lets nobody pull, renew or unsubscribe without a login', async () => {
  const point = await subscribe();
  for (const body of [PULL, '<wsnt:Renew/>', '<wsnt:Unsubscribe/>', '<tev:SetSynchronizationPoint/>'])
    expect(faultOf(await post(point, envelope(body, ''))).codes).toEqual(['s:Sender', 'ter:NotAuthorized']);
});

const filter = (inner: string) => `<tev:Filter>${inner}</tev:Filter>`;
const topics = (text: string, dialect = 'http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet') =>
  filter(`<wsnt:TopicExpression Dialect="${dialect}">${text}</wsnt:TopicExpression>`);

it.each([
  ['tns1:VideoSource/MotionAlarm', 1],
  ['tns1:VideoSource//.', 1],
  ['tns1:RuleEngine//.|tns1:VideoSource/MotionAlarm | tns1:Other', 2],
  ['tns1:RuleEngine/tns1:MyRuleDetector/Visitor', 1],
])('delivers only the topics that %s selects', async (text, count) => {
  const point = await subscribe(topics(text));
  expect((await post(point, envelope(PULL))).text.match(/Initialized/g)?.length).toBe(count);
});

function endAt(text: string): [string, string, string] {
  const element = `<tev:InitialTerminationTime>${text}</tev:InitialTerminationTime>`;
  return [`an end at "${text}"`, element, 'wsnt:UnacceptableInitialTerminationTimeFault'];
}

it.each<[string, string, string]>([
  ['a topic that the camera has not', topics('tns1:Device/Trigger/Relay'), 'wsnt:InvalidFilterFault'],
  ['a topic of another namespace', topics('tt:VideoSource/MotionAlarm'), 'wsnt:InvalidFilterFault'],
  ['a topic with a step of another', topics('tns1:VideoSource/tt:MotionAlarm'), 'wsnt:InvalidFilterFault'],
  ['a topic without a namespace', topics('VideoSource/MotionAlarm'), 'wsnt:InvalidFilterFault'],
  ['an undeclared prefix', topics('x:VideoSource/MotionAlarm'), 'wsnt:InvalidFilterFault'],
  ['a path', topics('boolean(//tt:a)'), 'wsnt:InvalidFilterFault'],
  [
    'another dialect',
    topics('tns1:VideoSource', 'http://www.w3.org/TR/1999/REC-xpath-19991116'),
    'wsnt:InvalidFilterFault',
  ],
  ['a long list', topics('tns1:VideoSource//.|'.repeat(60)), 'wsnt:InvalidFilterFault'],
  ['a filter by content', filter('<wsnt:MessageContent>a</wsnt:MessageContent>'), 'wsnt:InvalidFilterFault'],
  ...['PT0S', 'P', 'PT', 'P1Y', '-PT1M', 'PT61M', 'soon', '2026-11-27T11:00:00Z', '2026-11-28T12:00:00Z', ''].map(
    endAt,
  ),
])('refuses a subscription with %s', async (_what, parts, code) => {
  const refused = await call('tev', `<tev:CreatePullPointSubscription>${parts}</tev:CreatePullPointSubscription>`);
  expect(faultOf(refused).codes).toEqual(['s:Sender', code]);
});

it('refuses a pull beyond the limits, and returns them', async () => {
  const point = await subscribe();
  const pull = (timeout: string, limit: string) =>
    post(
      point,
      envelope(
        `<tev:PullMessages><tev:Timeout>${timeout}</tev:Timeout><tev:MessageLimit>${limit}</tev:MessageLimit></tev:PullMessages>`,
      ),
    );
  for (const [timeout, limit] of [
    ['PT61S', '1'],
    ['PT1S', '101'],
  ] as const) {
    const refused = await pull(timeout, limit);
    expect(faultOf(refused).codes).toEqual(['s:Sender', 'ter:InvalidArgVal']);
    expect([textOf(refused.body, 'MaxTimeout'), textOf(refused.body, 'MaxMessageLimit')]).toEqual(['PT60S', '100']);
  }
  for (const [timeout, limit] of [
    ['', '1'],
    ['PT1S', '0'],
    ['PT1S', '1e1'],
    ['PT1S', '-1'],
  ] as const)
    expect(faultOf(await pull(timeout, limit)).codes).toEqual(['s:Sender', 'ter:InvalidArgVal']);
});

it('has at most 16 subscriptions', async () => {
  for (let at = 0; at < 16; at += 1) expect(await subscribe()).toContain('/onvif/subscription/');
  const refused = await call('tev', '<tev:CreatePullPointSubscription/>');
  expect(faultOf(refused).codes).toEqual(['s:Receiver', 'wsnt:SubscribeCreationFailedFault']);
});

it('loses no message if a client disconnects during a pull', async () => {
  const { camera } = started;
  const point = await subscribe(topics('tns1:VideoSource//.'));
  await post(point, envelope(PULL));
  const leaving = new AbortController();
  const headers = { 'content-type': 'application/soap+xml' };
  const left = fetch(point, { method: 'POST', body: envelope(PULL), headers, signal: leaving.signal });
  await new SystemClock().sleep(30);
  leaving.abort();
  await expect(left).rejects.toThrow();
  await new SystemClock().sleep(30);
  camera.happen('motion-start');
  expect(textOf((await post(point, envelope(PULL))).body, 'Topic')).toBe('tns1:VideoSource/MotionAlarm');
});

it('requires no login without an account', async () => {
  const open = await startServer({ account: null });
  const answered = await post(`${open.base}/onvif/media_service`, envelope('<trt:GetProfiles/>', ''));
  expect(answered.body.name).toBe('GetProfilesResponse');
  await open.server.stop();
});

it('leaves nothing behind when it stops', async () => {
  const { camera, base, clock, server } = started;
  const point = await subscribe();
  await post(point, envelope(PULL));
  const waiting = post(point, envelope(PULL));
  await new SystemClock().sleep(30);
  camera.happen('press');
  expect(clock.waitingCalls).toBeGreaterThan(0);
  await server.stop();
  await waiting.catch(() => {});
  expect(camera.listeners.size).toBe(0);
  await expect(fetch(base)).rejects.toThrow();
  expect(clock.waitingCalls).toBe(0);
  await server.stop();
});

it('does not start on a taken port, nor beyond this machine without a login', async () => {
  const port = Number(new URL(started.base).port);
  await expect(startServer({ port })).rejects.toMatchObject({ code: 'port_in_use' });
  await expect(startServer({ host: '203.0.113.7' })).rejects.toMatchObject({ code: 'camera_address_unserved' });
  for (const host of ['0.0.0.0', '::', '203.0.113.7', 'camera.example'])
    await expect(startServer({ host, account: null })).rejects.toMatchObject({ code: 'camera_open_to_all' });
});

it('returns the address that a client called, not the one in its `Host` header', async () => {
  const anywhere = await startServer({ host: '0.0.0.0' });
  const { port } = new URL(anywhere.base);
  const socket = connect({ host: '127.0.0.2', port: Number(port) });
  const body = envelope('<tds:GetCapabilities/>', '');
  const answer = nextAnswer(socket);
  socket.write(
    `POST /onvif/device_service HTTP/1.1\r\nHost: evil.example\r\nContent-Type: application/soap+xml\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const text = await answer;
  expect(text).toContain(`http://127.0.0.2:${port}/onvif/event_service`);
  expect(text).not.toContain('evil');
  socket.destroy();
  await anywhere.server.stop();
});

it('parses the address to listen on', () => {
  expect(parseOnvifAddress('http://127.0.0.1:8080')).toEqual({ host: '127.0.0.1', port: 8080 });
  expect(parseOnvifAddress('http://[::1]/')).toEqual({ host: '::1', port: 80 });
  for (const text of ['', '8080', 'https://a:1', 'http://a:1/b', 'http://u:p@a:1', 'http://a:1?b', 'http://a:99999'])
    expect(() => parseOnvifAddress(text)).toThrow(expect.objectContaining({ code: 'usage' }));
});

it('answers any input with one message, and a damaged call with a fault or its answer', async () => {
  const url = `${started.base}/onvif/device_service`;
  const whole = Buffer.from(envelope('<tds:GetScopes/>'));
  const spoilt = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(spoilt, async (changes) => {
      const bytes = Uint8Array.from(whole);
      for (const [at, byte] of changes) bytes[at] = byte;
      const answered = await post(url, bytes);
      expect(['Fault', 'GetScopesResponse']).toContain(answered.body.name);
      expect(answered.status === 200).toBe(answered.body.name !== 'Fault');
    }),
    { numRuns: 200 },
  );
});
