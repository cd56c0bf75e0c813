import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { Discovery } from 'onvif/promises/index.js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemClock } from '../../../../device/base/clock.ts';
import { identityOf } from '../../../../sim/camera-server/onvif/device-service.ts';
import { NAMESPACES } from '../../../../sim/camera-server/onvif/soap.ts';
import { readXml } from '../../../../sim/camera-server/onvif/xml.ts';
import { FACTS, startServer, textOf } from './support/onvif-caller.ts';

const GROUP = '239.255.255.250';
const WSD = 'http://schemas.xmlsoap.org/ws/2005/04/discovery';
const WSA = 'http://schemas.xmlsoap.org/ws/2004/08/addressing';
const pause = (ms: number) => new SystemClock().sleep(ms);

let client: Socket;
let heard: string[];

/** A client on the loopback interface; it receives unicast answers. */
beforeEach(async () => {
  heard = [];
  client = createSocket('udp4');
  client.on('message', (bytes) => heard.push(String(bytes)));
  client.bind(0, '127.0.0.1');
  await once(client, 'listening');
  client.setMulticastInterface('127.0.0.1');
});

afterEach(() => {
  client.close();
});

interface ProbeParts {
  types?: string;
  scopes?: string;
  id?: string;
  action?: string;
  extra?: string;
}

function probe({
  types = 'n:NetworkVideoTransmitter',
  scopes = '',
  id = 'urn:uuid:7',
  ...more
}: ProbeParts = {}): string {
  return (
    `<e:Envelope xmlns:e="${NAMESPACES.s}" xmlns:a="${WSA}" xmlns:d="${NAMESPACES.tds}" xmlns:n="http://www.onvif.org/ver10/network/wsdl"><e:Header>` +
    `<a:MessageID>${id}</a:MessageID><a:To e:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>` +
    `<a:Action e:mustUnderstand="1">${more.action ?? `${WSD}/Probe`}</a:Action></e:Header><e:Body><Probe xmlns="${WSD}">` +
    `<Types>${types}</Types><Scopes${more.extra ?? ''}>${scopes}</Scopes></Probe></e:Body></e:Envelope>`
  );
}

/** A server with discovery, whose clock the test advances. */
async function findable() {
  const started = await startServer({ discovery: {} });
  const ask = async (text: string | Uint8Array) => {
    heard = [];
    client.send(text, 3_702, GROUP);
    await pause(10);
    await started.clock.advance(500);
    await pause(10);
    return mine();
  };
  // Other cameras on this machine may answer, too, such as those of another run of these tests.
  const mine = () => heard.filter((text) => text.includes(`>${started.address}<`));
  return { ...started, ask, mine };
}

it('answers a probe for cameras on the loopback interface', async () => {
  const { ask, address, server } = await findable();
  const [match = '', ...others] = await ask(probe({ id: 'urn:uuid:a&amp;b' }));
  expect(others).toEqual([]);
  const root = readXml(match);
  expect(textOf(root, 'RelatesTo')).toBe('urn:uuid:a&b');
  expect(textOf(root, 'XAddrs')).toBe(address);
  expect(textOf(root, 'Scopes')).toContain('onvif://www.onvif.org/name/Porch%20%3C1%3E%20%26%20gate');
  expect(textOf(root, 'Address')).toMatch(
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  expect(match).not.toContain('location');
  await server.stop();
});

it('is found by npm’s client onvif', async () => {
  const { address, clock, server } = await findable();
  const looking = Discovery.probe({ device: 'lo', timeout: 200, resolve: false });
  await pause(60);
  await clock.advance(500);
  expect(await looking).toContainEqual(
    expect.objectContaining({
      probeMatches: { probeMatch: expect.objectContaining({ XAddrs: address }) },
    }),
  );
  await server.stop();
});

it.each<[string, ProbeParts, number]>([
  ['everything', { types: '' }, 1],
  ['both of what it is', { types: ' d:Device  n:NetworkVideoTransmitter ' }, 1],
  ['an undeclared prefix', { types: 'u:NetworkVideoTransmitter' }, 0],
  ['a printer', { types: 'n:Printer' }, 0],
  ['a kind', { scopes: 'onvif://www.onvif.org/type' }, 1],
  ['a kind and another', { scopes: 'onvif://www.onvif.org/type onvif://www.onvif.org/hardware/other' }, 0],
  ['half a kind', { scopes: 'onvif://www.onvif.org/ty' }, 0],
  ['the very kind', { scopes: 'onvif://www.onvif.org/type/video_encoder', extra: ` MatchBy="${WSD}/strcmp0"` }, 1],
  ['nearly the very kind', { scopes: 'onvif://www.onvif.org/type', extra: ` MatchBy="${WSD}/strcmp0"` }, 0],
  ['a rule that nobody knows', { extra: ' MatchBy="urn:x"' }, 0],
  ['another action', { action: `${WSD}/Resolve` }, 0],
  ['no id', { id: '' }, 0],
  ['a long id', { id: 'a'.repeat(201) }, 0],
])('answers a probe for %s %#', async (_what, parts, count) => {
  const { ask, server } = await findable();
  expect((await ask(probe(parts))).length).toBe(count);
  await server.stop();
});

it('ignores garbage, DTDs and large datagrams, and still answers a probe', async () => {
  const { ask, server } = await findable();
  const texts = ['', 'M-SEARCH * HTTP/1.1', '<a/>', `<!DOCTYPE a>${probe()}`, `${probe()}${' '.repeat(8 * 1024)}`];
  for (const text of [...texts, Uint8Array.of(0xff, 0xfe, 0)]) expect(await ask(text)).toEqual([]);
  expect((await ask(probe())).length).toBe(1);
  await server.stop();
});

const OTHER = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal);

