// Serves the built page. All its files are read into memory at the start, so no name in an address ever reaches a folder.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Disk } from '@doorsill/base/disk';
import { failure } from '@doorsill/contract/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { LocalRouter } from './local-router.ts';

export interface PageFile {
  type: string;
  bytes: Uint8Array;
  gzipped: Uint8Array;
}

/** The document, and the assets by name. An asset's name contains a hash of its content, so browsers may cache it forever. */
export interface PageFiles {
  document: PageFile;
  assets: ReadonlyMap<string, PageFile>;
}

const TYPES = new Map([
  ['html', 'text/html; charset=utf-8'],
  ['js', 'text/javascript; charset=utf-8'],
  ['css', 'text/css; charset=utf-8'],
  ['svg', 'image/svg+xml'],
  ['webmanifest', 'application/manifest+json'],
]);
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const FOREVER = 'public, max-age=31536000, immutable';

/** Reads the built page; null if it was not built. */
export async function readPageFiles(disk: Disk): Promise<PageFiles | null> {
  const folder = pageFolder();
  const document = folder && (await readPageFile(disk, join(folder, 'index.html')));
  if (!folder || !document) return null;
  const assets = new Map<string, PageFile>();
  for (const name of await disk.list(join(folder, 'assets'))) {
    const file = await readPageFile(disk, join(folder, 'assets', name));
    if (file) assets.set(name, file);
  }
  return { document, assets };
}

export function pageRoutes(router: LocalRouter, { document, assets }: PageFiles): void {
  router.route(
    { method: 'GET', path: '/', roles: ['public'], answer: { media: 'text/html' }, about: 'The console.' },
    ({ request, reply }) => send(document, 'no-store', request, reply),
  );
  router.route(
    {
      method: 'GET',
      path: '/assets/:name',
      roles: ['public'],
      params: z.strictObject({ name: z.string().max(100) }),
      answer: { media: 'application/octet-stream' },
      about: 'A file of the console, by a name that changes with its content.',
    },
    ({ params, request, reply }) => {
      const file = assets.get(params.name);
      if (!file) throw failure('http_not_found');
      return send(file, FOREVER, request, reply);
    },
  );
}

function send(file: PageFile, cached: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const packed = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  reply.type(file.type).header('cache-control', cached).header('vary', 'accept-encoding');
  if (packed) reply.header('content-encoding', 'gzip');
  return reply.send(packed ? file.gzipped : file.bytes);
}

async function readPageFile(disk: Disk, path: string): Promise<PageFile | null> {
  const type = TYPES.get(path.slice(path.lastIndexOf('.') + 1));
  const bytes = type === undefined ? null : await disk.readFile(path, FILE_BYTES_MAX);
  if (type === undefined || !bytes) return null;
  return { type, bytes, gzipped: await promisify(gzip)(bytes, { level: 9 }) };
}

/** The folder of the built page in its package; null if the package is not installed. */
function pageFolder(): string | null {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('@doorsill/console-page/package.json')), 'dist');
  } catch {
    return null;
  }
}
