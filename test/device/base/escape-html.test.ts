// Holds: text from outside cannot end an element or an attribute.
import { expect, it } from 'vitest';
import { escapeHtml, escapeXml, escapeXmlAttribute } from '../../../device/base/escape-html.ts';

it('escapes what could end an element or an attribute', () => {
  expect(escapeHtml(`<a href="x" title='y'>&</a>`)).toBe(
    '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;&lt;/a&gt;',
  );
});

it('leaves out characters that XML cannot represent, and keeps the line ends of an attribute', () => {
  expect(escapeXml('a\u0000\u001b\uFFFE<b>\n\u{1F514}')).toBe('a&lt;b&gt;\n\u{1F514}');
  expect(escapeXmlAttribute('"\t\r\n\u0007')).toBe('&quot;&#9;&#13;&#10;');
});
