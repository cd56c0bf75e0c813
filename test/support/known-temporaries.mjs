// Preloaded by programs under strace, which watches files by their names: gives temporary files (device/base/disk.ts) the one name that
// tests know. Nothing else draws as many bytes.
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

const TEMPORARY_BYTES = 9;
const { randomBytes } = crypto;
crypto.randomBytes = (length, ...rest) =>
  length === TEMPORARY_BYTES ? Buffer.alloc(TEMPORARY_BYTES) : randomBytes(length, ...rest);
syncBuiltinESMExports();
