// Outside text cannot control a terminal, and every thrown value ends as one line with a code and an exit status.

import { afterEach, expect, it, vi } from 'vitest';
import { asFailure, openOutput, reportFailure, sentences } from '../../../device/terminal/output.ts';
import { failure } from '../../../sim/errors.ts';

const written: string[] = [];
const listen = () => {
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
};
afterEach(() => {
  vi.restoreAllMocks();
  written.length = 0;
  process.exitCode = undefined;
});

it('prints lines for people without control letters, and JSON lines for programs', () => {
  listen();
  openOutput(false).result({ a: 1 }, 'one\u001b[2J\ntwo');
  openOutput(true).result({ a: '\u001b' }, 'one');
  openOutput(true).say('nothing');
  expect(written).toEqual(['one [2J\ntwo\n', '{"a":"\\u001b"}\n']);
});

it('prints JSON that cannot control a terminal either: invisible characters are escaped, and parsed back unchanged', () => {
  listen();
  const hostile = {
    text: 'a\u009b31m\u007f\u202eb\u2066\u200b\u2028\u{e0041} Überfall 盗難',
    'key\u202e': ['\u0085'],
  };
  openOutput(true).result(hostile, '');
  reportFailure(failure('usage', { detail: 'x\u202e\u009b' }), true);
  expect(written.join('')).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  expect(written[0]).toContain('Überfall 盗難');
  expect(JSON.parse(written[0] ?? '')).toEqual(hostile);
  expect(JSON.parse(written[1] ?? '').error.facts).toEqual({ detail: 'x\u202e\u009b' });
});

it('reports a failure on one line with its advice and code, and ends with its status', () => {
  listen();
  reportFailure(failure('port_in_use', { port: 1883, host: '127.0.0.1' }), false);
  expect(written.join('')).toMatch(/^doorsill: Port 1883 on 127\.0\.0\.1 is in use\. .* \[port_in_use\]\n$/);
  expect(process.exitCode).toBe(5);
});

it('converts system errors of a bad path; an unexpected error is a bug', () => {
  const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  expect(asFailure(denied)).toMatchObject({ code: 'file_unusable', exit: 5 });
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  expect(asFailure(full)).toMatchObject({ code: 'disk_full', exit: 5, retryable: true });
  expect(asFailure(new TypeError('x is not a function'))).toMatchObject({ code: 'internal', exit: 70 });
  expect(asFailure('thrown')).toMatchObject({ code: 'internal' });
});

it('ends a message as a sentence before the advice', () => {
  expect(sentences('no word "x" (did you mean "y"?)', 'Correct it.')).toBe(
    'no word "x" (did you mean "y"?). Correct it.',
  );
  expect(sentences('it ended:', 'Look.')).toBe('it ended. Look.');
  expect(sentences('Is it there?', 'Look.')).toBe('Is it there? Look.');
});
