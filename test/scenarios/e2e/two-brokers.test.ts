// @module-tag long
// @module-tag mosquitto
// Home and area on two separate brokers, one of them a stock mosquitto: a whole granted story, every part started by its own verb.

import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { issueAccount, listAccounts } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { verifyClip } from '../../../device/clip/verify-clip.ts';
import { exchangeJson } from '../../../device/contract/json-client.ts';
import type { VerifiedNotice } from '../../../device/contract/read-request-notice.ts';
import type { Window } from '../../../device/contract/shared-claims.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from '../../../device/identity.ts';
import { loadOrCreateOwnerKey } from '../../../device/owner/owner-key.ts';
import { OwnerSession } from '../../../device/owner/owner-session.ts';
import { listPairedDevices } from '../../../device/owner/paired-devices.ts';
import { makeGrant } from '../../../device/owner/sign-owner-messages.ts';
import { askForState } from '../../../device/terminal/owner-requests.ts';
import { loadAgencyKey, postRequest, signFootageRequest } from '../../../sim/officer/agency-client.ts';
import { adminBearer, registerAgency } from '../../../sim/officer/registration.ts';
import { demoAsk } from '../../../sim/story/demo-request.ts';
import { sendDecision } from '../../../sim/story/send-decision.ts';
import { DEMO_HOME } from '../../../sim/testbed/testbed.ts';
import { BROKERS, type BrokerKind } from '../../support/broker.ts';
import { type Line, Running, runCommand, temporaryFolder } from '../../support/command-line.ts';
import { freePort, Mosquitto } from '../../support/mosquitto.ts';
import { proved } from '../../support/proved.ts';

const PATIENCE_MS = 90_000;
const CLIP_US = 3_000_000;
const seams = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk(), log: silentLog() };
const textOf = (line: Line, name: string) => z.string().parse(line[name]);

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
}, 60_000);

/** Starts a part and returns its ready line. */
async function part(...args: string[]): Promise<Line> {
  const running = new Running([...args, '--json']);
  ends.push(() => running.stop());
  return running.line(args.join(' '), ({ event }) => event === 'ready' || event === 'written');
}

/** A broker with its accounts in `folder`; `bridge broker acl --watch` updates a mosquitto. */
async function startBroker(kind: BrokerKind, folder: string): Promise<string> {
  if (kind === 'embedded') return textOf(await part('bridge', 'broker', '--data', folder, '--port', '0'), 'url');
  const port = await freePort();
  await part('bridge', 'broker', 'acl', '--data', folder, '--port', String(port), '--watch');
  const broker = await Mosquitto.run(join(folder, 'mosquitto', 'mosquitto.conf'), port);
  ends.push(() => broker.stop());
  return `mqtt://127.0.0.1:${port}`;
}

