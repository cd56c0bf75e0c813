// Sends a clip's remaining bytes to its upload, by tus 1.0.0: HEAD returns the offset, PATCH adds one chunk, and the next is sent only
// after the bridge has acknowledged the one before.
import { isFailure } from '@doorsill/contract/errors';
import { DetailedError, type HttpRequest, type HttpResponse, Upload } from 'tus-js-client';
import type { ClipReader } from '../clip/finished-clip.ts';
import { type BridgeHttp, CHUNK_BYTES } from './bridge-http.ts';
import { implausible, refusalOf } from './intake-requests.ts';

export interface Transfer {
  http: BridgeHttp;
  uploadUrl: string;
  reader: ClipReader;
  /** Aborting it stops everything at once. */
  signal: AbortSignal;
  /** Bytes the bridge has acknowledged so far. */
  acknowledged: (bytes: number) => void;
}

/**
 * Resolves when the bridge has acknowledged the last byte. Rejects with the signal's reason, `http_not_found` when the
 * upload is gone, another refusal of the bridge, `upload_unreachable`, or `outbox_damaged`.
 */
export function sendRest(transfer: Transfer): Promise<void> {
  const { http, uploadUrl, reader, signal, acknowledged } = transfer;
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void) => {
      signal.removeEventListener('abort', stop);
      outcome();
    };
    const upload = new Upload(Buffer.alloc(0), {
      uploadUrl,
      chunkSize: CHUNK_BYTES,
      // upload.ts retries: it knows the grant and starts from HEAD.
      retryDelays: null,
      storeFingerprintForResuming: false,
      fingerprint: () => Promise.resolve(''),
      httpStack: http,
      fileReader: { openFile: () => Promise.resolve(sourceOf(reader)) },
      onAfterResponse: (request, response) => checkAnswer(request, response, reader.sizeBytes),
      onChunkComplete: (_chunkBytes, acceptedBytes) => acknowledged(acceptedBytes),
      onSuccess: () => settle(resolve),
      onError: (error) => settle(() => reject(meaningOf(error))),
    });
    // The running request ends by itself (bridge-http.ts), and no other can start after it.
    const stop = () => settle(() => reject(signal.reason));
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    signal.addEventListener('abort', stop, { once: true });
    upload.start();
  });
}

function sourceOf(reader: ClipReader) {
  return {
    size: reader.sizeBytes,
    slice: async (start: number, end: number) => ({ value: await reader.read(start, end - start), done: false }),
    close: () => undefined,
  };
}

/** Checks the bridge's offset: a wrong one must not make us skip, repeat or loop. Throws `upload_unreachable`. */
function checkAnswer(request: HttpRequest, response: HttpResponse, sizeBytes: number): void {
  const status = response.getStatus();
  if (status < 200 || status > 299) return;
  const offset = integer(response.getHeader('Upload-Offset'));
  if (request.getMethod() === 'HEAD') {
    if (integer(response.getHeader('Upload-Length')) !== sizeBytes) throw implausible('its upload has another length');
    if (offset === null || offset > sizeBytes) throw implausible('its offset is impossible');
    return;
  }
  const start = integer(request.getHeader('Upload-Offset'));
  const end = Math.min((start ?? 0) + CHUNK_BYTES, sizeBytes);
  // tus 1.0.0 §PATCH: the new offset. The bridge may accept a part of the chunk, but not zero bytes or more than were sent.
  if (start === null || offset === null || offset <= start || offset > end) {
    throw implausible('it acknowledged an impossible offset');
  }
}

function integer(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** The failure behind an error of tus-js-client: its cause if there is one, else the failure in the answer. */
function meaningOf(error: Error): unknown {
  if (!(error instanceof DetailedError)) return error;
  if (error.causingError) return error.causingError;
  if (isFailure(error) || !error.originalResponse) return error;
  return refusalOf(error.originalResponse);
}
