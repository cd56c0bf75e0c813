// @module-tag long
// @module-tag postgresql
// @module-tag s3
// @module-tag nats
// @module-tag haproxy
// @module-tag strace
// Chaos: while a fleet's owners are asked, grant and revoke, every part of a production layout is killed, halted, separated, slowed or
// filled in turn. Nothing acknowledged is lost, no clip is duplicated, none is shown after its revocation, the custody log is complete, and
// a witness that checks after each fault accepts it. A slow machine may be late, never stuck.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { isFailure } from '../../../sim/errors.ts';
import { callAboutRequest, listClipPage } from '../../../sim/officer/agency-client.ts';
import { createEnrolmentCode } from '../../../sim/officer/bridge-operator.ts';
import { askFleet, bridgeAt, downloadWhole } from '../../support/agency-of-fleet.ts';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';
import { ServedLayout } from '../../support/served-layout.ts';
import { doorbellsFed, doorbellsWithRoom, goesOnUnlessStuck, idleShare } from './fleet-watch.ts';
import { SERVED_FAULTS } from './served-faults.ts';
import { judge, settled, TAMPERINGS, toldHomes } from './served-judgement.ts';
import { ServedProbes } from './served-probes.ts';

/**
 * `DOORSILL_CHAOS_DOORBELLS=20 DOORSILL_CHAOS_FAULT_S=3 DOORSILL_CHAOS='NATS|bucket'` is a short form: so many doorbells instead of as many as the
 * machine feeds, each fault for so long, only these faults.
 */
const CHOSEN_DOORBELLS = process.env['DOORSILL_CHAOS_DOORBELLS'];
const FAULT_MS = Number(process.env['DOORSILL_CHAOS_FAULT_S'] ?? 10) * 1_000;
const CHOSEN = new RegExp(process.env['DOORSILL_CHAOS'] ?? '');
const FAULTS = SERVED_FAULTS.filter(({ name }) => CHOSEN.test(name));
const PATIENCE_S = 300;
const ASK_EVERY_MS = 10_000;
const READ_EVERY_MS = 2_000;
/** By default a bridge allows 60 open requests in a cell. */
const OPEN_MAX = 20;
const MEASURED_MS = 30_000;

/** Three percent of the owners share, more of a small fleet; as many take back. */
function profileOf(doorbells: number): string {
  const each = Math.max(3, Math.min(25, Math.round(300 / doorbells)));
  return `
scenes: { porch: { camera: "synthetic?size=640x360", width: 320, height: 180, kbitPerS: 200 } }
ramp: ${Math.ceil(doorbells / 10)}s
owners: { share: ${each}, decline: 10, revoke: ${each}, ignore: ${90 - 2 * each} }
answerAfter: { from: 0s, to: 4s }
revokeAfter: { from: 0s, to: 8s }
`;
}

const folder = temporaryFolder('served-fleet');
const running: Running[] = [];
let layout: ServedLayout | null = null;
let probes: ServedProbes | null = null;
afterAll(async () => {
  await probes?.stop();
  for (const { child } of running) child.kill('SIGKILL');
  await layout?.close();
  folder.dispose();
}, 120_000);

/** The witness checks the bridge's log for consistency with its last check, and cosigns it. */
async function witnessed({ urls, folder: at }: ServedLayout): Promise<void> {
  const words = ['--data', join(at, 'witness'), '--bridge', urls.bridge, '--once', '--json'];
  const { status, last, stderr } = await runCommand(['audit', 'witness', ...words]);
  expect([status, last], stderr).toEqual([0, expect.objectContaining({ event: 'seen', served: true })]);
}

async function startFleet(
  { urls, home, folder: at }: ServedLayout,
  bearer: string,
  doorbells: number,
): Promise<Running> {
  const [profile, code] = [join(at, 'profile.yaml'), join(at, 'batch.code')];
  await writeFile(profile, profileOf(doorbells));
  const printed = await createEnrolmentCode(urls.bridge, bearer, { devices: doorbells, lifeS: 3_600 });
  await writeFile(code, printed.code, { mode: 0o600 });
  const size = ['--doorbells', String(doorbells), '--seed', '3', '--profile', profile];
  const links = ['--bridge', urls.bridge, '--enrol', code, '--broker', urls.areaBroker];
  const homes = ['--home-broker', home.url, '--home-accounts', home.accounts];
  const data = ['--data', join(at, 'fleet'), '--json'];
  const fleet = new Running(['fleet', ...size, ...links, ...homes, ...data]);
  running.push(fleet);
  await fleet.line('all doorbells', ({ event, up }) => event === 'second' && up === doorbells, PATIENCE_S);
  return fleet;
}

/**
 * An agency asks the fleet's homes for footage again and again, resolves the oldest request for a new one, and lists and downloads clips, until
 * `stop`, which resolves with how its downloads ended.
 */
