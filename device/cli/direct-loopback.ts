/** Without a port or brackets, and with both: readers of these lists differ. */
const LOOPBACK = ['localhost', '127.0.0.1', '::1', '[::1]'];

/**
 * Keeps calls to this machine off a proxy that the environment names. Node sends them there with NODE_USE_ENV_PROXY, and ffmpeg does: pictures,
 * clips and tokens would leave the machine in plain HTTP. Calls to other machines go through the proxy as before.
 */
export function keepLoopbackDirect(environment: NodeJS.ProcessEnv): void {
  const named = Object.keys(environment).some((name) => /^(https?|all)_proxy$/i.test(name));
  if (!named) return;
  const direct = [environment['no_proxy'] ?? environment['NO_PROXY'] ?? '', ...LOOPBACK]
    .filter((name) => name !== '')
    .join(',');
  environment['no_proxy'] = direct;
  environment['NO_PROXY'] = direct;
}
