// The owner's key in this browser: an Ed25519 key (W3C Web Cryptography API, Secure Curves) that scripts cannot export, kept in IndexedDB
// with the device's key as pinned at pairing.

import { toBase64url } from '@doorsill/contract/bytes';
import { idSchema, publicKeySchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import { inStore } from './browser-database.ts';

const ALGORITHM = 'Ed25519';
const [STORE, SLOT] = ['pairing', 'this-device'];
const DATABASE = { name: 'doorsill', stores: [STORE] };

const OwnerKey = z.strictObject({
  privateKey: z.instanceof(CryptoKey),
  publicKey: publicKeySchema,
  /** The device that the key was made for, and its key as pinned then. `paired`: the device has accepted the owner's key. */
  device: idSchema,
  deviceKey: publicKeySchema,
  paired: z.boolean(),
});
export type OwnerKey = z.infer<typeof OwnerKey>;

/** Makes a key for a device. Throws the browser's `NotSupportedError` if it has no Ed25519. */
export async function makeOwnerKey(device: string, deviceKey: string): Promise<OwnerKey> {
  const pair = await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
  if (!('privateKey' in pair)) throw new DOMException('no key pair', 'NotSupportedError');
  const publicKey = toBase64url(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)));
  return { privateKey: pair.privateKey, publicKey, device, deviceKey, paired: false };
}

/** Whether this browser can make, use and store such keys on this page. */
export async function canSign(): Promise<boolean> {
  if (!isSecureContext || !('subtle' in crypto) || !('indexedDB' in globalThis)) return false;
  try {
    await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
    return true;
  } catch {
    return false;
  }
}

export async function sign(key: OwnerKey, data: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign(ALGORITHM, key.privateKey, new Uint8Array(data)));
}

/** The stored key; null if there is none. */
export async function loadOwnerKey(): Promise<OwnerKey | null> {
  const kept = await inStore(DATABASE, STORE, 'readonly', (store) => store.get(SLOT));
  const parsed = OwnerKey.safeParse(kept);
  return parsed.success ? parsed.data : null;
}

export async function storeOwnerKey(key: OwnerKey): Promise<void> {
  await inStore(DATABASE, STORE, 'readwrite', (store) => store.put(key, SLOT));
}

export async function forgetOwnerKey(): Promise<void> {
  await inStore(DATABASE, STORE, 'readwrite', (store) => store.delete(SLOT));
}
