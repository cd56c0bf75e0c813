import fc from 'fast-check';
import { expect, it } from 'vitest';
import { childOf, readXml, writeXml, XmlFault, xml } from '../../../../sim/camera-server/onvif/xml.ts';

const FEED =
  '<feed xmlns="urn:a"><b:entry xmlns:b="urn:b" at="1" b:at="2">x &lt; &#233;<![CDATA[<y>]]></b:entry><entry/></feed>';

it('reads elements by namespace, attributes by name, text without its entities', () => {
  const feed = readXml(`\uFEFF<?xml version="1.0" encoding="utf-8"?>\r\n${FEED}`);
  expect([feed.namespace, feed.name, feed.children.length]).toEqual(['urn:a', 'feed', 2]);
  const entry = childOf(feed, 'urn:b', 'entry');
  expect(entry?.text).toBe('x < é<y>');
  expect(Object.fromEntries(entry?.attributes ?? [])).toEqual({ at: '1', '{urn:b}at': '2' });
  expect(entry?.namespaceOf('b')).toBe('urn:b');
  expect(entry?.namespaceOf('')).toBe('urn:a');
  expect(entry?.namespaceOf('c')).toBeUndefined();
  expect(childOf(feed, 'urn:b', 'other')).toBeUndefined();
});

const BOMB = `<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "${'&x;'.repeat(100)}"><!ENTITY z "${'&y;'.repeat(100)}">]><a>&z;</a>`;

it.each([
  ['a bomb of entities', BOMB],
  ['an external entity', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'],
  ['an external DTD', '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>'],
  ['an entity that nobody declares', '<a>&x;</a>'],
  ['elements in one another', `${'<a>'.repeat(33)}${'</a>'.repeat(33)}`],
  ['elements in one another without an end', '<a>'.repeat(20_000)],
  ['a processing instruction', '<a><?php echo 1?></a>'],
  ['a processing instruction before the root', '<?go x?><a/>'],
  ['another encoding', '<?xml version="1.0" encoding="ISO-8859-1"?><a/>'],
  ['an undeclared prefix', '<b:a/>'],
  ['an undeclared prefix of an attribute', '<a b:c="1"/>'],
  ['a prefix for no namespace', '<a xmlns:b=""/>'],
  ['a prefix that XML keeps', '<a xmlns:xml="urn:b"/>'],
  ['an attribute twice by its namespace', '<a xmlns:b="urn:b" xmlns:c="urn:b" b:d="1" c:d="2"/>'],
  ['two roots', '<a/><a/>'],
  ['nothing', ''],
  ['no end', '<a><b></b>'],
  ['a letter that XML has not', '<a>\u0000</a>'],
  ['an HTML page', '<html><br></html>'],
])('refuses %s', (_what, text) => {
  expect(() => readXml(text)).toThrow(XmlFault);
});

it('refuses two elements with one name', () => {
  const feed = readXml('<a><b>1</b><b>2</b></a>');
  expect(() => childOf(feed, '', 'b')).toThrow(XmlFault);
});

it('parses the worst cases of 64 KiB quickly: line ends, prefixes, attributes, references', () => {
  const fill = (part: string, around: (all: string) => string) => around(part.repeat(Math.floor(60_000 / part.length)));
  const prefixes = Array.from({ length: 2_000 }, (_, at) => `xmlns:p${at}="u"`).join(' ');
  const texts = [
    // The parser alone takes a fifth of a second for each of these.
    ...Array.from({ length: 10 }, () => fill('\r', (all) => `<a>${all}</a>`)),
    fill('<b xmlns:c="d"/>', (all) => `<a>${all}</a>`),
    `<a ${prefixes}>${'<b xmlns:c="d"/>'.repeat(1_500)}</a>`,
    fill('&amp;', (all) => `<a b="${all}">${all.slice(0, 5)}</a>`),
    fill('🔔', (all) => `<a>${all}</a>`),
  ];
  const started = process.cpuUsage();
  for (const text of texts) readXml(text);
  const { user } = process.cpuUsage(started);
  expect(user / 1_000).toBeLessThan(800);
});

it('writes what it reads back, whatever the text', () => {
  const legal = (text: string) => text.replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '');
  const unit = fc.oneof(
    fc.constantFrom(...'<>&"\'\r\n\t];'),
    fc.nat(0xffff).map((code) => String.fromCharCode(code)),
  );
  const text = fc.array(unit, { maxLength: 20 }).map((units) => units.join(''));
  fc.assert(
    fc.property(text, text, (inner, value) => {
      const read = readXml(writeXml(xml('a', [xml('b', `|${inner}|`), null, 7, true], { c: value })));
      expect(read.attributes.get('c')).toBe(legal(value));
      expect(childOf(read, '', 'b')?.text).toBe(legal(`|${inner}|`).replaceAll(/\r\n?/g, '\n'));
      expect(read.text).toBe('7true');
    }),
    { numRuns: 300 },
  );
});
