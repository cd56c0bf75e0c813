// What leaves in each format is these fields and no others; a request's words only where the owner says so.
import { expect, it } from 'vitest';
import type { Notification } from '../../../device/notifications/notification.ts';
import { notificationsSchema } from '../../../device/notifications/notifications-settings.ts';
import { parcelOf } from '../../../device/notifications/parcel.ts';

const asked: Notification = {
  kind: 'request',
  text: 'A request for footage waits for your answer.',
  textWithRequest: 'Springfield Police Department asks for footage: a van.',
  atUs: 1_770_000_000_000_000,
};

function parcel(settings: object, notification = asked, secret = 'a-secret-token') {
  const [target] = notificationsSchema.parse([{ url: 'http://192.168.1.5/topic/', ...settings }]);
  if (!target) throw new Error('no target');
  return parcelOf(target, secret, 'id-1', notification);
}

const FORMATS = [
  { format: 'webhook', secretFile: 's' },
  { format: 'ntfy', tokenFile: 's' },
  { format: 'gotify', tokenFile: 's' },
];

it.each(FORMATS)('sends the words of a request by $format only where the owner allows it', (target) => {
  const on = ['request'];
  expect(parcel({ ...target, on })?.body).not.toMatch(/van|Springfield/);
  expect(parcel({ ...target, on, requestText: true })?.body).toContain('asks for footage: a van.');
});

it('has the form of ntfy: words as the body, title, link and token as headers', () => {
  const { url, headers, body } = parcel({ format: 'ntfy', tokenFile: 's', link: 'https://porch.local:8480' }) ?? {};
  expect([url?.href, body]).toEqual(['http://192.168.1.5/topic/', asked.text]);
  expect(headers).toEqual({
    'Content-Type': 'text/plain',
    Title: 'Doorbell',
    Click: 'https://porch.local:8480/',
    Authorization: 'Bearer a-secret-token',
  });
  expect(parcel({ format: 'ntfy' }, asked, '')?.headers).toEqual({ 'Content-Type': 'text/plain', Title: 'Doorbell' });
});

it('has the form of Gotify: a message below the server’s address, the token as a header', () => {
  const { url, headers, body } = parcel({ format: 'gotify', tokenFile: 's', link: 'https://porch.local:8480' }) ?? {};
  expect(url?.href).toBe('http://192.168.1.5/topic/message');
  expect(headers).toEqual({ 'Content-Type': 'application/json', 'X-Gotify-Key': 'a-secret-token' });
  expect(JSON.parse(body ?? '')).toEqual({
    title: 'Doorbell',
    message: asked.text,
    priority: 5,
    extras: { 'client::notification': { click: { url: 'https://porch.local:8480/' } } },
  });
});

it('sends a partner nothing that its form has no event for', () => {
  expect(parcel({ format: 'partner', secretFile: 's' })).toBeNull();
  expect(parcel({ format: 'partner', secretFile: 's' }, { ...asked, kind: 'press' })?.body).not.toMatch(
    /van|Springfield/,
  );
});
