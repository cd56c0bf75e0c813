// Commands' files are new, for their user alone, and complete or absent; foreign files stay unchanged.
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { expectOutputFree, newPrivateFile, writePrivateFile } from '../../../device/terminal/private-output.ts';
import { temporaryFolder } from '../../support/command-line.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder('output');
});
afterEach(() => folder.dispose());
const at = (name: string) => join(folder.path, name);
const taken = (detail: string) => ({ code: 'output_taken', message: expect.stringContaining(detail) });

it('writes a new file for its user alone, and replaces one that nobody else could read', async () => {
  for (const text of ['first', 'second']) {
    await writePrivateFile(at('out'), [text.slice(0, 2), new TextEncoder().encode(text.slice(2))]);
    expect([readFileSync(at('out'), 'utf8'), statSync(at('out')).mode & 0o777]).toEqual([text, 0o600]);
  }
  expect(readdirSync(folder.path)).toEqual(['out']);
});

it('writes nothing to a file that others can read, through a link, or to anything but a file', async () => {
  writeFileSync(at('open'), 'theirs', { mode: 0o644 });
  symlinkSync('elsewhere', at('link'));
  mkdirSync(at('folder'));
  for (const [name, detail] of [
    ['open', 'its mode is 0644'],
    ['link', 'it is a link'],
    ['folder', 'it is no file'],
  ] as const) {
    await expect(expectOutputFree(at(name))).rejects.toMatchObject(taken(detail));
    await expect(writePrivateFile(at(name), ['private'])).rejects.toMatchObject(taken(detail));
  }
  expect([readFileSync(at('open'), 'utf8'), readdirSync(folder.path)]).toEqual(['theirs', ['folder', 'link', 'open']]);
});

it('writes nothing to a file of another user', { tags: ['root'] }, async () => {
  writeFileSync(at('theirs'), '', { mode: 0o600 });
  chownSync(at('theirs'), 65_534, 65_534);
  await expect(writePrivateFile(at('theirs'), ['private'])).rejects.toMatchObject(taken('it belongs to user 65534'));
  expect(readFileSync(at('theirs'), 'utf8')).toBe('');
});

it('leaves nothing where it fails, and prevents others from opening a file meanwhile', async () => {
  const failing = (async function* () {
    yield 'half';
    throw new Error('the line is cut');
  })();
  await expect(writePrivateFile(at('out'), failing)).rejects.toThrow('the line is cut');
  const file = await newPrivateFile(at('out'));
  await file.handle.writeFile('private');
  writeFileSync(at('out'), 'theirs');
  chmodSync(at('out'), 0o666);
  await expect(file.keep()).rejects.toMatchObject(taken('its mode is 0666'));
  expect([readFileSync(at('out'), 'utf8'), readdirSync(folder.path)]).toEqual(['theirs', ['out']]);
});
