// A vault as a process of its own whose clock its parent advances: years of retention in a story of seconds. Only the process that starts
// this program can move its clock, no network interface and no setting.
import { SystemClock } from '@doorsill/base/clock';
import { SystemDisk } from '@doorsill/base/disk';
import { openLog } from '@doorsill/base/log';
import { SystemRandom } from '@doorsill/base/random';
import { startVault, VaultConfig } from '@doorsill/cloud-bridge';
import { serveUntilStopped } from '@doorsill/device/terminal/stop-signal';
import { z } from 'zod';
import { zoneCheck } from '../testbed/check-zones.ts';
import { JsonLines } from '../testbed/json-lines.ts';

/** The machine's time plus the time that the story has added. */
class MovedClock extends SystemClock {
  passedS = 0;

  override wallUs(): number {
    return super.wallUs() + this.passedS * 1_000_000;
  }
}

const orderSchema = z.strictObject({ passS: z.int().nonnegative() });

/** The value after a flag; empty when it is missing. */
function flag(name: string): string {
  const at = process.argv.indexOf(name);
  return at < 0 ? '' : (process.argv[at + 1] ?? '');
}

const print = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`);

const clock = new MovedClock();
await serveUntilStopped(async () => {
  const config = VaultConfig.parse({ dataFolder: flag('--data'), http: { port: Number(flag('--port')) } });
  const seams = { clock, random: new SystemRandom(), disk: new SystemDisk(), log: openLog('warn', 'vault') };
  const checkZones = await zoneCheck(seams, config.decoderSandbox);
  const vault = await startVault(config, { ...seams, checkZones });
  const orders = new JsonLines((line) => {
    clock.passedS += orderSchema.parse(line).passS;
    void vault.sweepNow().then(() => print({ event: 'passed', passedS: clock.passedS }));
  });
  process.stdin.on('data', (chunk: Buffer) => orders.push(chunk));
  print({ event: 'ready', url: vault.url, id: vault.id, key: vault.publicKey });
  return vault;
});
