// Holds the closed table of failures and its printed twin, device/contract/ERRORS.md, equal.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ErrorRule } from '../../device/contract/errors/coded-error.ts';
import { ERRORS, failure, isFailure, reportedFailure } from '../../device/contract/errors.ts';
import { COMMAND_ERRORS } from '../../device/terminal/errors.ts';
import { SIM_ERRORS } from '../../sim/errors.ts';
import { root, sources } from './source-tree.ts';

/** Each table with the folder of its twin, and what it says of itself. */
const TABLES = [
  {
    folder: 'device/contract',
    table: ERRORS,
    opening: 'Every expected failure that crosses a wire, generated from [errors.ts](errors.ts)',
  },
  {
    folder: 'device/terminal',
    table: COMMAND_ERRORS,
    opening:
      'Every expected failure of the commands of a board and its owners, besides [those that cross a wire](../contract/ERRORS.md), generated from [errors.ts](errors.ts)',
  },
  {
    folder: 'sim',
    table: SIM_ERRORS,
    opening:
      'Every expected failure of the simulator and its commands, besides [those that cross a wire](../device/contract/ERRORS.md) and [those of a board](../device/terminal/ERRORS.md), generated from [errors.ts](errors.ts)',
  },
];

it.each(TABLES)(
  'prints every error code, with its statuses, message and advice, in $folder/ERRORS.md',
  async ({ folder, table, opening }) => {
    const rows = Object.entries<ErrorRule>(table).map(
      ([code, { http, exit, retryable, message, advice }]) =>
        `| \`${code}\` | ${http} | ${exit} | ${retryable ? 'yes' : 'no'} | ${message} ${advice} |`,
    );
    const document = [
      '# Errors',
      '',
      `${opening} by \`npx vitest run --config test/vitest.config.ts test/layout --update\`.`,
      'Exit status 2 means wrong usage, 3 refused by a rule, 4 not reachable, 5 this machine, 6 unusable input.',
      '',
      '| Code | HTTP | Exit | Retry may help | What it says |',
      '| --- | --- | --- | --- | --- |',
      ...rows,
      '',
    ].join('\n');
    await expect(document).toMatchFileSnapshot(join(root, folder, 'ERRORS.md'));
  },
);

it('has each code in one section alone', async () => {
  const files = sources().filter((file) => /^device\/contract\/errors\/(?!coded-error)/.test(file.name));
  const sections = await Promise.all(files.map((file) => import(join(root, file.name))));
  const codes = sections.flatMap((section) => Object.values(section).flatMap((errors) => Object.keys(errors ?? {})));
  expect(codes.sort()).toEqual(Object.keys(ERRORS).sort());
  const all = TABLES.flatMap(({ table }) => Object.keys(table));
  expect(all.filter((code, at) => all.indexOf(code) !== at)).toEqual([]);
});

it('has no code that nothing ever raises, and none in a table of a package below the one that alone raises it', () => {
  const isTable = /^device\/contract\/errors(\/|\.ts$)|^(device\/terminal|sim)\/errors\.ts$/;
  const texts = (of: RegExp) =>
    sources()
      .filter((file) => of.test(file.name) && !isTable.test(file.name))
      .map((file) => file.text)
      .join('\n');
  const unraised = (table: object, text: string) =>
    Object.keys(table).filter((code) => !text.includes(`'${code}'`) && !code.startsWith('token_'));
  expect(unraised(ERRORS, texts(/^(device|cloud-bridge)\//))).toEqual([]);
  expect(unraised(COMMAND_ERRORS, texts(/^device\//))).toEqual([]);
  expect(unraised(SIM_ERRORS, texts(/^sim\//))).toEqual([]);
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
