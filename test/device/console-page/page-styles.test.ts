// Holds: a style sheet that is fetched with one page changes no other page, although it stays loaded when the user goes on to that page.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const FOLDER = new URL('../../../device/console-page/', import.meta.url);
/** Parts of a page outside its root element, whose classes no other page uses. */
const OUTSIDE = /^\.part-links?\b/;

/** Each selector of a style sheet. */
function selectorsOf(css: string): string[] {
  const rules = css.replaceAll(/\/\*.*?\*\//gs, '').matchAll(/([^{}]+)\{/g);
  return [...rules].flatMap(([, head = '']) =>
    head.trim().startsWith('@') ? [] : head.split(/,\n/).map((one) => one.trim()),
  );
}

it.each(['settings', 'left', 'requests', 'setup'])('limits each rule of %s.css to its page', (page) => {
  const selectors = selectorsOf(readFileSync(new URL(`${page}/${page}.css`, FOLDER), 'utf8'));
  const isLimited = (selector: string) =>
    selector.startsWith(`:where(.${page}) `) || new RegExp(`^\\.${page}( |$)`).test(selector) || OUTSIDE.test(selector);
  expect(selectors.length).toBeGreaterThan(20);
  expect(selectors.filter((selector) => !isLimited(selector))).toEqual([]);
});
