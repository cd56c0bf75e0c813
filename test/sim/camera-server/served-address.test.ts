import { describe, expect, it } from 'vitest';
import {
  assertMayServe,
  grouped,
  listenFailure,
  openPortPair,
  parseAddressToServe,
} from '../../../sim/camera-server/served-address.ts';

const UNSERVED = expect.objectContaining({ code: 'camera_address_unserved' });

describe('an address to serve at', () => {
  it.each([
    ['rtsp://127.0.0.1:8554/porch', { kind: 'rtsp', host: '127.0.0.1', port: 8554, path: '/porch' }],
    ['rtsp://[::1]/a/b', { kind: 'rtsp', host: '::1', port: 554, path: '/a/b' }],
    ['http://127.0.0.1:8080/porch.mjpeg', { kind: 'mjpeg', port: 8080 }],
    ['http://localhost/porch.mp4', { kind: 'mp4', host: 'localhost', port: 80 }],
    ['http://127.0.0.1:0/x.jpg', { kind: 'jpg', port: 0 }],
    ['v4l2:/dev/video9', { kind: 'v4l2', path: '/dev/video9' }],
  ])('%s is read', (text, address) => {
    expect(parseAddressToServe(text)).toMatchObject(address);
    expect(parseAddressToServe('rtsp://127.0.0.1:0/porch').urlAt(8554)).toBe('rtsp://127.0.0.1:8554/porch');
  });

  it.each([
    ...['porch', 'rtsps://127.0.0.1/porch', 'file:///porch.mp4', 'rtsp://127.0.0.1:8554', 'rtsp://127.0.0.1/porch/'],
    ...[
      'rtsp://127.0.0.1/porch?a=b',
      'http://127.0.0.1/porch',
      'http://127.0.0.1:99999/porch.mp4',
      'rtsp://127.0.0.1/a b',
      ...['v4l2:', 'v4l2:video9', 'v4l2:/dev/../etc/passwd', 'v4l2:/dev/video 9'],
    ],
  ])('%s is refused', (text) => {
    expect(() => parseAddressToServe(text)).toThrow(UNSERVED);
  });

  it('must not contain a password, which the message does not repeat', () => {
    expect(() => parseAddressToServe('rtsp://anna:geheim@127.0.0.1/porch')).toThrow(UNSERVED);
    expect(() => parseAddressToServe('rtsp://anna:geheim@127.0.0.1/porch')).not.toThrow(/geheim/);
  });

  it('shares its server with others on its port, over HTTP', () => {
    const read = (...texts: string[]) => grouped(texts.map(parseAddressToServe)).map((group) => group.length);
    expect(read('http://127.0.0.1:80/a.mp4', 'rtsp://127.0.0.1/a', 'http://127.0.0.1/b.jpg')).toEqual([2, 1]);
    expect(read('rtsp://127.0.0.1:0/a', 'rtsp://127.0.0.1:0/b')).toEqual([1, 1]);
    expect(() => read('rtsp://127.0.0.1/a', 'rtsp://127.0.0.1/b')).toThrow(UNSERVED);
  });
});

describe('who may watch', () => {
  const NOBODY = { hasLogin: false, isOpenToAll: false };

  it.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])('is everybody on this machine, at %s', (host) => {
    expect(() => assertMayServe(host, NOBODY)).not.toThrow();
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', '2001:db8::1', 'porch.local'])('is nobody without a login at %s', (host) => {
    expect(() => assertMayServe(host, NOBODY)).toThrow(expect.objectContaining({ code: 'camera_open_to_all' }));
    expect(() => assertMayServe(host, { ...NOBODY, hasLogin: true })).not.toThrow();
    expect(() => assertMayServe(host, { ...NOBODY, isOpenToAll: true })).not.toThrow();
  });
});

describe('a port', () => {
  it.each([
    ['EADDRINUSE', 'port_in_use'],
    ['EACCES', 'camera_address_unserved'],
    ['EADDRNOTAVAIL', 'camera_address_unserved'],
  ])('that fails with %s is reported as %s', (systemCode, code) => {
    const thrown = Object.assign(new Error(systemCode), { code: systemCode });
    expect(listenFailure(thrown, '127.0.0.1', 1)).toMatchObject({ code });
  });

  it('is opened together with the next one, for UDP', async () => {
    const [first, second] = await openPortPair('127.0.0.1', () => undefined);
    expect([first.address().port % 2, second.address().port - first.address().port]).toEqual([0, 1]);
    for (const socket of [first, second]) socket.close();
  });
});
