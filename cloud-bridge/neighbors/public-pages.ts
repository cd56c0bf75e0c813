import { type FeedPage, titleOf } from './feeds.ts';
import { type Markup, markup, page } from './markup.ts';
import type { AgencyProfile, Outcomes } from './neighbors-store.ts';
import type { PostView } from './post-view.ts';

const STATES = {
  draft: 'draft',
  in_moderation: 'in moderation',
  published: 'open',
  resolved: 'resolved',
  expired: 'expired',
  cancelled: 'cancelled',
  refused: 'refused',
} as const;

const VOLUNTARY = markup`<p>Taking part is voluntary. Owners decide on their own device; nobody, the agency included, learns who was
asked, had footage, declined or did not answer.</p>`;

/** Facts on the page of an agency besides its posts. */
export interface ProfileFacts {
  profile: AgencyProfile;
  outcomes: Outcomes;
  transparency: string;
}

/** The feed of all agencies. */
export function feedPage(feed: FeedPage, links: { json: string; atom: string; transparency: string }): string {
  const body = markup`<h1>${feed.title}</h1>${VOLUNTARY}
<p><a href="${links.transparency}">How this bridge is used</a></p>${articles(feed)}${more(feed)}`;
  return page(feed.title, body, alternates(links));
}

/** One agency with all its posts. */
export function agencyPage(feed: FeedPage, facts: ProfileFacts, links: { json: string }): string {
  const { profile, outcomes, transparency } = facts;
  const body = markup`<h1>${profile.name}</h1>
<dl><dt>Jurisdiction</dt><dd>${profile.jurisdiction}</dd><dt>Verified domain</dt><dd>${profile.domain}</dd>
<dt>Published</dt><dd>${outcomes.published}</dd><dt>Resolved</dt><dd>${outcomes.resolved}</dd></dl>
<p><a href="${transparency}">Transparency</a> <a href="${feed.home}">All agencies</a></p>${articles(feed)}${more(feed)}`;
  return page(feed.title, body, markup`<link rel="alternate" type="application/feed+json" href="${links.json}">`);
}

/** One post on its own. */
export function postPage(feed: FeedPage, post: PostView): string {
  const body = markup`${article(feed, post)}${VOLUNTARY}<p><a href="${feed.home}">All posts</a></p>`;
  return page(titleOf(post), body);
}

function alternates({ json, atom }: { json: string; atom: string }): Markup {
  return markup`<link rel="alternate" type="application/feed+json" href="${json}"><link rel="alternate" type="application/atom+xml" href="${atom}">`;
}

function articles(feed: FeedPage): Markup {
  return feed.posts.length === 0 ? markup`<p>No posts.</p>` : markup`${feed.posts.map((post) => article(feed, post))}`;
}

function more(feed: FeedPage): Markup {
  return feed.next === null ? markup`` : markup`<p><a rel="next" href="${feed.next}">Older posts</a></p>`;
}

function article(feed: FeedPage, post: PostView): Markup {
  const { contact } = post;
  const reach = [contact.name, contact.email, contact.phone].filter((part) => part !== undefined).join(', ');
  return markup`<article><h2><a href="${feed.postUrl(post.request)}"><bdi>${post.incidentType}</bdi></a></h2>
<p><a href="${feed.agencyUrl(post.organisation)}"><bdi>${post.agencyName}</bdi></a>, ${post.published}: <span class="state">${STATES[post.state]}</span></p>
<p dir="auto">${post.text}</p>
<dl><dt>Footage from</dt><dd>${post.window.from}</dd><dt>to</dt><dd>${post.window.to}</dd>
<dt>Investigation</dt><dd><bdi>${post.investigation}</bdi></dd><dt>Contact</dt><dd><bdi>${reach}</bdi></dd>
<dt>Around</dt><dd>${post.cells.join(', ')}</dd><dt>Open until</dt><dd>${post.expires}</dd></dl></article>`;
}
