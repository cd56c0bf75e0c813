// The story of a community request: posted, reviewed by a person, published, answered by one home, resolved; the agency cannot tell an
// answer from silence.
import { exchangeJson } from '@doorsill/contract/json-client';
import { z } from 'zod';
import { callAboutRequest, postRequest } from '../officer/agency-client.ts';
import { decideRequest, waitingRequests } from '../officer/bridge-operator.ts';
import type { StoryDeps } from './story-deps.ts';
import { letters, Stage } from './story-testbed.ts';

const profileSchema = z.object({ _doorsill: z.object({ outcomes: z.record(z.string(), z.number()) }) });

export function runCommunityRequestStory(deps: StoryDeps & { logLevel: string }, signal: AbortSignal): Promise<void> {
  return Stage.run({ name: 'community-request', logLevel: deps.logLevel }, deps, signal, async (stage) => {
    await moderation(stage);
    await publication(stage);
  });
}

/** Requests whose wording a person must review: one is turned down, one is published. */
async function moderation(stage: Stage): Promise<void> {
  const { bridge, deps } = stage;
  const barred = stage.ask({ text: 'Who took part in the protest in front of city hall? Please share what you have.' });
  const view = await postRequest(bridge.url, barred.token);
  const [finding] = view.findings;
  stage.say(`An officer asks about a protest. It is ${view.state}: ${finding?.why} ("${finding?.words}")`, { view });
  stage.prove('a request whose words point to something barred waits for a person', view.state === 'in_moderation');
  stage.prove('and is not on the feed meanwhile', !(await stage.feed()).has(barred.id));
  await decideRequest(deps.disk, bridge, barred.id, 'refuse', { reason: 'Protests are lawful activity.' });
  const refused = await callAboutRequest(deps, stage.facts.agencyKey, bridge, barred.id, 'see');
  stage.say(`The moderator refuses it; the agency is told why: ${refused.reason}`, { view: refused });
  stage.prove('a refusal carries its reason', refused.state === 'refused' && refused.reason !== undefined);

  const church = stage.ask({ text: 'A bicycle was stolen in front of the church on Maple Street.' });
  await postRequest(bridge.url, church.token);
  const waiting = await waitingRequests(deps.disk, bridge);
  stage.say(`A theft in front of a church waits, too: ${waiting[0]?.findings.map(({ why }) => why).join(' ')}`);
  await decideRequest(deps.disk, bridge, church.id, 'approve', {});
  stage.say('The moderator reads it and lets it through: words alone decide nothing.');
  stage.prove('what a person approves is published', (await stage.feed()).get(church.id) === 'published');
}

/** A request that is published, answered by one home and resolved. */
async function publication(stage: Stage): Promise<void> {
  const { bridge, deps, facts } = stage;
  const window = await stage.footage();
  const investigation = `SPD-${deps.clock.wallUs()}`;
  const [first, second, third] = [0, 1, 2].map(() => stage.ask({ investigation }));
  if (!first || !second || !third) return;
  const notice = await stage.notified(first.id, () => postRequest(bridge.url, first.token));
  await postRequest(bridge.url, second.token);
  stage.say(`The doorbell shows its owner: ${notice.credential.name} asks about ${notice.request.incidentType}.`);
  await stage.refused('A third post of the same investigation', 'request_limits', () =>
    postRequest(bridge.url, third.token),
  );

  const see = (id: string) => callAboutRequest(deps, facts.agencyKey, bridge, id, 'see');
  const before = letters(await see(first.id));
  const receipt = await stage.grant(notice, window);
  stage.say(`The owner grants 3 s of it: ${receipt.clip?.frames} frames are at the bridge.`, { clip: receipt.clip });
  const [answered, silent] = [letters(await see(first.id)), letters(await see(second.id))];
  stage.prove('the agency’s view of its request is the same before and after an answer', answered === before);
  stage.prove(
    'and the same for the request that nobody answers',
    silent.replace(second.id, '') === answered.replace(first.id, ''),
  );
  stage.prove('the granted clip is the only one', (await stage.clips()).join() === first.id);

  await callAboutRequest(deps, facts.agencyKey, bridge, first.id, 'resolve');
  stage.say('The agency marks it as resolved.');
  await stage.closedAtDoorbell(first.id);
  stage.prove('devices hear that it is over', true);
  stage.prove('it stays on the feed, as resolved', (await stage.feed()).get(first.id) === 'resolved');
  await stage.refused('Taking a published request back', 'request_state', () =>
    callAboutRequest(deps, facts.agencyKey, bridge, second.id, 'withdraw'),
  );
  const url = `${bridge.url}/neighbors/agencies/${notice.credential.agency}/feed.json`;
  const { outcomes } = profileSchema.parse(await exchangeJson(url, { method: 'GET' }))._doorsill;
  stage.say(`The agency’s profile counts: ${JSON.stringify(outcomes)}.`, { outcomes });
  stage.prove(
    'outcomes are counted as published and resolved, and nothing else is counted',
    JSON.stringify(outcomes) === JSON.stringify({ published: 3, resolved: 1 }),
  );
}
