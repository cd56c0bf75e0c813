// Bounded lines of JSON on a stream socket.
import type { Socket } from 'node:net';
import { fromUtf8 } from '@doorsill/contract/bytes';
import { parseJson } from '@doorsill/contract/parse-json';

const NEWLINE = 10;

/** Calls `each` with every whole line, parsed, or `undefined` for a line that is not JSON. Calls `overflow` once a line is too long. */
export function readLines(
  socket: Socket,
  lineBytesMax: number,
  each: (value: unknown) => void,
  overflow: () => void,
): void {
  let held = Buffer.alloc(0);
  const giveUp = () => {
    socket.off('data', take);
    overflow();
  };
  const take = (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    for (let end = held.indexOf(NEWLINE); end >= 0; end = held.indexOf(NEWLINE)) {
      if (end > lineBytesMax) return giveUp();
      const line = held.subarray(0, end);
      held = held.subarray(end + 1);
      each(parseJson(fromUtf8(line) ?? ''));
      if (socket.destroyed) return;
    }
    if (held.length > lineBytesMax) giveUp();
  };
  socket.on('data', take);
}

/** Writes one value as a line. */
export function writeLine(socket: Socket, value: object): void {
  if (socket.writable) socket.write(`${JSON.stringify(value)}\n`);
}
