// Runs commands of the built command line one after another in one process, which loads it once: each message is the words of a command, each
// answer its output and exit status. A command that would keep a process of its own from ending is answered with what it leaves open.
// Plain JavaScript, because it runs what is built.
import { main } from '../../sim/dist/cli/main.js';

const LAUNCHER = new URL('../../sim/cli/doorsill.mjs', import.meta.url).pathname;
const ENDS_WITHIN_MS = 20_000;
/** A command adds listeners, of a stop signal for instance, and leaves them. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGUSR1'];

const said = { stdout: '', stderr: '' };
for (const name of ['stdout', 'stderr']) {
  process[name].write = (chunk, encoding, done) => {
    said[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    const call = typeof encoding === 'function' ? encoding : done;
    if (call) process.nextTick(call);
    return true;
  };
}

/** What keeps this process from ending, besides what is listed in `before`. */
function open(before = []) {
  const rest = process.getActiveResourcesInfo().filter((name) => name !== 'Immediate');
  for (const name of before) if (rest.includes(name)) rest.splice(rest.indexOf(name), 1);
  return rest;
}

async function run(words) {
  const before = open();
  Object.assign(said, { stdout: '', stderr: '' });
  process.exitCode = undefined;
  process.argv = [process.execPath, LAUNCHER, ...words];
  await main(process.argv);
  const endMs = performance.now() + ENDS_WITHIN_MS;
  while (open(before).length > 0 && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 2).unref());
  }
  for (const signal of SIGNALS) process.removeAllListeners(signal);
  process.stdout.removeAllListeners('error');
  return { ...said, status: process.exitCode ?? 0, open: open(before) };
}

let last = Promise.resolve();
process.on('message', ({ id, words }) => {
  last = last.then(async () => process.send({ id, ...(await run(words)) }));
});
process.on('disconnect', () => process.exit(0));
