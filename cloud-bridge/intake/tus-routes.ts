// tus 1.0.0 over HTTP. The upload token authorises every request before the tus server sees it, and the bridge tells the tus server which
// upload it is: no address or header can name another.
import { Readable } from 'node:stream';
import type { Disk } from '@doorsill/base/disk';
import { keepForTransfer } from '@doorsill/base/http/connection-limit';
import { isDiskFull, UPLOAD_BODY_TYPE } from '@doorsill/base/http/http-server';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { PROBLEM_TYPE, problemOf } from '@doorsill/contract/problem';
import { Server } from '@tus/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Call, Router } from '../http/router.ts';
import type { IntakeFinisher } from './finish-intake.ts';
import type { IntakeAdmission } from './intake-admission.ts';
import { hasArrived, type Intake, type IntakeStore } from './intake-store.ts';
import { StagedStore } from './staged-store.ts';
import type { UploadLocks } from './upload-locks.ts';

export const UPLOADS_PATH = '/v1/uploads';

export interface UploadDeps {
  disk: Disk;
  admission: IntakeAdmission;
  finish: IntakeFinisher;
  locks: UploadLocks;
  store: IntakeStore;
  stagingFolder: string;
  creationsMax: number;
}

/** Milliseconds between asking a request to release an upload and ending it: there is no reason to wait longer. */
const DRAIN_MS = 1;

/** Adds the routes. */
export function uploadRoutes(api: Router, deps: UploadDeps): void {
  const { disk, admission, finish, locks, store, stagingFolder } = deps;
  const intakes = new WeakMap<object, Intake>();
  const failures = new WeakMap<object, Failure>();
  const tus = new Server({
    path: UPLOADS_PATH,
    datastore: new StagedStore(disk, stagingFolder, store),
    locker: locks,
    lockDrainTimeout: DRAIN_MS,
    relativeLocation: true,
    allowedOrigins: () => false,
    namingFunction: (request) => uploadOf(intakes, request),
    getFileIdFromRequest: (request) => uploadOf(intakes, request),
    maxSize: (request) => intakes.get(request)?.clipBytes ?? 0,
    onUploadFinish: async (request) => {
      await finish.finish(uploadOf(intakes, request));
      return {};
    },
    onResponseError: (request, thrown) => {
      if (isFailure(thrown)) failures.set(request, thrown);
      else if (isDiskFull(thrown)) failures.set(request, failure('intake_full'));
      return undefined;
    },
  });

  const handle = async ({ request, reply, bearer }: Exchange, upload: string | null) => {
    const { method } = request;
    const writes = method === 'POST' || method === 'PATCH';
    const known = await admission.authorise(bearer, upload, writes);
    if (hasArrived(known)) return answerStored(method, known, reply);
    if (method === 'POST') assertCreation(request, known, deps.creationsMax);
    if (writes) await admission.assertRoom(0);
    const intake = method === 'POST' ? await admission.own(known) : known;
    if (writes) keepForTransfer(request.raw.socket);
    const asked = toWebRequest(request);
    intakes.set(asked, intake);
    const answer = await tus.handleWeb(asked);
    reply.header('upload-expires', new Date(intake.expiresS * 1000).toUTCString());
    return send(request, reply, answer, failures.get(asked) ?? null);
  };
  const device = { roles: ['device'], answer: null } as const;
  api.route(
    { method: 'POST', path: UPLOADS_PATH, ...device, status: 201, about: 'Creates an upload (tus 1.0.0, creation).' },
    (call) => handle(call, null),
  );
  for (const { method, status, body, about } of ON_UPLOAD) {
    api.route(
      { method, path: `${UPLOADS_PATH}/:upload`, ...device, params: uploadSchema, status, body, about },
      (call) => handle(call, call.params.upload),
    );
  }
  api.route(
    {
      method: 'OPTIONS',
      path: UPLOADS_PATH,
      roles: ['public'],
      answer: null,
      about: 'The parts of tus 1.0.0 that are offered.',
    },
    async ({ request, reply }) => send(request, reply, await tus.handleWeb(toWebRequest(request)), null),
  );
}

type Exchange = Pick<Call<z.ZodType, z.ZodType, null>, 'request' | 'reply' | 'bearer'>;

const uploadSchema = z.strictObject({ upload: z.string().max(200) });

const ON_UPLOAD = [
  { method: 'HEAD', status: 200, body: null, about: 'The offset at which an upload continues (tus 1.0.0).' },
  { method: 'PATCH', status: 204, body: { media: UPLOAD_BODY_TYPE }, about: 'Appends bytes (tus 1.0.0).' },
  { method: 'DELETE', status: 204, body: null, about: 'Ends an upload (tus 1.0.0, termination).' },
] as const;

function uploadOf(intakes: WeakMap<object, Intake>, request: object): string {
  const intake = intakes.get(request);
  if (!intake) throw failure('http_unauthorised');
  return intake.upload;
}

/** For a stored clip: HEAD reports that all bytes have arrived, other methods are refused. */
function answerStored(method: string, intake: Intake, reply: FastifyReply): FastifyReply {
  if (method !== 'HEAD') throw failure('intake_conflict');
  return reply
    .code(200)
    .headers({ 'tus-resumable': '1.0.0', 'upload-offset': intake.clipBytes, 'upload-length': intake.clipBytes })
    .send();
}

/** Throws `intake_length`, `http_rate_limited`. */
function assertCreation(request: FastifyRequest, intake: Intake, creationsMax: number): void {
  if (request.headers['upload-length'] !== String(intake.clipBytes)) throw failure('intake_length');
  if (intake.creations >= creationsMax) throw failure('http_rate_limited');
}

/** The request in the form the tus server takes. The body streams; a broken connection appears as a stream error. */
function toWebRequest(request: FastifyRequest): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    // The token has been verified; the tus server does not need it.
    if (typeof value === 'string' && name !== 'authorization') headers.set(name, value);
  }
  const { method } = request;
  const url = `http://bridge.invalid${request.url}`;
  if (method !== 'POST' && method !== 'PATCH') return new Request(url, { method, headers });
  // The client disconnected during the checks.
  if (request.raw.destroyed) throw failure('http_body_invalid', { detail: 'the client ended the connection' });
  // A body of another type was already parsed as JSON or text.
  if (request.raw.readableDidRead) throw failure('http_body_invalid', { detail: `an upload is ${UPLOAD_BODY_TYPE}` });
  return new Request(url, { method, headers, body: Readable.toWeb(request.raw), duplex: 'half' });
}

async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: Response,
  known: Failure | null,
): Promise<FastifyReply> {
  answer.headers.forEach((value, name) => {
    if (name !== 'content-type' && name !== 'content-length') reply.header(name, value);
  });
  if (answer.ok) return reply.code(answer.status).send();
  // The rest of the body is not read: the connection ends with the answer.
  reply.header('connection', 'close');
  const refused = known ?? tusFailure(answer.status, (await answer.text()).trim());
  const status = known ? known.http : answer.status;
  return reply
    .code(status)
    .type(PROBLEM_TYPE)
    .send({ ...problemOf(refused, request.url), status });
}

/** The failure for a refusal by the tus server itself. */
function tusFailure(status: number, words: string): Failure {
  if (status === 404 || status === 410) return failure('http_not_found');
  if (status === 409) return failure('intake_offset');
  if (status === 413) return failure('intake_length');
  // A tus feature that this bridge does not offer.
  if (status === 501) return failure('http_body_invalid', { detail: words });
  if (status >= 500) return failure('internal', { detail: 'the upload could not be taken' });
  return failure('http_body_invalid', { detail: words });
}
