// A second program in the device's namespace that sends leaks on command, so that the search can be checked. It runs as a process with JSON
// lines on stdin.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { connect as connectTls } from 'node:tls';

export interface Planting {
  /** `multicast`: as multicast DNS, from its port, without loopback to the device. */
  way: 'tcp' | 'tls' | 'udp' | 'multicast';
  host: string;
  port: number;
  /** Base64 of the bytes to send. */
  bytes: string;
}

function plant({ way, host, port, bytes }: Planting): Promise<void> {
  const payload = Buffer.from(bytes, 'base64');
  if (way === 'multicast') {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    return new Promise((resolve) =>
      socket.bind(port, () => {
        socket.setMulticastLoopback(false);
        socket.send(payload, port, host, () => socket.close(() => resolve()));
      }),
    );
  }
  if (way === 'udp') {
    const socket = createSocket('udp4');
    return new Promise((resolve) => socket.send(payload, port, host, () => socket.close(() => resolve())));
  }
  return new Promise((resolve) => {
    const socket = way === 'tls' ? connectTls({ host, port, servername: host }) : connect({ host, port });
    socket.on(way === 'tls' ? 'secureConnect' : 'connect', () => socket.end(payload));
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    socket.on('close', () => resolve());
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const order: Planting = JSON.parse(line);
  await plant(order);
  process.stdout.write('planted\n');
}
