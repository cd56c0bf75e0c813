import { keepForTransfer } from '@doorsill/base/http/connection-limit';
import { UPLOAD_BODY_TYPE } from '@doorsill/base/http/http-server';
import { failure } from '@doorsill/contract/errors';
import { idSchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import type { Router } from '../http/router.ts';
import { HandOverBody, HandOverStatus, RecallBody, recallStatusSchema } from '../signing/hand-over-documents.ts';
import type { Recalls } from './recalls.ts';
import type { EvidenceReceiver } from './receiving.ts';

const itemSchema = z.strictObject({ item: idSchema });
const stepSchema = z.strictObject({ step: z.string().max(4_096) });

export function bridgeRoutes(api: Router, receiving: EvidenceReceiver, recalls: Recalls): void {
  const signed = { method: 'POST', roles: ['signed'], answer: HandOverStatus } as const;
  api.route(
    {
      ...signed,
      path: '/v1/hand-overs',
      body: HandOverBody,
      about: 'A bridge offers a clip with its documents.',
    },
    ({ body }) => receiving.offer(body),
  );
  api.route(
    {
      method: 'PUT',
      path: '/v1/hand-overs/:item/clip',
      roles: ['bridge'],
      params: itemSchema,
      body: { media: UPLOAD_BODY_TYPE },
      answer: HandOverStatus,
      about: 'The bytes of an offered clip.',
    },
    ({ bearer, params, request }) => {
      if (request.headers['content-type'] !== UPLOAD_BODY_TYPE) {
        throw failure('http_body_invalid', { detail: `it must be ${UPLOAD_BODY_TYPE}` });
      }
      // The token is verified before the bytes are read: an invalid one ends the connection.
      keepForTransfer(request.raw.socket);
      return receiving.take(bearer, params.item, request.raw);
    },
  );
  api.route(
    {
      ...signed,
      path: '/v1/hand-overs/confirmation',
      body: stepSchema,
      about: 'The bridge has the acknowledgement; the clip is shown from now on.',
    },
    ({ body }) => receiving.confirm(body.step),
  );
  api.route(
    {
      ...signed,
      path: '/v1/hand-overs/withdrawal',
      body: stepSchema,
      about: 'The owner revoked before the hand-over was complete.',
    },
    ({ body }) => receiving.withdraw(body.step),
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/recalls',
      roles: ['signed'],
      body: RecallBody,
      answer: recallStatusSchema,
      about: 'An owner recalls a handed-over clip; the department’s policy decides.',
    },
    ({ body }) => recalls.answer(body),
  );
}
