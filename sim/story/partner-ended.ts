// The story of a partnership that ends while a request is open: requests are cancelled, devices are informed, uploads stop.
import { exchangeJson } from '@doorsill/contract/json-client';
import { callAboutRequest, postRequest } from '../officer/agency-client.ts';
import { addPartner, listPartners, setPartnerStatus } from '../officer/bridge-operator.ts';
import type { StoryDeps } from './story-deps.ts';
import { Stage } from './story-testbed.ts';

const PARTNER = 'plate-watch';

export function runPartnerEndedStory(deps: StoryDeps & { logLevel: string }, signal: AbortSignal): Promise<void> {
  return Stage.run({ name: 'partner-ended', logLevel: deps.logLevel }, deps, signal, async (stage) => {
    await flockSafety(stage);
    await midRequest(stage);
  });
}

function through(stage: Stage, partner: string, token: string, bearer: string): Promise<unknown> {
  const url = `${stage.bridge.url}/v1/partners/${partner}/requests`;
  return exchangeJson(url, { method: 'POST', body: { request: token }, bearer });
}

/** A partner whose partnership had ended before. */
async function flockSafety(stage: Stage): Promise<void> {
  const partners = await listPartners(stage.bridge);
  const flock = partners.find(({ partner }) => partner === 'flock-safety');
  stage.say(`Partners of this bridge: ${flock?.name}, ${flock?.status} since ${flock?.since}.`, { partners });
  const partner = 'flock-safety';
  const anyToken = 'a-token-from-when-it-was-a-partner';
  await stage.refused('A request through it', 'partner_ended', () =>
    through(stage, partner, stage.ask({ partner }).token, anyToken),
  );
  await stage.refused('The same request posted directly', 'partner_ended', () =>
    postRequest(stage.bridge.url, stage.ask({ partner }).token),
  );
  await stage.refused('A webhook of it', 'partner_ended', () =>
    exchangeJson(`${stage.bridge.url}/v1/partners/${partner}/webhooks`, { method: 'POST', body: {} }),
  );
  await stage.refused('A new token for it', 'partner_ended', () =>
    stage.asOperator('POST', `/v1/partners/${partner}/tokens`),
  );
}

/** A partnership that ends while a request through its channel is open. */
async function midRequest(stage: Stage): Promise<void> {
  const { bridge, deps, facts } = stage;
  const secrets = await addPartner(deps.disk, bridge, PARTNER, 'Plate Watch');
  stage.say('The operator enters another partner, Plate Watch, as active.');
  const window = await stage.footage();
  const [asked, direct] = [stage.ask({ partner: PARTNER }), stage.ask()];
  const notice = await stage.notified(asked.id, () => through(stage, PARTNER, asked.token, secrets.token));
  const own = await stage.notified(direct.id, () => postRequest(bridge.url, direct.token));
  stage.say('An agency asks through it, and once directly; the doorbell shows both to its owner.');
  const { cancelled } = await setPartnerStatus(deps.disk, bridge, PARTNER, 'ended');
  stage.say(`The operator ends the partnership: ${cancelled} open request is cancelled.`, { cancelled });
  stage.prove('ending a partner cancels what is open through it', cancelled === 1);
  const view = await callAboutRequest(deps, facts.agencyKey, bridge, asked.id, 'see');
  stage.prove('the agency is told why', view.state === 'cancelled' && view.reason === 'partner-ended');
  await stage.closedAtDoorbell(asked.id);
  stage.prove('the doorbell is told, and shows the request no more', true);
  await stage.refused('The owner’s grant, which comes too late', 'consent_request_cancelled', () =>
    stage.grant(notice, window),
  );
  await stage.refused('Another request through it, with its own token', 'partner_ended', () =>
    through(stage, PARTNER, stage.ask({ partner: PARTNER }).token, secrets.token),
  );
  await stage.refused('Bringing it back', 'partner_ended', () =>
    stage.asOperator('POST', `/v1/partners/${PARTNER}/status`, { status: 'active', revision: 2 }),
  );
  await stage.grant(own, window);
  stage.prove(
    'nothing was uploaded for it, while the direct request was served',
    (await stage.clips()).join() === direct.id,
  );
}
