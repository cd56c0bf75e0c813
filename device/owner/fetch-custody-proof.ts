// A clip's custody documents for its owner: fetched from the bridge, verified against its pinned key, written as files.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { sha256, sha256Hex, verifySignature } from '@doorsill/base/keys';
import { utf8 } from '@doorsill/contract/bytes';
import { CustodyBundle, openProof, printProof } from '@doorsill/contract/custody';
import { failure } from '@doorsill/contract/errors';
import { actorId } from '@doorsill/contract/ids';
import { exchangeJson } from '@doorsill/contract/json-client';
import { openToken } from '@doorsill/contract/jws';
import { IntakeReceipt } from '@doorsill/contract/manifest';
import { z } from 'zod';
import { makeCustodyCall, type Signer } from './sign-owner-messages.ts';

/** The file with the bridge's receipt of a clip. */
export const RECEIPT_NAME = 'receipt.jws';
/** The file with the proof that the clip is in the bridge's log. */
export const PROOF_NAME = 'proof.json';
/** The file with the full manifest, which names a home. */
export const OPENED_NAME = 'opened.json';

/** The clip's grant and its bridge. `bridgeKey`: the key that the device pinned when it enrolled. */
export interface ProofOf {
  device: string;
  grant: string;
  bridgeUrl: string;
  bridgeKey: string;
}

/** Fetches receipt and proof as the owner. Throws the bridge's refusals, and `verify_failed` for documents of another bridge. */
export async function fetchProof(signer: Signer, of: ProofOf): Promise<CustodyBundle> {
  const { device, grant, bridgeUrl, bridgeKey } = of;
  const bearer = makeCustodyCall(signer, actorId('bridge', sha256Hex(bridgeKey)), { device, grant }).token;
  const answer = await exchangeJson(`${bridgeUrl}/v1/intakes/${grant}/custody`, { method: 'GET', bearer });
  const bundle = CustodyBundle.safeParse(answer);
  if (!bundle.success) throw refused('the answer holds none');
  const receipt = openToken(bundle.data.receipt, {
    typ: 'doorsill-intake+jws',
    schema: IntakeReceipt,
    audience: device,
    keys: [bridgeKey],
    verify: verifySignature,
  });
  if (!receipt.ok || receipt.claims.grant !== grant) throw refused('the receipt is not this bridge’s for this grant');
  const proof = openProof(printProof(bundle.data.proof), { sha256, verify: verifySignature });
  if ('why' in proof) throw refused(proof.why);
  if (proof.head.iss !== bridgeKey) throw refused('the tree head is not this bridge’s');
  return bundle.data;
}

const openedSchema = z.object({ manifest: z.string(), certificate: z.string().optional() });

/**
 * Fetches the full manifest and the device's certificate as the owner; the bridge's log records that it was opened. Throws the bridge's
 * refusals, and `verify_failed` for an answer without a manifest.
 */
export async function fetchOpened(signer: Signer, of: ProofOf): Promise<z.infer<typeof openedSchema>> {
  const { device, grant, bridgeUrl, bridgeKey } = of;
  const bearer = makeCustodyCall(signer, actorId('bridge', sha256Hex(bridgeKey)), { device, grant }).token;
  const answer = await exchangeJson(`${bridgeUrl}/v1/intakes/${grant}/manifest`, { method: 'GET', bearer });
  const opened = openedSchema.safeParse(answer);
  if (!opened.success) throw refused('the answer holds no manifest');
  return opened.data;
}

/** Writes receipt and proof durably into the clip's folder. Returns their paths. */
export async function keepProof(
  disk: Disk,
  folder: string,
  { receipt, proof }: CustodyBundle,
): Promise<{ receipt: string; proof: string }> {
  const paths = { receipt: join(folder, RECEIPT_NAME), proof: join(folder, PROOF_NAME) };
  await disk.makeFolder(folder);
  await disk.replaceFile(paths.receipt, utf8(receipt));
  await disk.replaceFile(paths.proof, utf8(printProof(proof)));
  return paths;
}

/** Writes manifest and certificate durably into the same folder. Returns the file's path. */
export async function keepOpened(disk: Disk, folder: string, opened: z.infer<typeof openedSchema>): Promise<string> {
  const path = join(folder, OPENED_NAME);
  await disk.replaceFile(path, utf8(`${JSON.stringify(opened, null, 2)}\n`));
  return path;
}

function refused(detail: string) {
  return failure('verify_failed', { detail: `the clip’s custody documents: ${detail}` });
}
