import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Opens `many` connections in a row, each with only the first bytes of a request; resolves with a function that closes them. */
export async function openHalfSent(port: number, many: number, head: string): Promise<() => void> {
  const sockets: Socket[] = [];
  for (let left = many; left > 0; left -= 1) {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
    socket.write(head);
  }
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}
