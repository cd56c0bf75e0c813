// The previews that are live. A preview is the clip that a grant would release, cut for the owner to look at first. It is ended by expiry,
// by privacy, by forgetting footage, and by whatever would end a grant of the same request.
import type { Timer } from '@doorsill/base/clock';
import { freshId, type Random } from '@doorsill/base/random';
import { PREVIEW_LIFE_MS } from '@doorsill/contract/console-messages';
import { failure } from '@doorsill/contract/errors';
import type { ConsentContext } from './consent-context.ts';
import type { LivePreview, mintLivePreview, PreviewTerms } from './live-preview.ts';
import type { RequestState } from './request-machine.ts';
import { previewFault } from './verify-owner.ts';

/** Limited because each keeps a clip on the disk. */
const PREVIEWS_MAX = 2;

/** States of a request in which a preview can no longer lead to a grant. */
const DECIDED: ReadonlySet<RequestState['at']> = new Set([
  ...(['sealed', 'presented', 'delivered', 'revoking', 'recalled', 'denied'] as const),
]);

interface Held {
  live: LivePreview;
  timer: Timer;
  end(detail: string): void;
}

export class Previews {
  private readonly context: ConsentContext;
  private readonly mint: typeof mintLivePreview;
  private readonly held = new Map<string, Held>();

  constructor(context: ConsentContext, mint: typeof mintLivePreview) {
    this.context = context;
    this.mint = mint;
  }

  /**
   * Makes a permit to cut a clip for an owner to look at. Throws the refusal that a grant of these terms would get,
   * `console_privacy_on`, `preview_too_many`, `consent_ledger_damaged`.
   */
  open(terms: PreviewTerms, random: Random): LivePreview {
    const { context } = this;
    const { clock, footage } = context.deps;
    context.assertWhole();
    if (context.state.privacyOn) throw failure('console_privacy_on');
    this.sweep();
    if (this.held.size >= PREVIEWS_MAX) throw failure('preview_too_many', { most: PREVIEWS_MAX });
    const judged = { clock, clockTrusted: context.marks.clockTrusted(), answerable: context.answerable, footage };
    const fault = previewFault(terms, { ...judged, values: context.settings.disclosure });
    if (fault) throw fault;
    const { live, end } = this.mint(freshId(random, 'preview'), terms);
    const timer = clock.after(PREVIEW_LIFE_MS, () => this.end(live.id, 'its time is over'));
    this.held.set(live.id, { live, timer, end });
    return live;
  }

  /** The live preview of this id; null when there is none. */
  find(id: string): LivePreview | null {
    return this.held.get(id)?.live ?? null;
  }

  /** The live previews, oldest first. */
  list(): LivePreview[] {
    this.sweep();
    return [...this.held.values()].map(({ live }) => live);
  }

  /** Ends a preview; does nothing when it has ended. */
  end(id: string, detail: string): void {
    const held = this.held.get(id);
    if (!held) return;
    this.held.delete(id);
    held.timer.cancel();
    held.end(detail);
  }

  endAll(detail: string): void {
    for (const id of [...this.held.keys()]) this.end(id, detail);
  }

  /** Ends previews of requests that were closed or decided, and all previews while privacy is on. */
  sweep(): void {
    const { answerable, state } = this.context;
    if (state.privacyOn) this.endAll('privacy is on');
    for (const [id, { live }] of this.held) {
      if (!answerable.find(live.cut.request)) this.end(id, 'its request is not open any more');
      // A `granted` request is not decided yet: its clip is still to be taken from the preview.
      else if (DECIDED.has(state.record(live.cut.request).state.at)) this.end(id, 'its request is decided');
    }
  }
}
