// The sidebar: pages by reader, then the references, then the design notes of the folders. A page has its heading as label, unless one is
// given here.
import { pageOf } from './addresses.mjs';

const of = (source, label) => ({ address: pageOf(source), ...(label ? { label } : {}) });

/** Written documents by who reads them, as README's last table has them. */
const READERS = [
  ['Start', [of('README.md', 'Overview'), { address: 'pictures.html', label: 'Pictures' }]],
  ['Developers', [of('docs/developer.md', 'Tests and programs'), of('sim/client/README.md', 'The client')]],
  [
    'QA',
    [
      of('docs/qa.md'),
      of('sim/scenario/language/README.md', 'Scenarios'),
      of('sim/camera-server/README.md', 'A camera with faults'),
    ],
  ],
  ['Hobbyists', [of('docs/raspberry-pi.md'), of('docs/home-assistant.md', 'Home Assistant')]],
  ['Operators', [of('docs/operate.md')]],
  ['Reviewers', [of('SECURITY.md'), of('docs/claims.md'), of('docs/etsi.md'), of('docs/figures.md')]],
  ['Contributors', [of('CONTRIBUTING.md'), of('docs/architecture.md'), of('CHANGELOG.md')]],
];

const ERRORS = [
  of('device/contract/ERRORS.md', 'Errors on the wire'),
  of('device/terminal/ERRORS.md', 'Errors of a board'),
  of('sim/ERRORS.md', 'Errors of the simulator'),
];

/** Labels that stand for a heading which several pages have. */
export const TITLES = new Map(ERRORS.map(({ address, label }) => [address, label]));

/** The groups of the sidebar: `{ title, links: [{ address, label, under }] }`. `pages`: all of the site's, with `address` and `title`. */
export function sidebar(pages) {
  const titles = new Map(pages.map(({ address, title }) => [address, title]));
  const link = ({ address, label }) => {
    if (!titles.has(address)) throw new Error(`the sidebar names ${address}, which no page is made for`);
    return { address, label: label ?? titles.get(address), under: [] };
  };
  const groups = READERS.map(([title, links]) => ({ title, links: links.map(link) }));
  const indexes = pages.filter(({ isIndex }) => isIndex);
  const reference = [
    link({ address: 'cli.html' }),
    ...pages.filter(({ address }) => /^reference\/(http|mqtt)/.test(address)).map(link),
    link({ address: 'reference/packages/doorsill/client.html' }),
    ...indexes.map((index) => ({
      ...link({ address: index.address, label: index.isIndex && `Package ${index.title}` }),
      under: pages.filter((one) => one.of === index.of && !one.isIndex).map(link),
    })),
    ...ERRORS.map(link),
  ];
  groups.push({ title: 'Reference', links: reference });
  const shown = new Set(groups.flatMap(({ links }) => links.map(({ address }) => address)));
  const notes = pages
    .filter(({ address, of: package_ }) => !shown.has(address) && package_ === undefined)
    .map(({ address }) => ({ address, label: address.replace(/^notes\//, '').replace(/\.html$/, ''), under: [] }))
    .sort((a, b) => a.address.localeCompare(b.address));
  groups.push({ title: 'Design notes', links: notes, isFolded: true });
  return groups;
}