const kinds: BrokerKind[] = process.env['DOORSILL_SLOW'] === '1' ? [...BROKERS] : ['embedded'];
it.for(kinds)(
  'a story completes with the home on %s and the area on the other',
  { timeout: 240_000 },
  async (homeKind, context) => {
    const areaKind: BrokerKind = homeKind === 'embedded' ? 'mosquitto' : 'embedded';
    const folder = temporaryFolder('two-brokers');
    ends.push(() => folder.dispose());
    const at = (...names: string[]) => join(folder.path, ...names);

    const [homeUrl, areaUrl, registry] = await Promise.all([
      startBroker(homeKind, at('home')),
      startBroker(areaKind, at('area')),
      part('bridge', 'registry', '--data', at('registry')),
    ]);
    const registryUrl = textOf(registry, 'url');
    const agencyKey = await loadAgencyKey(seams, at('agency'));
    await registerAgency(seams, { registryUrl, registry: textOf(registry, 'id'), folder: at('registry') }, agencyKey);
    await mkdir(at('bridge'));
    await writeFile(at('bridge', 'bridge.json'), JSON.stringify({ requests: { moderation: 'nothing' } }));
    const bridge = await part(
      ...['bridge', '--data', at('bridge'), '--registry', registryUrl, '--registry-key', textOf(registry, 'key')],
      ...['--area-url', areaUrl, '--area-accounts', at('area', 'accounts')],
    );
    const bridgeUrl = textOf(bridge, 'url');

    // The home: the device's own account, then its file.
    await mkdir(at('porch'));
    const id = deviceIdOf(await loadOrCreateDeviceKey(seams.disk, seams.random, at('porch')));
    const homeAccounts = at('home', 'accounts');
    const account = await issueAccount(seams.disk, seams.random, homeAccounts, { role: 'device-home', id });
    const settings = {
      ...DEMO_HOME,
      camera: 'synthetic?size=320x180',
      home: { url: homeUrl, ...account, accounts: homeAccounts },
    };
    await writeFile(at('porch', 'device.json'), JSON.stringify(settings));
    const bearer = await adminBearer(seams.disk, at('bridge'));
    const { code } = z
      .object({ code: z.string() })
      .parse(await exchangeJson(`${bridgeUrl}/v1/enrolment-codes`, { method: 'POST', body: {}, bearer }));
    await writeFile(at('code'), code, { mode: 0o600 });
    const device = await part('device', '--data', at('porch'), '--enrol', at('code'));
    const paired = await runCommand(['pair', '--socket', textOf(device, 'socket'), '--owner', at('me'), '--json']);
    expect(paired.status, paired.stderr).toBe(0);

    // Footage, a request, a grant, the clip at the bridge.
    const [home] = await listPairedDevices(seams.disk, at('me'));
    if (!home) throw new Error('no home is paired');
    expect(home.account.url).toBe(homeUrl);
    const session = new OwnerSession(home, seams);
    ends.push(() => session.stop());
    await expect
      .poll(
        () =>
          session.start().then(
            () => true,
            () => false,
          ),
        { timeout: PATIENCE_MS },
      )
      .toBe(true);
    const key = await loadOrCreateOwnerKey(seams.disk, seams.random, at('me', 'owner.key'));
    const signer = { ...seams, key };
    const asking = setInterval(() => askForState(session, signer), 500);
    const window = await session
      .waitFor<Window>('the footage', PATIENCE_MS, (found) => ({
        state: ({ ring }) => {
          const last = ring.coverage.at(-1);
          if (last && last.endUs - last.startUs >= CLIP_US) found({ startUs: last.endUs - CLIP_US, endUs: last.endUs });
        },
      }))
      .finally(() => clearInterval(asking));
    const nowUs = seams.clock.wallUs();
    const ask = demoAsk(seams.clock, DEMO_HOME.place, { startUs: nowUs, endUs: nowUs }, 'address-and-email');
    const request = signFootageRequest(seams, agencyKey, textOf(bridge, 'id'), ask);
    const notice = await session.waitFor<VerifiedNotice>(
      'the request',
      PATIENCE_MS,
      (found) => ({ notice: (heard) => heard.request.jti === request.id && found(heard) }),
      () => postRequest(bridgeUrl, request.token).then(() => undefined),
    );
    const grant = makeGrant(signer, notice, { window, disclose: ['address'] });
    const receipt = await sendDecision(session, 'grant', grant, PATIENCE_MS, ['sent']);

    const clip = at('bridge', 'clips', receipt.clip?.id ?? 'none');
    const { manifest } = await verifyClip(
      createReadStream(join(clip, 'clip.mp4')),
      readFileSync(join(clip, 'manifest.jws'), 'utf8').trim(),
      { bridgeKey: textOf(bridge, 'key'), ...(receipt.intake === undefined ? {} : { receipt: receipt.intake }) },
    );
    expect(manifest).toMatchObject({ window, frames: 45 });
    expect(readdirSync(at('bridge', 'clips')).filter((name) => name.startsWith('clip-'))).toHaveLength(1);
    // Neither broker has an account of the other's.
    const roles = async (accounts: string) =>
      (await listAccounts(seams.disk, accounts)).map((user) => user.replace(/-[0-9a-f]{32}$/, '')).sort();
    expect(await roles(homeAccounts)).toEqual(['device-home-device', 'owner']);
    expect(await roles(at('area', 'accounts'))).toEqual(['bridge-bridge', 'device-area-device']);
    proved(
      context,
      `a granted story with the home on ${homeKind} and the area on ${areaKind}`,
      `${manifest.frames} frames at the bridge`,
    );
  },
);
