import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { failure } from '../../../sim/errors.ts';
import { broken, countVerdicts, judged, leftOut, verdictText } from '../../../sim/prove/claim.ts';
import { proofHtml } from '../../../sim/prove/proof-page.ts';
import { sampleProof } from './support/sample-proof.ts';

describe('a claim', () => {
  const text = { id: 'a', title: 'A', done: 'd', shows: 's', notShown: 'n' };
  const check = (holds: boolean) => ({ what: 'w', seen: '1', holds });

  it('is shown only if there are checks and all hold', () => {
    expect(judged(text, [check(true), check(true)]).verdict).toBe('shown');
    expect(judged(text, [check(true), check(false)]).verdict).toBe('false');
    expect(judged(text, []).verdict).toBe('false');
  });

  it('is false when it could not be examined, with the reason', () => {
    const claim = broken(text, failure('timed_out', { what: 'the clip', seconds: 60 }));
    expect(claim.verdict).toBe('false');
    expect(claim.checks[0]?.seen).toContain('[timed_out]');
  });

  it('is counted under its verdict', () => {
    const claims = [judged(text, [check(true)]), judged(text, []), leftOut(text, 'no /proc')];
    expect(countVerdicts(claims)).toEqual({ shown: 1, false: 1, 'left out': 1 });
    expect(verdictText(claims)).toBe('1 of 3 claims is FALSE, 1 was left out, 1 shown');
    expect(verdictText(claims.slice(0, 1))).toBe('All 1 claims were shown');
  });
});

describe('the page of a proof', () => {
  const style = { script: '', style: '.built { color: red }' };

  it('has for each claim what was done and seen, and what it shows and does not show', () => {
    const proof = sampleProof();
    const page = proofHtml(proof, style);
    for (const { title, done, checks, shows, notShown } of proof.claims)
      for (const text of [title, done, shows, notShown, ...checks.flatMap(({ what, seen }) => [what, seen])])
        expect(page).toContain(text.replaceAll("'", '&#39;').replaceAll(/`([^`]+)`/g, '<code>$1</code>'));
    expect(page.match(/<h2>/g)).toHaveLength(proof.claims.length);
    expect(page.match(/What it does not show/g)).toHaveLength(proof.claims.length);
  });

  it('has no script and makes no request: its policy allows only its style', () => {
    const page = proofHtml(sampleProof(), style);
    const inside = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
    const hash = createHash('sha256').update(inside).digest('base64');
    expect(page).toContain(
      `content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'"`,
    );
    expect(inside).toContain('.built { color: red }');
    expect(page).not.toMatch(/<script|\sstyle=|\son[a-z]+=|https?:\/\/|<link|<img/);
  });

  it('escapes foreign text', () => {
    const [first, ...others] = sampleProof().claims;
    if (!first) throw new Error('the sample has claims');
    const seen = '<script>alert(1)</script>" onload="x';
    const page = proofHtml(
      { ...sampleProof(), claims: [judged(first, [{ what: seen, seen, holds: false }]), ...others] },
      style,
    );
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&quot;x');
    expect(page).not.toContain('<script>');
  });

  it('counts false claims at its head, and marks each', () => {
    const page = proofHtml(sampleProof({ isFalse: true }), style);
    expect(page).toMatch(/<h1>1 of \d claims is FALSE/);
    expect(page.match(/<b class="look-failed">Not so: <\/b>/g)).toHaveLength(1);
    expect(page).toContain('What it would show');
  });
});
