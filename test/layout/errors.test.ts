// Holds the closed table of failures and its printed twin, device/contract/ERRORS.md, equal.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ERRORS, failure, isFailure, reportedFailure } from '../../device/contract/errors.ts';
import { root, sources } from './source-tree.ts';

it('prints every error code, with its statuses, message and advice, in the contract’s document', async () => {
  const rows = Object.entries(ERRORS).map(
    ([code, { http, exit, retryable, message, advice }]) =>
      `| \`${code}\` | ${http} | ${exit} | ${retryable ? 'yes' : 'no'} | ${message} ${advice} |`,
  );
  const document = [
    '# Errors',
    '',
    'Every expected failure, generated from [errors.ts](errors.ts) by `npx vitest run --config test/vitest.config.ts test/layout --update`.',
    'Exit status 2 means wrong usage, 3 refused by a rule, 4 not reachable, 5 this machine, 6 unusable input.',
    '',
    '| Code | HTTP | Exit | Retry may help | What it says |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
  await expect(document).toMatchFileSnapshot(join(root, 'device/contract/ERRORS.md'));
});

it('has each code in one section alone', async () => {
  const files = sources().filter((file) => /^device\/contract\/errors\/(?!kinds)/.test(file.name));
  const sections = await Promise.all(files.map((file) => import(join(root, file.name))));
  const codes = sections.flatMap((section) => Object.values(section).flatMap((errors) => Object.keys(errors ?? {})));
  expect(codes.sort()).toEqual(Object.keys(ERRORS).sort());
});

it('has no code that nothing ever raises', () => {
  const text = sources()
    .filter((file) => !/^device\/contract\/errors(\/|\.ts$)/.test(file.name))
    .map((file) => file.text)
    .join('\n');
  expect(Object.keys(ERRORS).filter((code) => !text.includes(`'${code}'`) && !code.startsWith('token_'))).toEqual([]);
});

it('fills the places of a message and strips what could forge a second line', () => {
  const made = failure('port_in_use', { port: 1883, host: '127.0.0.1\r\nevil\u001b[2J' });
  expect(made.message).toBe('Port 1883 on 127.0.0.1 evil?[2J is in use.');
  expect(isFailure(made)).toBe(true);
  expect(isFailure(new Error('port_in_use'))).toBe(false);
});

it('repeats what another part reported in that part’s words, and the advice once', () => {
  const raised = failure('button_unknown', { buttons: 'front, gate' });
  const heard = reportedFailure('button_unknown', `${raised.message} ${raised.advice}`);
  expect(heard.message).toBe('The doorbell has no such button; it has front, gate.');
  expect([heard.code, heard.advice, heard.exit]).toEqual([raised.code, raised.advice, raised.exit]);
  expect(reportedFailure('button_unknown', raised.message).message).toBe(raised.message);
});
