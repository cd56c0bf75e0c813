// Holds: text from outside ends no element and no attribute.
import { expect, it } from 'vitest';
import { escapeHtml } from '../../../device/base/escape-html.ts';

it('escapes what could end an element or an attribute', () => {
  expect(escapeHtml(`<a href="x" title='y'>&</a>`)).toBe(
    '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;&lt;/a&gt;',
  );
});
