// The address of a database says exactly where it is, requires TLS with a verified name unless it is local, and never repeats a password.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../../../cloud-bridge/bridge-config.ts';
import { databasePlace } from '../../../cloud-bridge/persistence/open-database.ts';
import { connectionSettings, databaseSettings, nameOf } from '../../../cloud-bridge/persistence/postgres-address.ts';
import { VaultConfig } from '../../../cloud-bridge/vault/vault-config.ts';

const schema = z.strictObject(databaseSettings);
const read = (database: string) => {
  const { database: address } = schema.parse({ database });
  if (!address) throw new Error('no address');
  return address;
};

it('can name a host, a port, a user, a password and a database', () => {
  expect(read('postgres://ada:p%40ss%2Fw@db.example:6000/doorsill')).toEqual({
    host: 'db.example',
    port: 6000,
    user: 'ada',
    password: 'p@ss/w',
    database: 'doorsill',
    tls: true,
    ca: null,
  });
  expect(read('postgresql://ada@[::1]/doorsill')).toMatchObject({
    host: '::1',
    port: 5432,
    password: null,
    tls: false,
  });
  expect(read('postgres://ada@localhost:1/x?host=/run/postgresql')).toMatchObject({ host: '/run/postgresql', port: 1 });
});

describe('a connection', () => {
  it('uses TLS with the name verified, unless the server is local or the operator says so', () => {
    expect(connectionSettings(read('postgres://a@db.example/x'), null).ssl).toMatchObject({ rejectUnauthorized: true });
    for (const near of ['127.0.0.1/x', 'localhost/x', 'localhost/x?host=/run', 'db.example/x?sslmode=disable']) {
      expect(connectionSettings(read(`postgres://a@${near}`), null).ssl, near).toBe(false);
    }
    expect(read('postgres://a@localhost/x?sslmode=verify-full').tls).toBe(true);
    expect(() => connectionSettings(read('postgres://a@db.example/x?sslrootcert=/none'), null)).toThrow(
      expect.objectContaining({ code: 'file_unusable' }),
    );
  });
});

it('refuses a malformed address without repeating any of it', () => {
  for (const [text, why] of [
    ['mysql://ada:hunter2@h/x', /postgres:\/\/USER/],
    ['postgres://ada:hunter2@/x', /postgres:\/\/USER/],
    ['postgres://ada:hunter2@h', /no user or no database/],
    ['postgres://:hunter2@h/x', /no user or no database/],
    ['postgres://ada:hunter2%ff@h/x', /no user or no database/],
    ['postgres://ada:hunter2@h/x?options=-cfsync', /parameters/],
    ['postgres://ada:hunter2@h/x?sslmode=require', /sslmode/],
    ['postgres://ada:hunter2@h/x?host=relative', /socket/],
  ] as const) {
    const thrown = (() => {
      try {
        return parseConfig(VaultConfig, { dataFolder: '/d', database: text }, 'vault.json');
      } catch (error) {
        return error;
      }
    })();
    expect(thrown, text).toMatchObject({ code: 'config_invalid', message: expect.stringMatching(why) });
    expect(JSON.stringify(thrown) + String(thrown) + (thrown instanceof Error ? thrown.stack : ''), text).not.toContain(
      'hunter2',
    );
  }
  expect(schema.safeParse({ database: 'postgres://a@h/x', databasePasswordFile: 'relative' }).success).toBe(false);
});

it('is shown by its host, its port and its name alone', () => {
  expect(nameOf(read('postgres://ada:hunter2@db.example/x'))).toBe('postgres://db.example:5432/x');
  expect(nameOf(read('postgres://ada@localhost/x?host=/run'))).toBe('postgres://:5432/x');
});

it('has one part for the bridge and one for the vault; without an address the rows are in a file', () => {
  const database = read('postgres://a@h/x');
  expect(databasePlace({ dataFolder: '/d', database }, 'vault')).toMatchObject({ schema: 'doorsill_vault' });
  expect(databasePlace({ dataFolder: '/d', database }, 'bridge')).toMatchObject({ schema: 'doorsill_bridge' });
  expect(databasePlace({ dataFolder: '/d' }, 'vault')).toEqual({
    folder: '/d',
    files: ['vault.sqlite'],
    address: null,
  });
});
