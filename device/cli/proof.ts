// The verb `left proof`: fetches the bridge's receipt of a granted clip and its proof in the bridge's log.
import { join, resolve } from 'node:path';
import { SystemDisk } from '@doorsill/base/disk';
import type { Command } from 'commander';
import { readEnrolment } from '../area-link/enrolment.ts';
import { fetchOpened, fetchProof, keepOpened, keepProof } from '../owner/fetch-custody-proof.ts';
import { loadOrCreateOwnerKey } from '../owner/owner-key.ts';
import { failure } from '../terminal/errors.ts';
import {
  dataFolder,
  doorbellFolder,
  type OwnerOptions,
  openContext,
  ownerFolder,
  withOwnerOptions,
} from './context.ts';
import { homeOfKeptGrant } from './home-of-request.ts';
import { keptGrants } from './kept-grants.ts';

export function addProof(left: Command): void {
  withOwnerOptions(left.command('proof <grant-or-request>'))
    .description("fetch the bridge's receipt of a clip you granted, and the proof that it is in the bridge's log")
    .option('--out <dir>', 'folder for receipt.jws and proof.json (default: DATA/owner/papers/GRANT)')
    .option(
      '--manifest',
      'also fetch the full manifest, as opened.json: it names your home, and the bridge’s log records the opening',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill left proof request-1f0c
  $ doorsill left proof grant-77ab --out ./kept
  $ doorsill verify clip.mp4 manifest.jws --receipt kept/receipt.jws --proof kept/proof.json --data .doorsill`,
    )
    .action(async (id: string, options: OwnerOptions & { out?: string; manifest?: boolean }, command: Command) => {
      const context = openContext(command);
      const { device } = await homeOfKeptGrant(context, options, id);
      const folder = ownerFolder(options);
      const kept = (await keptGrants(context.disk, folder)).findLast(
        ({ claims }) => claims.aud === device && (claims.jti === id || claims.request === id),
      );
      if (!kept) throw failure('usage', { detail: `${id} is not a grant or an answered request of yours` });
      const doorbell = await doorbellFolder(context, options, device);
      const enrolment = await readEnrolment(context.disk, join(doorbell, 'enrolment.json'));
      if (!enrolment) throw failure('not_running', { folder: dataFolder(options.data) });
      const key = await loadOrCreateOwnerKey(context.disk, context.random, join(folder, 'owner.key'));
      const grant = kept.claims.jti;
      const { bridgeUrl, bridgeKey } = enrolment;
      const of = { device, grant, bridgeUrl, bridgeKey };
      const bundle = await fetchProof({ ...context, key }, of);
      const target = resolve(options.out ?? join(folder, 'papers', grant));
      const disk = new SystemDisk('named');
      const paths = await keepProof(disk, target, bundle);
      const opened = options.manifest
        ? { opened: await keepOpened(disk, target, await fetchOpened({ ...context, key }, of)) }
        : {};
      const { leaf, cosignatures } = bundle.proof;
      context.output.result(
        { grant, leaf, cosignatures: cosignatures.length, bridgeKey, ...paths, ...opened },
        `Wrote ${paths.receipt} and ${paths.proof}: leaf ${leaf} of the bridge's log, cosigned by ${cosignatures.length}.`,
      );
    });
}
