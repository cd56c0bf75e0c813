// A one-time enrolment code never appears in a process's arguments or environment, and is read only from a file that others cannot read. A server
// in the bridge's place reads /proc while it holds the device's call.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { printEnrolmentCode } from '../../../device/contract/enrolment.ts';
import { callCommand } from '../../support/call-command.ts';
import { LAUNCHER, Running, temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const folder = temporaryFolder('enrolment-code');
afterAll(() => folder.dispose());

/** Command lines and environments of every process that this user may look at. */
function shownToOthers(): { pid: string; text: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) =>
      ['cmdline', 'environ'].map((file) => {
        try {
          return { pid, text: readFileSync(`/proc/${pid}/${file}`, 'utf8') };
        } catch {
          return { pid, text: '' };
        }
      }),
    );
}

/** What every process showed while the device's call was held; it is refused after that. */
const whileHeld: { pid: string; text: string }[][] = [];
const secrets: string[] = [];
const bridge = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => {
    body += chunk.toString();
  });
  request.on('end', () => {
    secrets.push(JSON.parse(body).secret);
    whileHeld.push(shownToOthers());
    response.writeHead(403).end();
  });
});
await once(bridge.listen(0, '127.0.0.1'), 'listening');
afterAll(() => bridge.close());

const secret = 'S3cretOfTheCode-0123456789abcdef';
const code = printEnrolmentCode({
  url: `http://127.0.0.1:${Object(bridge.address()).port}`,
  bridge: 'a'.repeat(64),
  registry: 'b'.repeat(64),
  secret,
});

let data = '';
let number = 0;
beforeEach(() => {
  number += 1;
  data = join(folder.path, `porch-${number}`);
  mkdirSync(data, { mode: 0o700 });
  const home = { url: 'mqtt://127.0.0.1:9', user: 'device-home-x', password: 'x' };
  writeFileSync(join(data, 'device.json'), JSON.stringify({ home }));
});
afterEach(() => {
  whileHeld.length = 0;
  secrets.length = 0;
});

function codeFile(mode: number, text = `${code}\n`): string {
  const path = join(folder.path, `code-${number}`);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

/** Starts a device with these arguments and this on its standard input; resolves with how it ended. */
async function device(args: string[], input = '', environment: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [LAUNCHER, 'device', '--data', data, ...args, '--json'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, ...environment },
  });
  child.stdin.on('error', () => undefined);
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  // Left open, as a terminal or a supervisor leaves it: one line must be enough.
  if (input) child.stdin.write(input);
  else child.stdin.end();
  await once(child, 'close');
  child.stdin.destroy();
  return { status: child.exitCode, error: JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error, stderr };
}

/** As `device`, in this process, for a code that is refused before anything starts. */
async function refused(args: string[], input = '') {
  const { status, stderr } = await callCommand(['device', '--data', data, ...args, '--json'], { input });
  return { status, error: JSON.parse(stderr).error, stderr };
}

function expectHidden(): void {
  expect(secrets).toEqual([secret]);
  const seen = whileHeld.flat();
  expect(seen.some(({ text }) => text.includes(data))).toBe(true);
  expect(seen.filter(({ text }) => text.includes(code) || text.includes(secret))).toEqual([]);
}

