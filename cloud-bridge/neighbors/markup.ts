// HTML and XML in which text from outside is never read as markup: every value goes through one escape function.
import { escapeHtml } from '@doorsill/base/escape-html';
import { sha256 } from '@doorsill/base/keys';

/** Only `markup` creates it, so that plain text cannot be mistaken for markup. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Markup | readonly Markup[];

/** A template whose values are escaped unless they are markup themselves. */
export function markup(parts: TemplateStringsArray, ...values: Value[]): Markup {
  return new Markup(parts.reduce((text, part, at) => text + inserted(values[at - 1]) + part));
}

function inserted(value: Value | undefined): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.text;
  return typeof value === 'object' ? value.map(({ text }) => text).join('') : escapeHtml(String(value));
}

const STYLE = `body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
article{border-top:1px solid #ccc;padding:1rem 0}h1,h2,h3{line-height:1.2}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}
dt{color:#666}dd{margin:0}.state{font-weight:600}p{white-space:pre-line;overflow-wrap:anywhere}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#111}article{border-color:#444}dt{color:#999}a{color:#8bf}}`;

/** What a page may load: its own style and nothing else. */
export const CONTENT_POLICY = `default-src 'none'; style-src 'sha256-${Buffer.from(sha256(Buffer.from(STYLE))).toString('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** A whole page. */
export function page(title: string, body: Markup, links: Markup = new Markup('')): string {
  const style = new Markup(STYLE);
  return markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title}</title>${links}<style>${style}</style></head>
<body>${body}</body></html>
`.text;
}
