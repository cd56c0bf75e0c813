// Owns: tying an answer that holds pictures to the view that allows it: cut off the moment the view is ended, and the view ended with
// the answer. Not here: opening views (picture-access.ts), endless answers (live-views.ts).

import { resetConnection } from '@doorsill/base/http/connection-limit';
import { failure } from '@doorsill/contract/errors';
import type { FastifyReply } from 'fastify';

export interface View {
  /** Aborted with the reason when nothing more may be shown. */
  signal: AbortSignal;
  close(): void;
}

/**
 * Binds an answer to its view, whatever becomes of either. What was not sent when the view is ended is dropped. Returns a signal for
 * the work on the answer: aborted with a coded failure when the view is ended, or when the client has gone.
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
  // The client may have gone while it was noted that it looks.
  if (raw.destroyed) done();
  return AbortSignal.any([view.signal, gone.signal]);
}
