// An owner's phone at home: a session at the device's own server over TLS.
import { request } from 'node:https';
import { z } from 'zod';
import type { SigningKey } from '../../../../device/base/keys.ts';
import { toBase64url } from '../../../../device/contract/bytes.ts';
import { Preview, sessionProofInput } from '../../../../device/contract/console-messages.ts';

/** The port of the device's own server, if it has one. */
export const CONSOLE_PORT = 8480;

interface Answer {
  status: number;
  cookie: string;
  body: Buffer;
}

const challengeSchema = z.object({ challenge: z.string() });
const sessionSchema = z.object({ session: z.string() });

export class Phone {
  private readonly origin: string;
  private headers: Record<string, string> = {};

  private constructor(address: string) {
    this.origin = `https://${address}:${CONSOLE_PORT}`;
  }

  /** Opens a session as a paired owner. */
  static async open(address: string, device: string, key: SigningKey): Promise<Phone> {
    const phone = new Phone(address);
    const { challenge } = challengeSchema.parse(await phone.json('POST', '/api/v1/challenges'));
    const proof = toBase64url(key.sign(sessionProofInput(device, phone.origin, challenge, key.publicKey)));
    const body = { key: key.publicKey, challenge, proof };
    const opened = await phone.call('POST', '/api/v1/sessions', { body });
    const { session } = sessionSchema.parse(JSON.parse(opened.body.toString()));
    phone.headers = { cookie: opened.cookie, 'x-doorsill-session': session };
    return phone;
  }

  /** Downloads a path, completely or up to `most` bytes. Throws on any refusal. */
  async look(path: string, most = Number.POSITIVE_INFINITY): Promise<Buffer> {
    const { status, body } = await this.call('GET', `/api/v1/${path}`, { most });
    if (status !== 200) throw new Error(`${path}: ${status} ${body.toString().slice(0, 300)}`);
    return body;
  }

  async preview(ask: object): Promise<Preview> {
    return Preview.parse(await this.json('POST', '/api/v1/previews', ask));
  }

  async removePreview({ preview }: Preview): Promise<void> {
    await this.call('DELETE', `/api/v1/previews/${preview}`, {});
  }

  /** Posts a signed order, as the page does. */
  async order(order: object): Promise<void> {
    await this.json('POST', '/api/v1/orders', order);
  }

  private async json(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await this.call(method, path, body === undefined ? {} : { body });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.body.toString().slice(0, 300)}`);
    return JSON.parse(answer.body.toString());
  }

  private call(
    method: string,
    path: string,
    { body, most = Number.POSITIVE_INFINITY }: { body?: object; most?: number },
  ) {
    const text = body && JSON.stringify(body);
    const headers = { ...this.headers, ...(text ? { 'content-type': 'application/json' } : {}) };
    return new Promise<Answer>((resolve, reject) => {
      const options = { method, headers, agent: false, rejectUnauthorized: false };
      const sent = request(new URL(path, this.origin), options, (answer) => {
        const parts: Buffer[] = [];
        const done = () => {
          const cookie = String(answer.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';
          resolve({ status: answer.statusCode ?? 0, cookie, body: Buffer.concat(parts) });
        };
        answer.on('data', (part: Buffer) => {
          parts.push(part);
          if (Buffer.concat(parts).length < most) return;
          done();
          sent.destroy();
        });
        answer.on('end', done);
        answer.on('error', done);
      });
      sent.on('error', reject);
      sent.end(text);
    });
  }
}
