// JSON Feed 1.1 and Atom (RFC 4287). Pure.
import { markup } from './markup.ts';
import type { PostView } from './post-view.ts';

/** One page of posts and its place in the feed. Addresses are absolute. */
export interface FeedPage {
  title: string;
  home: string;
  self: string;
  /** Address of the following page. */
  next: string | null;
  posts: readonly PostView[];
  /** Addresses of a post and of an agency's page. */
  postUrl: (request: string) => string;
  agencyUrl: (organisation: string) => string;
}

export function titleOf(post: PostView): string {
  return `${post.agencyName}: ${post.incidentType}`;
}

/** https://www.jsonfeed.org/version/1.1/ */
export function jsonFeed(feed: FeedPage): object {
  return {
    version: 'https://jsonfeed.org/version/1.1',
    title: feed.title,
    home_page_url: feed.home,
    feed_url: feed.self,
    ...(feed.next === null ? {} : { next_url: feed.next }),
    items: feed.posts.map((post) => ({
      id: post.request,
      url: feed.postUrl(post.request),
      title: titleOf(post),
      content_text: post.text,
      date_published: post.published,
      authors: [{ name: post.agencyName, url: feed.agencyUrl(post.organisation) }],
      tags: [post.incidentType, post.state],
      _doorsill: {
        state: post.state,
        investigation: post.investigation,
        window: post.window,
        cells: post.cells,
        contact: post.contact,
        expires: post.expires,
      },
    })),
  };
}

export function atomFeed(feed: FeedPage): string {
  const updated = feed.posts[0]?.published ?? '1970-01-01T00:00:00.000Z';
  const next = feed.next === null ? markup`` : markup`\n<link rel="next" href="${feed.next}"/>`;
  const entries = feed.posts.map(
    (post) => markup`
<entry><id>urn:doorsill:${post.request}</id><title>${titleOf(post)}</title>
<link href="${feed.postUrl(post.request)}"/><published>${post.published}</published><updated>${post.published}</updated>
<author><name>${post.agencyName}</name><uri>${feed.agencyUrl(post.organisation)}</uri></author>
<category term="${post.state}"/><category term="${post.incidentType}"/><summary>${post.text}</summary></entry>`,
  );
  return markup`<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><id>${feed.self}</id><title>${feed.title}</title><updated>${updated}</updated>
<link rel="self" href="${feed.self}"/><link href="${feed.home}"/>${next}${entries}
</feed>
`.text;
}
