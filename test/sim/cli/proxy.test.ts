import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { callCommand } from '../../support/call-command.ts';
import { LAUNCHER, runCommand } from '../../support/command-line.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function echoServer(): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/** A running `proxy`, its lines and its standard input. */
function startProxy(...args: string[]) {
  const child = spawn(process.execPath, [LAUNCHER, 'proxy', ...args, '--json'], { stdio: ['pipe', 'pipe', 'inherit'] });
  ends.push(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  const lines = (): Record<string, unknown>[] =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const say = async (line: string) => {
    const before = lines().length;
    child.stdin.write(`${line}\n`);
    await expect.poll(() => lines().length).toBe(before + 1);
    return lines().at(-1);
  };
  return { child, lines, say, ended };
}

/** Sends a text; how long its echo took in ms, or why there was none. */
function echo(url: string): Promise<number | string> {
  const from = performance.now();
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write('hello'));
    socket.once('data', () => resolve(performance.now() - from));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'error'));
    socket.once('close', () => resolve('closed'));
    socket.setTimeout(400, () => resolve('silence'));
    ends.push(() => socket.destroy());
  });
}

describe('`proxy`', { timeout: 30_000 }, () => {
  it('is slow, lost, half-open and normal again by its arguments and input lines', async () => {
    const proxy = startProxy(`mqtt://127.0.0.1:${await echoServer()}`, 'delay=100ms');
    await expect.poll(proxy.lines, { timeout: 10_000 }).toHaveLength(1);
    const [ready] = proxy.lines();
    expect(ready).toMatchObject({ event: 'ready', is: 'late by 100 ms' });
    const url = String(ready?.['url']);
    expect(url).toMatch(/^mqtt:\/\/127\.0\.0\.1:\d+$/);
    expect(await echo(url)).toBeGreaterThanOrEqual(200);
    expect(await proxy.say('lost')).toMatchObject({ event: 'link', is: 'lost', sentBytes: 5 });
    expect(await echo(url)).toMatch(/closed|ECONNRESET/);
    await proxy.say('half-open');
    expect(await echo(url)).toBe('silence');
    await proxy.say('ok');
    expect(await echo(url)).toBeLessThan(200);
    const refused = await proxy.say('lots');
    expect(refused).toMatchObject({ event: 'refused', detail: expect.stringContaining('did you mean lost?') });
    expect(await echo(url)).toBeLessThan(200);
    proxy.child.kill('SIGINT');
    expect(await proxy.ended).toBe(0);
  });

  it('keeps the path of its target', async () => {
    const port = await echoServer();
    const proxy = startProxy(`rtsp://alex:secret@127.0.0.1:${port}/porch?track=1`);
    await expect.poll(proxy.lines, { timeout: 10_000 }).toHaveLength(1);
    const [ready] = proxy.lines();
    expect(ready).toMatchObject({ target: `rtsp://127.0.0.1:${port}/porch?track=1` });
    expect(ready?.['url']).toMatch(/^rtsp:\/\/127\.0\.0\.1:\d+\/porch\?track=1$/);
    proxy.child.kill('SIGINT');
    expect(await proxy.ended).toBe(0);
  });

  it('keeps running at the end of its input', async () => {
    const proxy = startProxy(`127.0.0.1:${await echoServer()}`);
    proxy.child.stdin.end();
    await expect.poll(proxy.lines, { timeout: 10_000 }).toHaveLength(1);
    expect(await echo(String(proxy.lines()[0]?.['url']))).toBeLessThan(300);
  });

  it('reports that its port is taken', async () => {
    const port = await echoServer();
    const ran = await runCommand(['proxy', '127.0.0.1:9', '--listen', String(port), '--json']);
    expect([ran.status, ran.stderr]).toEqual([5, expect.stringContaining('"code":"port_in_use"')]);
  });

  it.each([
    ['nowhere', [], 'is not an address'],
    ['127.0.0.1:1', ['delay=2'], 'delay=200ms'],
    ['127.0.0.1:1', ['delay=11m'], 'delay=200ms'],
    ['127.0.0.1:1', ['corrupt=1.5'], 'corrupt=0.01'],
    ['127.0.0.1:1', ['lost', 'half-open'], 'is there twice'],
    ['127.0.0.1:1', ['lost', 'ok'], 'must be the only word'],
    ['127.0.0.1:1', ['jiter=5ms'], 'did you mean jitter?'],
    ['127.0.0.1:1', ['toString=1'], 'is not a fault of a link'],
    ['127.0.0.1:1', ['--listen', '99999'], 'is not a port'],
    ['127.0.0.1:1', ['--listen', ':2883'], 'names no host'],
    ['127.0.0.1:1', ['delay=1s=2s'], 'delay=200ms'],
    ['constructor://127.0.0.1', [], 'is not an address'],
  ])('refuses %s %s', async (target, words, detail) => {
    const ran = await callCommand(['proxy', target, ...words, '--json']);
    expect([ran.status, ran.stderr]).toEqual([2, expect.stringContaining(detail)]);
  });
});
