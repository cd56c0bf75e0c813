// A value is markup only where this program made it.
import { expect, it } from 'vitest';
import { CONTENT_POLICY, markup, page } from '../../../cloud-bridge/neighbors/markup.ts';
import { sha256 } from '../../../device/base/keys.ts';

it('escapes every value of a template except markup and lists of markup', () => {
  const items = ['<1>', '2'].map((text) => markup`<li>${text}</li>`);
  expect(markup`<ul class="${'"'}">${items}</ul>${3}`.text).toBe(
    '<ul class="&quot;"><li>&lt;1&gt;</li><li>2</li></ul>3',
  );
});

it('permits a page its own style by its hash, and nothing else', () => {
  const style = /<style>([^<]*)<\/style>/.exec(page('Title', markup`<p>x</p>`))?.[1] ?? '';
  const hash = Buffer.from(sha256(Buffer.from(style))).toString('base64');
  expect(CONTENT_POLICY).toContain(`style-src 'sha256-${hash}'`);
  expect(CONTENT_POLICY).toContain("default-src 'none'");
});
