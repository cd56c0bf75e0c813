// Ties an answer with pictures to its view: the answer is cut off when the view ends, and the view is closed with the answer.

import { resetConnection } from '@doorsill/base/http/connection-limit';
import { failure } from '@doorsill/contract/errors';
import type { FastifyReply } from 'fastify';

export interface View {
  /** Aborted, with a coded failure as its reason, when nothing more may be shown. */
  signal: AbortSignal;
  close(): void;
}

/**
 * Binds an answer to its view. Data not sent when the view ends is dropped. Returns a signal for the work on the answer: aborted with a
 * coded failure when the view ends or the client disconnects.
 */
export function bindToView(reply: FastifyReply, view: View): AbortSignal {
  const { raw } = reply;
  const { socket } = raw;
  const gone = new AbortController();
  const cut = () => {
    if (raw.headersSent) resetConnection(socket);
  };
  const done = () => {
    view.signal.removeEventListener('abort', cut);
    gone.abort(failure('console_client_gone'));
    view.close();
  };
  view.signal.addEventListener('abort', cut, { once: true });
  raw.once('close', done);
  // The client may have disconnected while its look was being recorded.
  if (raw.destroyed) done();
  return AbortSignal.any([view.signal, gone.signal]);
}
