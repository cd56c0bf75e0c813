// Errors of PostgreSQL and of the connection get a code; an error that is not known stays a bug.
import { expect, it } from 'vitest';
import { isLost, postgresFault } from '../../../cloud-bridge/persistence/postgres-faults.ts';
import { failure } from '../../../device/contract/errors.ts';

const fault = (code: string | undefined, message = 'words') =>
  postgresFault(Object.assign(new Error(message), code === undefined ? {} : { code }), 'postgres://h:1/x');

it.each([
  ['database_full', ['53100', 'ENOSPC']],
  ['database_busy', ['55P03']],
  [
    'database_unreachable',
    ['08006', '08P01', '53300', '57P01', '57P02', '57P03', 'ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE'],
  ],
  [
    'database_unfit',
    ['28P01', '28000', '3D000', '42501', '25006', 'CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'EACCES'],
  ],
  ['database_unusable', ['58030', '58P01']],
  ['state_damaged', ['XX001', 'XX002']],
  ['http_body_invalid', ['22021']],
] as const)('says %s of what is one', (code, says) => {
  for (const said of says) expect(fault(said)?.code, said).toBe(code);
});

it('recognises the client library’s own messages, and names the database without the password', () => {
  for (const words of ['Connection terminated unexpectedly', 'timeout expired', 'Query read timeout']) {
    const found = fault(undefined, words);
    expect(found, words).toMatchObject({
      code: 'database_unreachable',
      facts: { file: 'postgres://h:1/x', detail: words },
    });
    expect(found && isLost(found)).toBe(true);
  }
  expect(fault(undefined, 'The server does not support SSL connections')?.code).toBe('database_unfit');
});

it('leaves a bug as it is, and an error that already has its code', () => {
  for (const code of ['23505', '42601', '40001', undefined]) expect(fault(code), code).toBeNull();
  expect(postgresFault('no error at all', 'x')).toBeNull();
  const known = failure('evidence_unknown');
  expect(postgresFault(known, 'x')).toBe(known);
});
