// An RTSP client for tests (RFC 2326) that records answers and packets.
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** One connection to a server on loopback. */
export class RtspClient {
  readonly socket: Socket;
  readonly answers: Answer[] = [];
  readonly packets: { channel: number; bytes: Buffer }[] = [];
  isClosed = false;
  private readonly base: string;
  private held: Buffer = Buffer.alloc(0);
  private cseq = 0;
  private waiting: (() => void)[] = [];

  constructor(port: number, path = '/porch') {
    this.base = `rtsp://127.0.0.1:${port}${path}`;
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (part: Buffer) => {
      this.held = Buffer.concat([this.held, part]);
      while (this.take());
      this.wake();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.isClosed = true;
      this.wake();
    });
  }

  /** Sends a request and waits for the next answer. */
  async ask(method: string, headers: Record<string, string> = {}, below = ''): Promise<Answer> {
    const before = this.answers.length;
    this.socket.write(this.request(method, headers, below));
    await this.until(() => this.answers.length > before || this.isClosed);
    const answer = this.answers[before];
    if (!answer) throw new Error('the connection was closed');
    return answer;
  }

  /** A request's bytes as text. */
  request(method: string, headers: Record<string, string> = {}, below = ''): string {
    this.cseq += 1;
    const lines = [`${method} ${this.base}${below} RTSP/1.0`, `CSeq: ${this.cseq}`];
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    return `${lines.join('\r\n')}\r\n\r\n`;
  }

  /** An Authorization header for a challenge and `uri`. */
  proof(challenge: string, method: string, user: string, password: string, uri = this.base): string {
    const md5 = (text: string) => createHash('md5').update(text).digest('hex');
    const nonce = /nonce="([^"]*)"/.exec(challenge)?.[1] ?? '';
    const realm = /realm="([^"]*)"/.exec(challenge)?.[1] ?? '';
    const response = md5(`${md5(`${user}:${realm}:${password}`)}:${nonce}:${md5(`${method}:${uri}`)}`);
    return `Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}"`;
  }

  /** Sets up the pictures over this connection and plays them; returns the session id. */
  async play(): Promise<string> {
    const set = await this.ask('SETUP', { Transport: 'RTP/AVP/TCP;unicast;interleaved=0-1' }, '/track=video');
    const id = (set.headers.get('session') ?? '').split(';')[0] ?? '';
    await this.ask('PLAY', { Session: id });
    return id;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  end(): void {
    this.socket.destroy();
  }

  private wake(): void {
    for (const waiter of this.waiting.splice(0)) waiter();
  }

  private take(): boolean {
    const { held } = this;
    if (held[0] === 0x24) {
      if (held.length < 4 || held.length < 4 + held.readUInt16BE(2)) return false;
      const end = 4 + held.readUInt16BE(2);
      this.packets.push({ channel: held[1] ?? 0, bytes: Buffer.from(held.subarray(4, end)) });
      this.held = held.subarray(end);
      return true;
    }
    const end = held.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const [first = '', ...lines] = held.toString('latin1', 0, end).split('\r\n');
    const headers = new Map(
      lines.map((line) => [line.split(':')[0]?.toLowerCase() ?? '', line.slice(line.indexOf(':') + 1).trim()]),
    );
    const bodyEnd = end + 4 + Number(headers.get('content-length') ?? 0);
    if (held.length < bodyEnd) return false;
    const body = held.toString('latin1', end + 4, bodyEnd);
    this.answers.push({ status: Number(first.split(' ')[1]), headers, body });
    this.held = held.subarray(bodyEnd);
    return true;
  }
}
