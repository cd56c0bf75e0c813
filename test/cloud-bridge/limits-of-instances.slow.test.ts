// Two instances of a bridge, two processes on one database, enforce one common limit for each caller.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SharedGround } from '../support/bridge-instances.ts';
import { BridgeProcesses } from '../support/bridge-processes.ts';

let ground: SharedGround;
let both: BridgeProcesses;
beforeAll(async () => {
  ground = await SharedGround.open();
  both = await BridgeProcesses.open(ground, { drainS: 0, http: { perMinuteMax: { agency: 10 } } });
}, 240_000);
afterAll(async () => {
  await both.close();
  await ground.close();
});

/** Answers of calls that go to one instance and the other in turn. */
async function inTurn(count: number, call: () => Promise<{ status: number; body: Record<string, unknown> }>) {
  const answers: unknown[] = [];
  for (let at = 0; at < count; at += 1) {
    both.at(at % 2 === 0 ? both.a : both.b);
    const { status, body } = await call();
    answers.push(status < 400 ? status : body['code']);
  }
  return answers;
}
const times = (count: number, answer: unknown) => Array(count).fill(answer);

it('an agency’s calls: the second instance counts what the first admitted', async () => {
  const { fixture } = both;
  const answers = await inTurn(14, () => fixture.get('/v1/requests', fixture.agencyCall({ action: 'list-requests' })));
  expect(answers).toEqual([...times(10, 200), ...times(4, 'http_rate_limited')]);
}, 60_000);

it('guesses of a code: after twenty at both together the reason is no longer given', async () => {
  const { fixture } = both;
  const guess = () => {
    const secret = 'g'.repeat(43);
    return fixture.post('/v1/enrolments', { secret, proof: fixture.enrolmentProof(secret) });
  };
  const answers = await inTurn(24, guess);
  expect(answers).toEqual([...times(20, 'enrolment_code_invalid'), ...times(4, 'http_rate_limited')]);
}, 60_000);

it('the rows in the database do not disclose who has called', async () => {
  const asked = `select length(name) as length from doorsill_bridge.call_counts`;
  const rows = await ground.postgres.ask(asked, both.database);
  expect(rows.length).toBeGreaterThanOrEqual(2);
  expect(new Set(rows.map(({ length }) => Number(length)))).toEqual(new Set([32]));
});
