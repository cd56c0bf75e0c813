// Tells errors of a program whose own files are missing or cut off: npm ends an installation on a full disk with success.

const CODES = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_DLOPEN_FAILED', 'ERR_INVALID_PACKAGE_CONFIG']);

/** Whether an error says that a module could not be loaded as it was built. */
export function isDamage(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  if ('code' in thrown && CODES.has(String(thrown.code))) return true;
  // Of a module, not of a text that a program parses: then Node's own loader threw it.
  const thrower = /^ +at .*$/m.exec(thrown.stack ?? '')?.[0] ?? '';
  return thrown instanceof SyntaxError && thrower.includes('(node:internal/modules/');
}
