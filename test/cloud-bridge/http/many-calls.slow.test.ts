// Ten thousand small calls, five hundred at a time, are all answered, and every acknowledged write is there once after a restart.
import { Agent, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { HTTP_LIMITS } from '../../../device/base/http/http-server.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { textClaim } from '../../support/parties.ts';
import { proved } from '../../support/proved.ts';

const CALLS = 10_000;
const AT_ONCE = 500;
const PLENTY = 1_000_000;

let fixture: BridgeFixture;
afterEach(() => fixture.close());

interface Plan {
  method: 'GET' | 'POST';
  path: string;
  body?: string;
  bearer?: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

function call({ method, path, body, bearer }: Plan): Promise<{ status: number; body: string }> {
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
  };
  return new Promise((resolve, reject) => {
    const sent = httpRequest(`${fixture.bridge.url}${path}`, { method, headers, agent }, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

it('answers 10,000 calls, 500 at a time, without an error or a lost write', async (test) => {
  fixture = await BridgeFixture.open({
    // All calls come from one address.
    httpLimits: { ...HTTP_LIMITS, connectionsPerAddress: HTTP_LIMITS.connections },
    perMinuteMax: { signed: PLENTY, public: PLENTY, agency: PLENTY },
    bridge: { requests: { moderation: 'everything', waitingPerAgencyMax: PLENTY } },
  });
  await fixture.admitAgency();
  const posts = Array.from({ length: CALLS / 2 }, (_none, at) => fixture.cast.request({ investigation: `case-${at}` }));
  const reads = ['/v1/partners', '/neighbors/feed.json', '/v1/custody/head', '/v1/bridge', '/healthz'];
  const plans = posts.flatMap((request, at): Plan[] => [
    { method: 'POST', path: '/v1/requests', body: JSON.stringify({ request }) },
    { method: 'GET', path: reads[at % reads.length] ?? '' },
  ]);
  const clock = new SystemClock();
  const startMs = clock.monotonicMs();
  const acknowledged: string[] = [];
  const failed: string[] = [];
  let [next, underWay, most] = [0, 0, 0];
  const worker = async () => {
    for (let at = next++; at < plans.length; at = next++) {
      underWay += 1;
      most = Math.max(most, underWay);
      const plan = plans[at] as Plan;
      const answer = await call(plan).catch((thrown: Error) => ({ status: 0, body: thrown.message }));
      underWay -= 1;
      if (answer.status === 201) acknowledged.push(String(JSON.parse(answer.body).request));
      else if (answer.status !== 200)
        failed.push(`${plan.method} ${plan.path} ${answer.status} ${answer.body.slice(0, 200)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  agent.destroy();
  const seconds = (clock.monotonicMs() - startMs) / 1000;
  expect(failed.slice(0, 5)).toEqual([]);
  expect([acknowledged.length, most]).toEqual([posts.length, AT_ONCE]);
  await fixture.bridge.stop();
  await fixture.startBridge();
  await fixture.bridge.refreshRevocations();
  const kept: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const behind: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const bearer = fixture.agencyCall({ action: 'list-requests' });
    const { body } = await fixture.get(`/v1/requests?limit=200${behind}`, bearer);
    for (const { request } of body['requests'] as { request: string }[]) kept.push(request);
    cursor = body['next'] as string | null;
  }
  expect(kept).toHaveLength(posts.length);
  expect(new Set(kept)).toEqual(new Set(acknowledged));
  expect(new Set(kept)).toEqual(new Set(posts.map((token) => textClaim(token, 'jti'))));
  const rate = Math.round(CALLS / seconds);
  proved(
    test,
    'small calls at the bridge, 500 at a time',
    `${CALLS} in ${seconds.toFixed(1)} s (${rate}/s), none failed, no write lost`,
  );
}, 300_000);
