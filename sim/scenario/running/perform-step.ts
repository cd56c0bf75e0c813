// Performs a step's verb in its world, as the owner, the agency, the operator or the machine.

import { readFile } from 'node:fs/promises';
import { sha256Hex } from '@doorsill/base/keys';
import { cellOf } from '@doorsill/contract/area-cells';
import type { Receipt } from '@doorsill/contract/home-messages';
import type { CommandAction } from '@doorsill/contract/owner-orders';
import { giveOrder } from '@doorsill/device/owner/give-command';
import { makeDenial, makeGrant, makeRevoke } from '@doorsill/device/owner/sign-owner-messages';
import { failure } from '../../errors.ts';
import { postSearch } from '../../pet-owner/pet-owner.ts';
import { sendDecision } from '../../story/send-decision.ts';
import type { Step } from '../language/scenario.ts';
import type { ScenarioHome } from './scenario-home.ts';
import type { ScenarioWorld } from './scenario-world.ts';

/** How long an owner's order may take in the world's time. */
const ANSWER_MS_MAX = 20_000;

type MachineStep = Of<
  | 'reboot'
  | 'power-cut'
  | 'clock'
  | 'disk'
  | 'link'
  | 'part'
  | 'agency'
  | 'partner'
  | 'camera'
  | 'camera-fault'
  | 'wait'
>;
type Of<Verb extends Step['verb']> = Extract<Step, { verb: Verb }>;

/** Throws the coded refusal. */
export async function performStep(world: ScenarioWorld, step: Step): Promise<string> {
  const home = world.home(step.doorbell);
  switch (step.verb) {
    case 'press':
      await order(home, step, { action: 'press', button: step.button });
      return `press ${step.button}`;
    case 'privacy':
      await order(home, step, { action: 'privacy', on: step.on });
      return `privacy ${step.on ? 'on' : 'off'}`;
    case 'forget': {
      const window = step.span && world.windowOf(step.span);
      await order(home, step, { action: 'forget', ...(window ? { window } : {}) });
      return 'forget';
    }
    case 'settings':
      await changeSettings(home, step);
      return 'settings';
    case 'request':
      return ask(world, home, step);
    case 'grant':
      return grant(world, home, step);
    case 'deny':
      return deny(world, home, step);
    case 'ignore':
      return `ignore ${step.of}`;
    case 'revoke':
    case 'recall':
      return revoke(world, home, step);
    case 'withdraw':
      await world.agencies.withdraw(world.request(step.of).id);
      return `withdraw ${step.of}`;
    case 'add-owner':
      await home.addOwner(step.name);
      return `add owner ${step.name}`;
    case 'remove-owner':
      await order(home, step, { action: 'remove-owner', key: home.ownerKey(step.name) });
      return `remove owner ${step.name}`;
    case 'lost-pet':
      return lostPet(world, home, step);
    default:
      return machine(world, home, step);
  }
}

/** Steps of clocks, disks, links, parts and power. */
async function machine(world: ScenarioWorld, home: ScenarioHome, step: MachineStep): Promise<string> {
  switch (step.verb) {
    case 'reboot':
      await home.reboot();
      return 'reboot';
    case 'power-cut':
      await home.cutPower(step.forUs, step.leaves);
      return step.leaves === 'lost' ? 'power cut' : `power cut, unsynced writes ${step.leaves}`;
    case 'clock':
      return setClock(home, step);
    case 'disk':
      home.diskNow.set(step.is);
      return `disk ${step.is}`;
    case 'link':
      if (step.trouble === 'reset') home.links[step.which].reset();
      else home.links[step.which].set(step.trouble);
      return `link to ${step.which} ${step.is}`;
    case 'part':
      await (step.is === 'gone' ? world.services.end(step.part) : world.services.bring(step.part));
      return `${step.part} ${step.is}`;
    case 'agency':
      await world.agencies.set(step.id, step.standing);
      return `agency ${step.id} ${step.standing}`;
    case 'partner':
      await world.agencies.setPartner(step.id, step.standing);
      return `partner ${step.id} ${step.standing}`;
    case 'camera':
      home.doorbell.camera.plug(step.is === 'back');
      return `camera ${step.is}`;
    case 'camera-fault':
      // The footage was made with this fault.
      return `camera ${step.fault.text}`;
    case 'wait':
      await world.clock.sleep(step.forUs / 1_000);
      return 'wait';
  }
}

