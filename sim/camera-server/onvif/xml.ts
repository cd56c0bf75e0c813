// Reads and writes XML as SOAP needs it: namespaces, no DTD, every text escaped.

import { escapeXml, escapeXmlAttribute } from '@doorsill/base/escape-html';
import { assert } from '@doorsill/contract/assert';
import {
  parseXml,
  XmlDeclaration,
  type XmlDocument,
  XmlError,
  XmlElement as XmlNode,
  XmlProcessingInstruction,
  XmlText,
} from '@rgrove/parse-xml';

/** Maximum depth of elements. Real messages have about ten levels. */
const DEPTH_MAX = 32;

/** Refused XML; the message completes "The message is not well-formed: ". */
export class XmlFault extends Error {}

/** A parsed element. */
export interface XmlElement {
  /** The namespace URI; '' for none. */
  readonly namespace: string;
  readonly name: string;
  /** By name; those with a prefix by `{namespace}name`. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** The text directly in the element, trimmed. */
  readonly text: string;
  /** The namespace of a prefix in the element's text; '' for none, undefined if it is not declared. */
  namespaceOf(prefix: string): string | undefined;
}

/** Prefixes declared by an element, and its parent's scope. */
interface Scope {
  declared: ReadonlyMap<string, string>;
  outer: Scope | null;
}

const OUTERMOST: Scope = { declared: new Map([['xml', 'http://www.w3.org/XML/1998/namespace']]), outer: null };

/**
 * Parses a document and returns the root. A DTD is refused before parsing (SOAP 1.2 Part 1 §5 forbids it), so that no entity is ever
 * defined, fetched or expanded; processing instructions are refused, too. Throws `XmlFault`.
 */
export function readXml(text: string): XmlElement {
  if (text.includes('<!DOCTYPE')) throw new XmlFault('it has a document type declaration');
  // Line ends per XML 1.0 §2.11. The parser would do it, but it copies the whole text for each one.
  const document = parse(text.replaceAll(/\r\n?/g, '\n'));
  let root: XmlNode | null = null;
  for (const node of document.children) {
    if (node instanceof XmlProcessingInstruction) throw new XmlFault('it has a processing instruction');
    const encoding = node instanceof XmlDeclaration ? node.encoding : null;
    if (encoding && encoding.toUpperCase() !== 'UTF-8') throw new XmlFault('its encoding is not UTF-8');
    if (node instanceof XmlNode) root = node;
  }
  assert(root, 'a document without a root is not parsed');
  return elementOf(root, OUTERMOST, 1);
}

function parse(text: string): XmlDocument {
  try {
    return parseXml(text, { preserveXmlDeclaration: true });
  } catch (thrown) {
    // The parser recurses for each nested element.
    if (thrown instanceof RangeError) throw new XmlFault('its elements are nested too deeply');
    if (!(thrown instanceof XmlError)) throw thrown;
    throw new XmlFault(`line ${thrown.line}, column ${thrown.column}`);
  }
}

function elementOf(node: XmlNode, outer: Scope, depth: number): XmlElement {
  if (depth > DEPTH_MAX) throw new XmlFault('its elements are nested too deeply');
  const scope = scopeOf(node, outer);
  const { namespace, name } = expand(node.name, scope, lookUp(scope, '') ?? '');
  const attributes = new Map<string, string>();
  for (const [written, value] of Object.entries(node.attributes)) {
    if (written === 'xmlns' || written.startsWith('xmlns:')) continue;
    const attribute = expand(written, scope, '');
    const key = attribute.namespace === '' ? attribute.name : `{${attribute.namespace}}${attribute.name}`;
    if (attributes.has(key)) throw new XmlFault('an element has an attribute twice');
    attributes.set(key, value);
  }
  const children: XmlElement[] = [];
  let text = '';
  for (const child of node.children) {
    if (child instanceof XmlProcessingInstruction) throw new XmlFault('it has a processing instruction');
    if (child instanceof XmlNode) children.push(elementOf(child, scope, depth + 1));
    if (child instanceof XmlText) text += child.text;
  }
  const namespaceOf = (prefix: string) => lookUp(scope, prefix) ?? (prefix === '' ? '' : undefined);
  return { namespace, name, attributes, children, text: text.trim(), namespaceOf };
}

function scopeOf(node: XmlNode, outer: Scope): Scope {
  const declared = new Map<string, string>();
  for (const [written, value] of Object.entries(node.attributes)) {
    const [, prefix] = /^xmlns(?::(.+))?$/.exec(written) ?? [];
    if (written === 'xmlns') declared.set('', value);
    else if (prefix !== undefined) {
      if (value === '' || prefix === 'xml' || prefix === 'xmlns') throw new XmlFault('it declares a prefix wrongly');
      declared.set(prefix, value);
    }
  }
  return declared.size === 0 ? outer : { declared, outer };
}

function lookUp(scope: Scope, prefix: string): string | undefined {
  for (let one: Scope | null = scope; one; one = one.outer) {
    const found = one.declared.get(prefix);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A qualified name as namespace and local name (Namespaces in XML 1.0 §5). */
function expand(written: string, scope: Scope, unprefixed: string): { namespace: string; name: string } {
  const parts = written.split(':');
  const [prefix = '', local = ''] = parts;
  if (parts.length === 1) return { namespace: unprefixed, name: written };
  const namespace = lookUp(scope, prefix);
  if (parts.length > 2 || local === '' || namespace === undefined) throw new XmlFault('it has an undeclared prefix');
  return { namespace, name: local };
}

/** The child with that name; undefined if there is none. Throws `XmlFault` if there are several, which parsers may read differently. */
export function childOf(element: XmlElement | undefined, namespace: string, name: string): XmlElement | undefined {
  const found = element?.children.filter((child) => child.namespace === namespace && child.name === name) ?? [];
  if (found.length > 1) throw new XmlFault(`it has <${name}> twice`);
  return found[0];
}

/** The qualified name in an element's text; null if it is none or its prefix is not declared. */
export function nameIn(
  element: XmlElement,
  written: string,
): { prefix: string; namespace: string; name: string } | null {
  const [, prefix = '', name = ''] = /^(?:([\w.-]+):)?([\w.-]+)$/.exec(written) ?? [];
  const namespace = element.namespaceOf(prefix);
  return name === '' || namespace === undefined ? null : { prefix, namespace, name };
}

/** An element to write; tag and attribute names are trusted constants with prefix. */
export interface Markup {
  readonly tag: string;
  readonly content: Content;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/** An element's content; null is empty. */
export type Content = string | number | boolean | null | Markup | readonly Content[];

export function xml(tag: string, content: Content = null, attributes: Markup['attributes'] = {}): Markup {
  return { tag, content, attributes };
}

/** The element as text; the root declares the namespaces. */
export function writeXml({ tag, content, attributes }: Markup): string {
  const written = Object.entries(attributes).map(([name, value]) => ` ${name}="${escapeXmlAttribute(String(value))}"`);
  const inner = writeContent(content);
  return inner === '' ? `<${tag}${written.join('')}/>` : `<${tag}${written.join('')}>${inner}</${tag}>`;
}

function writeContent(content: Content): string {
  if (content === null) return '';
  if (typeof content !== 'object') return escapeXml(String(content));
  if (isMarkup(content)) return writeXml(content);
  return content.map(writeContent).join('');
}

function isMarkup(content: Markup | readonly Content[]): content is Markup {
  return 'tag' in content;
}
