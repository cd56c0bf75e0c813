// Both feeds link the next page where there is one, and are valid without a single post.
import { expect, it } from 'vitest';
import { atomFeed, type FeedPage, jsonFeed } from '../../../cloud-bridge/neighbors/feeds.ts';

const empty: FeedPage = {
  title: 'Requests & more',
  home: 'https://bridge.example/neighbors',
  self: 'https://bridge.example/neighbors/feed.json',
  next: null,
  posts: [],
  postUrl: (request) => `https://bridge.example/neighbors/${request}`,
  agencyUrl: (organisation) => `https://bridge.example/neighbors/agencies/${organisation}`,
};

it('a feed without posts has no items, no next page, and a date', () => {
  expect(jsonFeed(empty)).toEqual({
    version: 'https://jsonfeed.org/version/1.1',
    title: 'Requests & more',
    home_page_url: empty.home,
    feed_url: empty.self,
    items: [],
  });
  const atom = atomFeed(empty);
  expect(atom).toContain('<title>Requests &amp; more</title><updated>1970-01-01T00:00:00.000Z</updated>');
  expect(atom).not.toContain('rel="next"');
});

it('a feed with a next page links it', () => {
  const next = 'https://bridge.example/neighbors/feed.json?cursor=a&b';
  expect(jsonFeed({ ...empty, next })).toMatchObject({ next_url: next });
  expect(atomFeed({ ...empty, next })).toContain(
    '<link rel="next" href="https://bridge.example/neighbors/feed.json?cursor=a&amp;b"/>',
  );
});