describe('an enrolment code', () => {
  it('is read from standard input, and no process shows it while the device enrols', async (test) => {
    const { error } = await device(['--enrol', '-'], `${code}\n`);
    expectHidden();
    expect(error.code).not.toBe('usage');
    proved(test, 'Command lines and environments that show the enrolment code while a device enrols', '0');
  });

  it('is read from a file of mode 0600, and no process shows it', async () => {
    await device(['--enrol', codeFile(0o600)]);
    expectHidden();
  });

  it('is read from the credentials of a service manager, without any argument', async () => {
    const credentials = join(folder.path, `credentials-${number}`);
    mkdirSync(credentials, { mode: 0o500 });
    chmodSync(credentials, 0o700);
    writeFileSync(join(credentials, 'enrolment-code'), code, { mode: 0o400 });
    // As systemd leaves it where it grants the service's user access by an ACL: the mask shows as the group's bits.
    chmodSync(join(credentials, 'enrolment-code'), 0o440);
    await device([], '', { CREDENTIALS_DIRECTORY: credentials });
    expectHidden();
  });

  it('on the command line is refused and not used, with advice that does not repeat it', async () => {
    const { status, error, stderr } = await device(['--enrol', code]);
    expect(status).toBe(2);
    expect(error.code).toBe('enrolment_code_exposed');
    expect(error.advice).toMatch(/new one.*--enrol -.*0600/);
    expect(secrets).toEqual([]);
    expect(stderr).not.toContain(code);
  });

  it.each(['640', '604', '660', '622'])('in a file of mode 0%s is refused and not used', async (mode) => {
    const { error } = await refused(['--enrol', codeFile(Number.parseInt(mode, 8))]);
    expect(error.code).toBe('enrolment_code_exposed');
    expect(secrets).toEqual([]);
  });

  it('in a file that others may read is refused through a link that only its owner may', async () => {
    const link = join(folder.path, `link-${number}`);
    symlinkSync(codeFile(0o644), link);
    expect((await refused(['--enrol', link])).error.code).toBe('enrolment_code_exposed');
    expect(secrets).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['other words', 'hello\n'],
    ['more than a code can have', `${'x'.repeat(10_000)}`],
  ])('is refused with advice when standard input contains %s', async (_what, input) => {
    const { status, error } = await refused(['--enrol', '-'], input);
    expect([status, error.code]).toEqual([2, 'usage']);
    expect(error.message).toMatch(/enrolment code/);
    expect(secrets).toEqual([]);
  });

  it('in a file that is missing, or contains something else, is refused', async () => {
    const missing = await refused(['--enrol', join(folder.path, 'none')]);
    expect(missing.error.code).toBe('file_unusable');
    const other = await refused(['--enrol', codeFile(0o600, 'hello')]);
    expect([other.error.code, other.error.message]).toEqual(['usage', expect.stringMatching(/enrolment code/)]);
  });
});

it('is passed to an installed unit as its own file, by standard input', async () => {
  const credentials = join(folder.path, 'credstore');
  const child = spawn(
    process.execPath,
    [LAUNCHER, 'device', 'enrol', '--name', 'porch', '--credential-dir', credentials, '--json'],
    { stdio: ['pipe', 'ignore', 'inherit'] },
  );
  child.stdin.write(`${code}\n`);
  await once(child, 'close');
  expect(child.exitCode).toBe(0);
  const file = join(credentials, 'porch.enrolment-code');
  expect(readFileSync(file, 'utf8')).toBe(`${code}\n`);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const unit = await callCommand(['device', 'install', '--name', 'porch', '--print', '--json']);
  expect(unit.last?.['files']).toMatchObject({
    '/etc/systemd/system/porch.service': expect.stringContaining(
      '\nLoadCredential=enrolment-code:porch.enrolment-code\n',
    ),
  });
});

it('`up` passes the code to its doorbell without showing it to anyone', {
  tags: ['long'],
  timeout: 120_000,
}, async () => {
  const up = new Running(['up', '--data', join(folder.path, 'testbed'), '--no-ask', '--json']);
  const seen: string[] = [];
  let isUp = false;
  const ready = up
    .line('the running testbed', (line) => line['event'] === 'up', 100)
    .finally(() => {
      isUp = true;
    });
  while (!isUp) {
    seen.push(...shownToOthers().map(({ text }) => text));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await ready;
  await up.stop();
  expect(seen.some((text) => text.includes('--enrol\0-\0'))).toBe(true);
  expect(seen.filter((text) => text.includes('doorsill-enrol.'))).toEqual([]);
});
