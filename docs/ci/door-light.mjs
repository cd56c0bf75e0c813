// Owns: an app of somebody else: a light that goes on when somebody is at the door. It hears of it by a signed webhook, knows nothing
// else of doorsill, and prints one line for each switch. Usage: node door-light.mjs PORT SECRET-FILE; port 0 takes a free one.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [port = '8090', secretFile = 'door-light.secret'] = process.argv.slice(2);
const secret = readFileSync(secretFile, 'utf8').trim();
const BODY_MAX = 10_000;

/** Whether whoever sent this body knows the secret. */
function isSigned(body, signature = '') {
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const server = createServer(async (request, response) => {
  const pieces = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    if (length > BODY_MAX) return response.writeHead(413).end();
    pieces.push(piece);
  }
  const body = Buffer.concat(pieces);
  if (!isSigned(body, request.headers['x-doorsill-signature'])) return response.writeHead(401).end();
  const { type } = JSON.parse(body.toString());
  response.writeHead(204).end();
  if (type === 'motion') console.log('light dimmed: something moves');
  if (type === 'press') console.log('light on: somebody rang');
});
server.listen(Number(port), '127.0.0.1', () => console.log(`door-light listens on ${server.address().port}`));
