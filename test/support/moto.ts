// A server that speaks S3, from Debian's packages python3-moto and python3-flask-cors, which checks the signatures it is given, when it is
// told to, with its own code.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { AwsV4Signer } from 'aws4fetch';
import { freePort } from './mosquitto.ts';

const PROGRAM = '/usr/bin/moto_server';
const START_MS_MAX = 30_000;
/** Calls that need no rights: those that make a user who has some. */
const FOUNDING = ['CreateUser', 'CreateAccessKey', 'PutUserPolicy'];
const POLICY = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };

export class Moto {
  readonly url: string;
  readonly port: number;
  keyId = 'founder';
  secret = 'founder';
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  /**
   * `checking`: it refuses what is not signed well. Then it cannot read a query that has a slash in it, which it decodes before
   * it works out the signature.
   */
  static async open({ checking }: { checking: boolean }): Promise<Moto> {
    if (!existsSync(PROGRAM))
      throw new Error('tests need the Debian packages python3-moto and python3-flask-cors (.ci/run installs it)');
    const port = await freePort();
    const child = spawn(PROGRAM, ['-H', '127.0.0.1', '-p', String(port)], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: '/usr/bin:/bin', ...(checking ? { INITIAL_NO_AUTH_ACTION_COUNT: String(FOUNDING.length) } : {}) },
    });
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const moto = new Moto(child, port);
    const started = performance.now();
    while (!(await fetch(`${moto.url}/moto-api/`).catch(() => null))) {
      if (performance.now() - started > START_MS_MAX || child.exitCode !== null) throw new Error(`moto: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await moto.found();
    return moto;
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.child.once('close', resolve));
    if (this.child.exitCode !== null) return;
    this.child.kill('SIGKILL');
    await gone;
  }

  /** A new empty bucket; returns the settings that name it, but for its key's secret. */
  async bucket(name: string, endpoint: string = this.url) {
    await this.call('PUT', `/${name}`);
    return { endpoint, bucket: name, region: 'us-east-1', keyId: this.keyId };
  }

  /** As somebody with rights to the bucket; `service` as AWS names them. */
  async call(method: string, path: string, body = '', service = 's3'): Promise<{ status: number; text: string }> {
    const answer = await this.ask(method, path, body, service);
    return { status: answer.status, text: await answer.text() };
  }

  /** The same with the answer as it is, and a body of bytes. */
  async ask(
    method: string,
    path: string,
    body: string | Uint8Array<ArrayBuffer> = '',
    service = 's3',
  ): Promise<Response> {
    const isEmpty = body.length === 0;
    const signer = new AwsV4Signer({
      method,
      url: this.url + path,
      service,
      region: 'us-east-1',
      body: isEmpty ? null : body,
      accessKeyId: this.keyId,
      secretAccessKey: this.secret,
      headers: isEmpty
        ? {}
        : { 'content-type': service === 's3' ? 'application/xml' : 'application/x-www-form-urlencoded' },
    });
    const { url, headers } = await signer.sign();
    return fetch(url, { method, headers, ...(isEmpty ? {} : { body }) });
  }

  private async found(): Promise<void> {
    const user = {
      UserName: 'vault',
      PolicyName: 'all',
      PolicyDocument: JSON.stringify(POLICY),
      Version: '2010-05-08',
    };
    let key = '';
    for (const Action of FOUNDING) {
      const { status, text } = await this.call('POST', '/', new URLSearchParams({ ...user, Action }).toString(), 'iam');
      if (status !== 200) throw new Error(`moto refused ${Action}: ${text}`);
      if (Action === 'CreateAccessKey') key = text;
    }
    this.keyId = /<AccessKeyId>([^<]+)</.exec(key)?.[1] ?? '';
    this.secret = /<SecretAccessKey>([^<]+)</.exec(key)?.[1] ?? '';
  }
}