it.skipIf(!OTHER)('answers nobody whose address is not of the interface’s network', async () => {
  const { ask, address, server } = await findable();
  const other = createSocket('udp4');
  const told: string[] = [];
  other.on('message', (bytes) => told.push(String(bytes)));
  other.bind(0, OTHER?.address);
  await once(other, 'listening');
  other.setMulticastInterface('127.0.0.1');
  other.send(probe(), 3_702, GROUP);
  expect((await ask(probe())).length).toBe(1);
  expect(told.filter((text) => text.includes(address))).toEqual([]);
  other.close();
  await server.stop();
});

it('has at most 16 pending answers', async () => {
  const { clock, server, mine } = await findable();
  for (let at = 0; at < 30; at += 1) client.send(probe({ id: `urn:${at}` }), 3_702, GROUP);
  await pause(30);
  await clock.advance(500);
  await pause(20);
  expect(mine().length).toBe(16);
  await server.stop();
});

it('sends hello and bye with discovery, and nothing without it', async () => {
  const listener = createSocket({ type: 'udp4', reuseAddr: true });
  const said: string[] = [];
  listener.on('message', (bytes) => said.push(String(bytes)));
  listener.bind(3_702, GROUP);
  await once(listener, 'listening');
  listener.addMembership(GROUP, '127.0.0.1');
  const spoken = ({ address }: { address: string }) => {
    const { uuid } = identityOf(FACTS.name, new URL(address).origin, '9.8.7');
    return said.filter((text) => text.includes(uuid)).map((text) => textOf(readXml(text), 'Action'));
  };
  const silent = await startServer();
  client.send(probe(), 3_702, GROUP);
  await pause(10);
  await silent.clock.advance(1_000);
  await silent.server.stop();
  await pause(10);
  expect(heard.filter((text) => text.includes(silent.address))).toEqual([]);
  expect(said.length).toBeGreaterThan(0);
  expect(spoken(silent)).toEqual([]);
  const found = await findable();
  await found.server.stop();
  await pause(10);
  expect(spoken(found)).toEqual([`${WSD}/Hello`, `${WSD}/Bye`]);
  listener.close();
});

it('does not start where discovery is impossible', async () => {
  for (const interfaceAddress of ['203.0.113.7', '::1', 'eth0', ''])
    await expect(startServer({ host: '0.0.0.0', discovery: { interfaceAddress } })).rejects.toMatchObject({
      code: 'onvif_discovery_impossible',
      message: expect.stringContaining('no interface of this machine'),
    });
  await expect(startServer({ discovery: { interfaceAddress: '203.0.113.7' } })).rejects.toMatchObject({
    code: 'onvif_discovery_impossible',
    message: expect.stringContaining('no other machine'),
  });
});
