// Owns: serving the console's built page: its document and its assets, read into memory at the start. What is not among them is not
// there, so no name in an address ever reaches a folder. Not here: what the page does (console-page/), building it (sim/setup/build-page.mjs).
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Disk } from '../base/disk.ts';
import { failure } from '../contract/errors.ts';
import type { LocalRouter } from './local-router.ts';

/** One file of the page. */
export interface PageFile {
  type: string;
  bytes: Uint8Array;
  gzipped: Uint8Array;
}

/** The document, and assets by name. Their names hold a hash of their content, so a browser may keep them for good. */
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

/** Reads the built page beside this program; null where it was not built. */
export async function readPageFiles(disk: Disk): Promise<PageFiles | null> {
  const folder = await pageFolder(disk);
  const document = folder && (await readPageFile(disk, join(folder, 'index.html')));
  if (!folder || !document) return null;
  const assets = new Map<string, PageFile>();
  for (const name of await disk.list(join(folder, 'assets'))) {
    const file = await readPageFile(disk, join(folder, 'assets', name));
    if (file) assets.set(name, file);
  }
  return { document, assets };
}

/** Adds the page's routes. */
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

/** dist/console-page of the package that this file belongs to, as source and as built. */
async function pageFolder(disk: Disk): Promise<string | null> {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    if ((await disk.sizeOf(join(folder, 'package.json'))) !== null) return join(folder, 'dist/console-page');
  }
  return null;
}
