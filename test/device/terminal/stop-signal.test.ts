import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { root } from '../../layout/source-tree.ts';

const BUILT = JSON.stringify(pathToFileURL(join(root, 'device/dist/terminal/stop-signal.js')).href);

/** A process that stops slowly: its output and exit status when Ctrl-C comes twice, with a pause between. */
function stoppedTwice(again: string, pauseMs: number): Promise<[string, number | null]> {
  const text = `
import { aborted, stopSignal } from ${BUILT};
const signal = stopSignal(${again});
setTimeout(() => { console.log('cleaned up'); process.exit(7); }, 900);
process.kill(process.pid, 'SIGINT');
await aborted(signal);
console.log(signal.reason.code);
await new Promise((resolve) => setTimeout(resolve, ${pauseMs}));
process.kill(process.pid, 'SIGINT');`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', text], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  return new Promise((resolve) => child.once('close', (status) => resolve([said.trim(), status])));
}

it('ends at once at a second Ctrl-C', async () => {
  expect(await stoppedTwice('', 400)).toEqual(['interrupted', 130]);
});

it('cleans up first where it would leave something behind', async () => {
  const again = "() => console.log('not yet')";
  expect(await stoppedTwice(again, 400)).toEqual(['interrupted\nnot yet\ncleaned up', 7]);
});

it('takes a Ctrl-C that npm passes on besides the terminal for one', async () => {
  expect(await stoppedTwice('', 5)).toEqual(['interrupted\ncleaned up', 7]);
});