async function startAgency({ urls, agency: { key } }: ServedLayout) {
  const deps = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk() };
  const bridge = await bridgeAt(urls.bridge);
  const stopping = new AbortController();
  const open: string[] = [];
  const ask = async () => {
    open.push(await askFleet(deps, key, bridge, 'package-theft'));
    const [oldest] = open.length > OPEN_MAX ? open.splice(0, 1) : [];
    if (oldest) await callAboutRequest(deps, key, bridge, oldest, 'resolve');
  };
  const downloads = { whole: 0, 'handed-over': 0, broken: 0 };
  let reads = 0;
  const read = async () => {
    const { clips } = await listClipPage(deps, key, bridge, { officer: 'fleet', reason: 'what arrived' });
    const clip = clips[reads % clips.length];
    reads += 1;
    if (clip) downloads[await downloadWhole(deps, key, bridge, clip)] += 1;
  };
  const again = async (everyMs: number, act: () => Promise<void>) => {
    while (!stopping.signal.aborted) {
      // A fault may refuse it.
      await act().catch((thrown: unknown) => {
        if (!isFailure(thrown)) throw thrown;
      });
      await deps.clock.sleep(everyMs, stopping.signal).catch(() => undefined);
    }
  };
  const acting = Promise.all([again(ASK_EVERY_MS, ask), again(READ_EVERY_MS, read)]);
  return {
    stop: async () => {
      stopping.abort();
      await acting;
      return downloads;
    },
  };
}

/** A layout with a fleet at it and an agency that asks. */
async function serve(doorbells: number) {
  const opened = await ServedLayout.open(join(folder.path, `layout-${doorbells}`));
  layout = opened;
  const bearer = await opened.bearer('secrets');
  const fleet = await startFleet(opened, bearer, doorbells);
  const agency = await startAgency(opened);
  await goesOnUnlessStuck(fleet, 'the start');
  return { layout: opened, bearer, fleet, agency, doorbells };
}

/** Serves as many doorbells as this machine feeds with room for what a fault costs, and begins anew with fewer where there is none. */
async function serveWithRoom(): ReturnType<typeof serve> {
  if (CHOSEN_DOORBELLS) return serve(Number(CHOSEN_DOORBELLS));
  const { doorbells: first, rate } = await doorbellsFed();
  console.log(`this machine does ${rate} pieces of work a second, which would feed ${first} doorbells`);
  for (let doorbells = first; ; ) {
    const served = await serve(doorbells);
    const idle = await idleShare(MEASURED_MS);
    const fed = doorbellsWithRoom(doorbells, idle);
    console.log(`${doorbells} doorbells leave ${Math.round(100 * idle)} % of the processors idle`);
    if (fed === doorbells) return served;
    await served.agency.stop();
    served.fleet.child.kill('SIGINT');
    await served.fleet.ended(PATIENCE_S);
    await served.layout.close();
    doorbells = fed;
  }
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;

it('loses nothing acknowledged under any fault of a production layout', {
  timeout: 5_400_000,
}, async (test) => {
  const { layout, bearer, fleet, agency, doorbells } = await serveWithRoom();
  await witnessed(layout);
  probes = new ServedProbes(layout, bearer);
  for (const { name, strike } of FAULTS) {
    probes.takeAway();
    const said = await strike(layout, FAULT_MS);
    const lateMs = await goesOnUnlessStuck(fleet, name);
    const { readsMs, writesMs } = probes.takeAway();
    await witnessed(layout);
    const away = `nobody could read for ${seconds(readsMs)}, nor write for ${seconds(writesMs)}`;
    const figure = `${said}; ${away}; clips and recalls go on ${seconds(lateMs)} later`;
    console.log(`${name} under a fleet of ${doorbells}: ${figure}`);
    proved(test, `${name} under a fleet of ${doorbells}`, figure);
  }
  const downloads = await agency.stop();
  console.log(`downloads under faults: ${JSON.stringify(downloads)}`);
  expect(downloads.broken).toBe(0);
  fleet.child.kill('SIGINT');
  const status = await fleet.ended(PATIENCE_S);
  const ended = fleet.lines.findLast(({ event }) => event === 'ended');
  expect(status, JSON.stringify(ended ?? fleet.lines.at(-1))).toBe(0);
  expect(ended).toMatchObject({ up: doorbells, failed: 0, died: 0, segmentsLost: 0 });
  await probes.stop();
  await settled(layout, PATIENCE_S);
  const told = await toldHomes(join(layout.folder, 'fleet'));
  const { acknowledged } = probes;
  const { arrived, shown, takenBack } = await judge(layout, told, acknowledged);
  expect(told.stored.size).toBeGreaterThan(0);
  expect(told.takenBack.size).toBeGreaterThan(0);
  await witnessed(layout);
  // The same checks detect tampering.
  for (const { what, tamper } of TAMPERINGS) {
    const undo = await tamper(layout, acknowledged);
    await expect(judge(layout, told, acknowledged), what).rejects.toThrow();
    await undo();
  }
  await judge(layout, told, acknowledged);
  const writes = `${told.stored.size} clips, ${takenBack} recalls and ${acknowledged.length} other writes acknowledged, 0 lost`;
  const clips = `${arrived} clips arrived, 0 twice, ${shown} shown, 0 after a recall; log whole, witness content`;
  proved(test, `${FAULTS.length} faults under a fleet of ${doorbells}`, `${writes}; ${clips}`);
});
