// Faults of the machine: environment variables, ports, folders. Each ends at once with one line, a code and advice, and nothing is started or left
// behind.
import { chmodSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { callCommand } from '../../support/call-command.ts';
import { Running, temporaryFolder } from '../../support/command-line.ts';
import { descendants } from '../../support/processes.ts';
import { proved } from '../../support/proved.ts';

const folder = temporaryFolder('surroundings');
afterAll(() => folder.dispose());
const at = (name: string) => join(folder.path, name);

writeFileSync(at('hangs'), '#!/bin/sh\nexec sleep 1000\n');
chmodSync(at('hangs'), 0o755);
writeFileSync(at('no-program'), 'text');
mkdirSync(at('folder'));

const home = { url: 'mqtt://127.0.0.1:9', user: 'device-1', password: 'x' };
mkdirSync(at('porch'), { mode: 0o700 });
writeFileSync(at('porch/device.json'), JSON.stringify({ home }));
const DEVICE = ['device', '--data', at('porch')];

interface Trouble {
  args: string[];
  environment?: NodeJS.ProcessEnv;
  code: string;
  says: RegExp;
  /** Called in this process: another row shows that such a process ends. */
  isCalled?: true;
}

const busy = createServer();
const port = await new Promise<number>((resolve) => {
  busy.listen(0, '127.0.0.1', () => resolve(Object(busy.address()).port));
});
afterAll(() => busy.close());

const TROUBLES: Record<string, Trouble> = {
  'FFMPEG_PATH to nothing': {
    args: DEVICE,
    environment: { FFMPEG_PATH: '/no/such' },
    code: 'ffmpeg_missing',
    says: /\/no\/such.*does not run/,
  },
  'FFMPEG_PATH to a folder': {
    args: DEVICE,
    environment: { FFMPEG_PATH: at('folder') },
    code: 'ffmpeg_missing',
    says: /does not run/,
    isCalled: true,
  },
  'FFMPEG_PATH to a file that is no program': {
    args: DEVICE,
    environment: { FFMPEG_PATH: at('no-program') },
    code: 'ffmpeg_missing',
    says: /does not run/,
    isCalled: true,
  },
  'DOORSILL_LOG to a level that is none': {
    args: DEVICE,
    environment: { DOORSILL_LOG: 'loud' },
    code: 'usage',
    says: /debug, info, warn/,
  },
  'a port that another program has (broker)': {
    args: ['bridge', 'broker', '--data', at('broker'), '--port', String(port)],
    code: 'port_in_use',
    says: new RegExp(String(port)),
  },
  'a port that another program has (registry)': {
    args: ['bridge', 'registry', '--data', at('registry'), '--port', String(port)],
    code: 'port_in_use',
    says: new RegExp(String(port)),
  },
  'a folder where nothing can be made': {
    args: ['device', '--data', '/proc/doorsill'],
    code: 'file_unusable',
    says: /\/proc\/doorsill/,
    isCalled: true,
  },
  'a folder that is a file': {
    args: ['bridge', 'broker', '--data', at('no-program')],
    code: 'file_unusable',
    says: /no-program/,
    isCalled: true,
  },
};

/** Given up after a minute, so only where there is time. */
if (process.env['DOORSILL_SLOW'] === '1') {
  TROUBLES['FFMPEG_PATH to a program that hangs'] = {
    args: DEVICE,
    environment: { FFMPEG_PATH: at('hangs') },
    code: 'ffmpeg_missing',
    says: /did not answer within 60 s/,
  };
}

async function outcome({ args, environment = {}, isCalled }: Trouble) {
  if (isCalled) {
    const before = descendants(process.pid);
    const called = await callCommand(args, { environment });
    return { ...called, left: descendants(process.pid).filter((one) => !before.includes(one)) };
  }
  const running = new Running(args, environment);
  const status = await running.ended(90);
  return { status, stderr: running.stderr, lines: running.lines, left: descendants(running.child.pid ?? 0) };
}

describe('trouble around the command line', () => {
  it.each(Object.entries(TROUBLES))(
    '%s',
    async (_what, trouble) => {
      const { code, says } = trouble;
      const { status, stderr, lines, left } = await outcome(trouble);
      expect(stderr.trim().split('\n'), stderr).toHaveLength(1);
      expect(stderr).toMatch(new RegExp(`^doorsill: .*[.!?] [A-Z].*[.!?] \\[${code}\\]\\n$`));
      expect(stderr).toMatch(says);
      expect(status).toBeGreaterThan(1);
      expect(lines).toEqual([]);
      expect(left).toEqual([]);
      expect(lstatSync(at('porch/process.lock'), { throwIfNoEntry: false })).toBeUndefined();
    },
    120_000,
  );

  it('works with a bare environment, unusual time zones and languages', { tags: ['long'] }, async (test) => {
    const odd = {
      TZ: 'Pacific/Apia',
      LANG: 'tr_TR.UTF-8',
      LC_ALL: 'tr_TR.UTF-8',
      NO_COLOR: '1',
      HOME: '',
      TERM: 'dumb',
    };
    const device = new Running([...DEVICE, '--json'], odd);
    const ready = await device.line('the device', (line) => line['event'] === 'ready');
    expect(ready['event']).toBe('ready');
    await device.stop();
    expect(readdirSync(at('porch')).filter((name) => name.includes('.tmp') || name === 'process.lock')).toEqual([]);
    proved(test, 'Troubles around the command line that end in one coded line', `${Object.keys(TROUBLES).length}`);
  });
});
