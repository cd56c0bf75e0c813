// A page of another port of this machine, open in the owner's own browser, that tries all it can at a doorbell's own server: the browser
// sends it the session's cookie, because cookies are shared by all ports.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext, Page } from 'playwright-core';
import { z } from 'zod';

const reportSchema = z.object({ tries: z.int(), learned: z.array(z.string()) });
export type HostileReport = z.infer<typeof reportSchema>;

/** What is read, and what is ordered, with every means that a page has. */
const ATTACK = `
const door = new URLSearchParams(location.search).get('door');
const report = { tries: 0, learned: [] };
globalThis.report = report;
const READ = ['state', 'requests', 'pins', 'events', 'looks', 'viewers', 'departures', 'settings', 'messages', 'snapshot.jpg', 'live.mp4',
  'live.m3u8', 'openapi.json', 'footage.mp4?fromUs=1&toUs=9999999999999999'].map((path) => door + '/api/v1/' + path);
const learn = (how) => report.learned.includes(how) || report.learned.push(how);
const settled = (start) => new Promise((resolve) => { setTimeout(resolve, 1500); start(resolve); });
const element = (name, from, means) => settled((done) => {
  const made = Object.assign(document.createElement(name), means);
  made.onload = () => { if (name !== 'img' || made.naturalWidth > 0) from(made); done(); };
  made.onloadeddata = () => { from(made); done(); };
  made.onerror = done;
  document.body.append(made);
}).then(() => document.querySelectorAll(name + '.used').forEach((one) => one.remove()));
async function read(url) {
  for (const headers of [{}, { 'x-doorsill-session': 'AAAAAAAAAAAAAAAAAAAAAA' }, { authorization: 'Basic dmlld2VyLTE6eA==' }]) {
    report.tries += 1;
    const answer = await fetch(url, { credentials: 'include', headers, signal: AbortSignal.timeout(1500) }).catch(() => null);
    if (answer) learn('read ' + url);
  }
  await fetch(url, { credentials: 'include', mode: 'no-cors', signal: AbortSignal.timeout(1500) }).catch(() => null);
}
async function order() {
  for (const [method, path] of [['POST', 'press'], ['POST', 'orders'], ['POST', 'sessions'], ['POST', 'challenges'],
    ['DELETE', 'sessions/current'], ['POST', 'previews'], ['POST', 'pairings']]) {
    report.tries += 1;
    const request = { method, credentials: 'include', body: method === 'POST' ? '{}' : undefined };
    for (const type of ['text/plain', 'application/json'])
      if (await fetch(door + '/api/v1/' + path, { ...request, headers: { 'content-type': type } }).catch(() => null)) learn(method + ' ' + path);
    if (method === 'POST') await fetch(door + '/api/v1/' + path, { ...request, mode: 'no-cors' }).catch(() => null);
  }
  const form = Object.assign(document.createElement('form'), { action: door + '/api/v1/press', method: 'post', target: 'hole', enctype: 'text/plain' });
  document.body.append(form);
  form.submit();
  form.remove();
}
async function embed() {
  report.tries += 5;
  await Promise.all([
    element('img', () => learn('a picture in an img'), { src: door + '/api/v1/snapshot.jpg', className: 'used' }),
    element('video', () => learn('a picture in a video'), { src: door + '/api/v1/live.mp4', className: 'used', muted: true, autoplay: true }),
    element('script', () => learn('an answer run as a script'), { src: door + '/api/v1/state', className: 'used' }),
    element('iframe', (frame) => {
      try { if (frame.contentDocument && frame.contentDocument.body.textContent !== '') learn('a frame that can be read'); } catch { /* of another origin */ }
      if (frame.contentWindow && frame.contentWindow.length > 0) learn('the page in a frame');
    }, { src: door + '/', className: 'used' }),
    settled((done) => {
      const socket = new WebSocket(door.replace('http', 'ws') + '/api/v1/live', ['doorsill-live', 'session.AAAAAAAAAAAAAAAAAAAAAA']);
      socket.onopen = () => { learn('the live socket'); done(); };
      socket.onerror = done;
    }),
  ]);
}
async function run() {
  for (;;) {
    for (const url of READ) await read(url);
    await order();
    await embed();
  }
}
run();
`;

export class HostilePage {
  private readonly server: Server;
  private page: Page | null = null;

  private constructor(server: Server) {
    this.server = server;
  }

  /** Serves the page on a port of its own and opens it in a tab, where it goes on until `close`. */
  static async open(context: BrowserContext, door: string): Promise<HostilePage> {
    const server = createServer((request, reply) => {
      const isScript = request.url === '/attack.js';
      reply.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
      reply.end(isScript ? ATTACK : '<body><iframe name="hole"></iframe><script src="/attack.js"></script>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const made = new HostilePage(server);
    made.page = await context.newPage();
    const { port } = server.address() as AddressInfo;
    await made.page.goto(`http://127.0.0.1:${port}/?door=${encodeURIComponent(door)}`);
    return made;
  }

  /** How often it has tried so far, and what it got. */
  async report(): Promise<HostileReport> {
    return reportSchema.parse(await this.page?.evaluate('globalThis.report'));
  }

  async close(): Promise<void> {
    await this.page?.close();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