function order(home: ScenarioHome, step: Step, action: CommandAction): Promise<Receipt> {
  const { session, signer } = home.owner(step.owner);
  return giveOrder(session, signer, action, ANSWER_MS_MAX);
}

/** Only over the doorbell's own server, because brokers may not read settings. */
async function changeSettings(home: ScenarioHome, step: Of<'settings'>): Promise<void> {
  const { session, signer } = home.owner(step.owner);
  const device = { id: session.home.device, key: session.home.deviceKey };
  const own = await home.doorbell.home.sessionOf(signer.key);
  await own.order(signer, device, { action: 'change-settings', settings: step.change });
  await own.close();
}

function setClock(home: ScenarioHome, step: Of<'clock'>): string {
  const { clock } = home.doorbell;
  if ('set' in step) clock.set(step.set);
  else if ('stepUs' in step) clock.stepBy(step.stepUs);
  else if ('driftPpm' in step) clock.drift(step.driftPpm);
  else clock.trust(step.trusted);
  return 'clock';
}

async function ask(world: ScenarioWorld, home: ScenarioHome, step: Of<'request'>): Promise<string> {
  const window = world.windowOf(step.window);
  world.openRequest(step.as, { home, window });
  const view = await world.agencies.ask(step, window, home.setup.place);
  world.openRequest(step.as, { home, window, id: view.request });
  return `${step.agency} asks (${step.as}): ${view.state}`;
}

/** An owner's answer to a request. */
interface Answer {
  of: string;
  owner: string;
}

async function grant(world: ScenarioWorld, home: ScenarioHome, step: Of<'grant'>): Promise<string> {
  const { session, signer } = home.owner(step.owner);
  const { window: asked } = world.request(step.of);
  const notice = await world.noticeOf(home, step.of, ANSWER_MS_MAX);
  const [seen] = 'sighted' in notice ? notice.sighted : [];
  const window = step.window ? world.windowOf(step.window) : (seen?.window ?? asked);
  const { disclose, audio, zones } = step;
  const signed = makeGrant(signer, notice, { window, disclose, audio, zones });
  world.granted(step.of, home, signed);
  await sendDecision(session, 'grant', signed, ANSWER_MS_MAX);
  return `grant ${step.of}`;
}

async function deny(world: ScenarioWorld, home: ScenarioHome, { of, owner }: Answer): Promise<string> {
  const { session, signer } = home.owner(owner);
  const denial = makeDenial(signer, await world.noticeOf(home, of, ANSWER_MS_MAX));
  await sendDecision(session, 'deny', denial, ANSWER_MS_MAX);
  return `deny ${of}`;
}

async function revoke(world: ScenarioWorld, home: ScenarioHome, { of, owner }: Answer): Promise<string> {
  const { session, signer } = home.owner(owner);
  const { id: request, grant: given } = world.request(of);
  if (!given) throw failure('consent_nothing_to_revoke');
  const order = { request, grant: given.jti, grantSha256: sha256Hex(given.token) };
  await sendDecision(session, 'revoke', makeRevoke(signer, home.id, order), ANSWER_MS_MAX);
  return `revoke ${of}`;
}

async function lostPet(world: ScenarioWorld, home: ScenarioHome, step: Of<'lost-pet'>): Promise<string> {
  const { session, signer } = home.owner(step.owner);
  const bytes = new Uint8Array(await readFile(step.photo));
  const { startUs } = world.windowOf(step.window);
  const petOwner = { signer, home: session.home, bridgeUrl: world.services.bridge.url };
  const posted = await postSearch(
    petOwner,
    { name: step.photo, bytes },
    {
      kind: step.pet,
      text: step.text,
      profile: step.profile,
      cell: cellOf(home.setup.place),
      sinceUs: startUs,
      lifeS: 6 * 3_600,
    },
  );
  world.openRequest(step.as, { home, window: world.windowOf(step.window), id: posted.search, petOwner });
  return `lost ${step.pet} (${step.as})`;
}
