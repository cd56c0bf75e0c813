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
import { askForEnrolmentCode } from '../../../sim/officer/enrolment-code.ts';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';
import { ServedLayout } from '../../support/served-layout.ts';
import { doorbellsFed, goesOnUnlessStuck } from './fleet-watch.ts';
import { SERVED_FAULTS } from './served-faults.ts';
import { judge, settled, TAMPERINGS, toldHomes } from './served-judgement.ts';
import { ServedProbes } from './served-probes.ts';

const { doorbells: FED, rate: RATE } = await doorbellsFed();
/**
 * As many as this machine can run. `DOORSILL_CHAOS_DOORBELLS=20 DOORSILL_CHAOS_FAULT_S=3 DOORSILL_CHAOS='NATS|bucket'` is a short form:
 * number of doorbells, seconds a fault, only these faults.
 */
const DOORBELLS = Number(process.env['DOORSILL_CHAOS_DOORBELLS'] ?? FED);
const FAULT_MS = Number(process.env['DOORSILL_CHAOS_FAULT_S'] ?? 10) * 1_000;
const CHOSEN = new RegExp(process.env['DOORSILL_CHAOS'] ?? '');
const FAULTS = SERVED_FAULTS.filter(({ name }) => CHOSEN.test(name));
const PATIENCE_S = 300;
const ASKED_A_MINUTE = 6;
/** Percent of the owners who grant, and of those who revoke: about 20 clips a request, which two cores cut in 10 s. */
const EACH = Math.max(3, Math.min(25, Math.round(300 / DOORBELLS)));
const PROFILE = `
scenes: { porch: { camera: "synthetic?size=640x360", width: 320, height: 180, kbitPerS: 200 } }
ramp: ${Math.ceil(DOORBELLS / 10)}s
owners: { share: ${EACH}, decline: 10, revoke: ${EACH}, ignore: ${90 - 2 * EACH} }
answerAfter: { from: 0s, to: 4s }
revokeAfter: { from: 0s, to: 8s }
`;

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

async function startFleet({ urls, home }: ServedLayout, bearer: string): Promise<Running> {
  const [profile, code] = [join(folder.path, 'profile.yaml'), join(folder.path, 'batch.code')];
  await writeFile(profile, PROFILE);
  const printed = await askForEnrolmentCode(urls.bridge, bearer, { devices: DOORBELLS, lifeS: 3_600 });
  await writeFile(code, printed.code, { mode: 0o600 });
  const size = ['--doorbells', String(DOORBELLS), '--seed', '3', '--profile', profile];
  const links = ['--bridge', urls.bridge, '--enrol', code, '--broker', urls.areaBroker];
  const homes = ['--home-broker', home.url, '--home-accounts', home.accounts];
  const data = ['--data', join(folder.path, 'fleet'), '--json'];
  const fleet = new Running(['fleet', ...size, ...links, ...homes, ...data]);
  running.push(fleet);
  await fleet.line('all doorbells', ({ event, up }) => event === 'second' && up === DOORBELLS, PATIENCE_S);
  return fleet;
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;

it('loses nothing acknowledged under any fault of a production layout', {
  timeout: 3_600_000,
}, async (test) => {
  console.log(`${DOORBELLS} doorbells: this machine does ${RATE} pieces of work a second, and feeds ${FED}`);
  layout = await ServedLayout.open(join(folder.path, 'layout'));
  const bearer = await layout.bearer('secrets');
  const fleet = await startFleet(layout, bearer);
  const asking = ['--ask', String(ASKED_A_MINUTE), '--poll', '30', '--download', '30', '--open', '20'];
  const load = new Running([
    ...['fleet', 'load', '--bridge', layout.urls.bridge, '--agency', layout.agency.folder],
    ...[...asking, '--seed', '3', '--json'],
  ]);
  running.push(load);
  await goesOnUnlessStuck(fleet, 'the start');
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
    console.log(`${name} under a fleet of ${DOORBELLS}: ${figure}`);
    proved(test, `${name} under a fleet of ${DOORBELLS}`, figure);
  }
  load.child.kill('SIGINT');
  await load.ended(PATIENCE_S);
  expect(load.lines.findLast(({ event }) => event === 'ended')).toMatchObject({ broken: 0 });
  fleet.child.kill('SIGINT');
  expect(await fleet.ended(PATIENCE_S)).toBe(0);
  const ended = fleet.lines.findLast(({ event }) => event === 'ended');
  expect(ended).toMatchObject({ up: DOORBELLS, failed: 0, died: 0, segmentsLost: 0 });
  await probes.stop();
  await settled(layout, PATIENCE_S);
  const told = await toldHomes(join(folder.path, 'fleet'));
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
  proved(test, `${FAULTS.length} faults under a fleet of ${DOORBELLS}`, `${writes}; ${clips}`);
});
