// Records what clip/ and upload/ report about a grant before it takes effect. Runs inside the gate's queue.
import { verifySignature } from '@doorsill/base/keys';
import { assert } from '@doorsill/contract/assert';
import { type ErrorCode, failure } from '@doorsill/contract/errors';
import type { ReceiptClip } from '@doorsill/contract/home-messages';
import type { IntakeReceipt } from '@doorsill/contract/manifest';
import type { DisclosedValues } from '@doorsill/contract/shared-claims';
import { assertAnswered, assertStored, openIntake, vaultNamedIn } from '@doorsill/contract/verify-intake-receipt';
import type { ConsentContext } from './consent-context.ts';
import type { EffectRunner, StepDetails } from './effect-runner.ts';
import type { RequestInput, RequestState } from './request-machine.ts';

export class ClipReportHandler {
  private readonly context: ConsentContext;
  private readonly runner: EffectRunner;

  constructor(context: ConsentContext, runner: EffectRunner) {
    this.context = context;
    this.runner = runner;
  }

  async clipSealed(grant: string, clip: ReceiptClip, disclosed?: DisclosedValues): Promise<void> {
    this.assertAlive(grant);
    const { request } = this.about(grant);
    const values = disclosed === undefined ? {} : { disclosed };
    const body: StepDetails['body'] = { type: 'sealed', body: { request, grant, clip, ...values } };
    await this.take({ type: 'sealed', grant, clip }, { request, body, clip });
  }

  async tokenPresented(grant: string): Promise<void> {
    this.assertAlive(grant);
    const { request } = this.about(grant);
    await this.take(
      { type: 'presented', grant },
      { request, body: { type: 'token-presented', body: { request, grant } } },
    );
  }

  async delivered(grant: string, intake: string): Promise<void> {
    const { request, state } = this.about(grant);
    const clip = clipOf(state);
    assertStored(this.openIntake(request, grant, intake), clip);
    const body: StepDetails['body'] = { type: 'delivered', body: { request, grant, intake } };
    await this.take({ type: 'delivered', grant }, { request, body, intake, clip });
  }

  async revocationAnswered(grant: string, intake: string): Promise<void> {
    const { request, state } = this.about(grant);
    const answer = this.openIntake(request, grant, intake);
    assertAnswered(answer, clipOf(state), vaultNamedIn(this.context.state.record(request).intake), verifySignature);
    const isDeleted = answer.outcome === 'deleted';
    const body: StepDetails['body'] = { type: isDeleted ? 'deleted' : 'recalled', body: { request, grant, intake } };
    await this.take({ type: isDeleted ? 'deleted' : 'kept', grant }, { request, body, intake });
  }

  async failed(grant: string, code: ErrorCode): Promise<void> {
    const { request } = this.about(grant);
    await this.take(
      { type: 'failed', grant, code },
      { request, body: { type: 'failed', body: { request, grant, code } } },
    );
  }

  private async take(input: RequestInput, details: StepDetails): Promise<void> {
    await this.runner.perform(this.runner.step(details.request, input), details);
  }

  private about(grant: string): { request: string; state: RequestState } {
    const request = this.context.state.requestOf.get(grant);
    if (request === undefined) throw failure('grant_dead', { detail: 'this device does not know the grant' });
    return { request, state: this.context.state.record(request).state };
  }

  private assertAlive(grant: string): void {
    const live = this.runner.liveGrant(grant);
    if (!live) throw failure('grant_dead', { detail: 'it has ended' });
    live.assertAlive();
  }

  private openIntake(request: string, grant: string, intake: string): IntakeReceipt {
    const { pins } = this.context.state;
    assert(pins !== null, 'a device that granted is enrolled');
    // Only the bridge that the clip was for may report on it, and the device may be enrolled with another one by now.
    if (this.context.state.record(request).bridge !== pins.bridge) {
      throw failure('verify_failed', { detail: 'the clip was for another bridge' });
    }
    return openIntake(intake, {
      bridgeKey: pins.bridgeKey,
      device: this.context.deps.device.id,
      grant,
      verify: verifySignature,
    });
  }
}

/** The clip that a bridge's receipt must name. */
function clipOf(state: RequestState): ReceiptClip | null {
  if ('clip' in state) return state.clip;
  return 'presented' in state ? state.presented : null;
}
