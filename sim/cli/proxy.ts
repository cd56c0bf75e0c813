// The verb `proxy`: a TCP proxy with network faults, which lines on standard input change.

import { createInterface } from 'node:readline';
import { nearestWord } from '@doorsill/base/schema-fault';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { serveUntilStopped } from '@doorsill/device/terminal/stop-signal';
import type { Command } from 'commander';
import { failure, isFailure } from '../errors.ts';
import { LINK_LATE_MS_MAX, LinkProxy, type LinkTrouble, printTrouble } from '../world/link-proxy.ts';
import { parseListenAddress } from './read-options.ts';

const STATES = ['ok', 'lost', 'half-open', 'reset'] as const;
const PORTS = new Map(Object.entries({ mqtt: 1883, mqtts: 8883, http: 80, https: 443, rtsp: 554 }));
const RATE_MAX = 1_000_000_000;
const LINE_LETTERS_MAX = 500;

/** Parsers of the faults with a value. */
const MEASURES = new Map<string, (value: string) => LinkTrouble | null>([
  ['delay', (value) => trouble('delayMs', lateMs(value))],
  ['jitter', (value) => trouble('jitterMs', lateMs(value))],
  ['rate', (value) => trouble('bytesPerS', within(value, 1, RATE_MAX))],
  ['corrupt', (value) => trouble('corrupt', within(value, 0, 1))],
]);

function trouble(name: keyof LinkTrouble, value: number | null): LinkTrouble | null {
  return value === null ? null : { [name]: value };
}

const goneAs = (gone: NonNullable<LinkTrouble['gone']>): LinkTrouble => ({ gone });

function within(text: string, least: number, most: number): number | null {
  const value = /^\d{1,12}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : null;
}

function lateMs(text: string): number | null {
  const [, number = '', unit] = /^(.+?)(ms|s)$/.exec(text) ?? [];
  const value = within(number, 0, LINK_LATE_MS_MAX);
  const ms = value === null ? null : value * (unit === 's' ? 1_000 : 1);
  return ms !== null && ms <= LINK_LATE_MS_MAX ? ms : null;
}

/** The faults that the user's words name, or `reset`. Throws `usage`. */
function readTrouble(words: readonly string[]): LinkTrouble | 'reset' {
  const [state] = words;
  if (state === 'reset' && words.length === 1) return 'reset';
  if (state === 'ok' && words.length === 1) return {};
  let all: LinkTrouble = {};
  for (const word of words) {
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/.exec(word) ?? [];
    const read = word === 'lost' || word === 'half-open' ? goneAs(word) : MEASURES.get(name)?.(value);
    if (!read) throw failure('usage', { detail: troubleDetail(word, name) });
    const [twice] = Object.keys(read).filter((key) => key in all);
    if (twice) throw failure('usage', { detail: `"${word}" is there twice` });
    all = { ...all, ...read };
  }
  return all;
}

function troubleDetail(word: string, name: string): string {
  if (MEASURES.has(name))
    return `"${word}": write delay=200ms, jitter=50ms, rate=64000 (bytes a second), corrupt=0.01 (0 to 1)`;
  if (word === 'ok' || word === 'reset') return `"${word}" must be the only word`;
  const near = nearestWord(name, [...STATES, ...MEASURES.keys()]);
  if (near !== null) return `"${word}" is not a fault of a link; did you mean ${near}?`;
  return `"${word}" is not a fault of a link: there are ${[...MEASURES.keys()].map((one) => `${one}=...`).join(', ')}, ${STATES.join(', ')}`;
}

/** The target's address, from a URL or host and port, and its path, such as a camera's. Throws `usage`. */
function readTarget(text: string): { address: string; path: string } {
  const refuse = () =>
    failure('usage', { detail: `"${text}" is not an address: write mqtt://127.0.0.1:1883 or 127.0.0.1:1883` });
  const whole = text.includes('://') ? text : `tcp://${text}`;
  if (!URL.canParse(whole)) throw refuse();
  const url = new URL(whole);
  if (url.hostname === '') throw refuse();
  const scheme = url.protocol.slice(0, -1);
  const port = url.port === '' ? PORTS.get(scheme) : Number(url.port);
  if (port === undefined || port === 0) throw refuse();
  const path = url.pathname === '/' ? '' : url.pathname;
  return { address: `${url.protocol}//${url.hostname}:${port}`, path: `${path}${url.search}` };
}

export function addProxy(program: Command): void {
  program
    .command('proxy <target> [trouble...]')
    .description(
      'put a link with faults in front of any service: slow, delayed, corrupted or lost, changeable while it runs',
    )
    .option('--listen <[host:]port>', 'address to listen on, by default on loopback (default: a free port)', '0')
    .addHelpText(
      'after',
      `
Faults, in any combination: delay=200ms jitter=50ms rate=64000 (bytes a second) corrupt=0.01 (share of chunks with a wrong bit), and lost
(connections end, new ones are refused) or half-open (connections stay, but nothing gets through). Each line on standard input replaces the
faults; \`ok\` ends them, \`reset\` resets the open connections.

Examples:
  $ doorsill proxy mqtt://127.0.0.1:1883 --listen 2883 delay=200ms jitter=100ms
  $ doorsill proxy rtsp://192.0.2.7/porch --listen 8554 rate=64000
  $ (sleep 10; echo lost; sleep 5; echo ok; sleep 60) | doorsill proxy 127.0.0.1:8443`,
    )
    .action(async (target: string, words: string[], options: { listen: string }, command: Command) => {
      const context = openContext(command);
      const { address, path } = readTarget(target);
      const first = readTrouble(words);
      const proxy = new LinkProxy(context, () => address, parseListenAddress(options.listen));
      await serveUntilStopped(async () => {
        if (first !== 'reset') proxy.set(first);
        await proxy.start();
        const faults = printTrouble(first === 'reset' ? {} : first);
        const url = `${proxy.url}${path}`;
        context.output.result(
          { event: 'ready', pid: process.pid, url, target: `${address}${path}`, is: faults },
          `${url} leads to ${address}${path}: ${faults}.\nA line such as \`lost\` or \`delay=2s\` changes it; Ctrl-C ends it.`,
        );
        followLines(context, proxy);
        return proxy;
      });
    });
}

/** Reads lines from standard input and changes the link as they say. An invalid line changes nothing. */
function followLines({ output }: Context, proxy: LinkProxy): void {
  createInterface({ input: process.stdin }).on('line', (line) => {
    const words = line.slice(0, LINE_LETTERS_MAX).trim().split(/\s+/);
    if (words[0] === '') return;
    try {
      const read = readTrouble(words);
      if (read === 'reset') proxy.reset();
      else proxy.set(read);
      const change = read === 'reset' ? 'reset' : printTrouble(read);
      output.result(
        { event: 'link', is: change, connections: proxy.connections, sentBytes: proxy.sentBytes },
        `The link: ${change}.`,
      );
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      const { code, message } = thrown;
      output.result({ event: 'refused', code, detail: message }, `${message} Nothing was changed.`);
    }
  });
}
