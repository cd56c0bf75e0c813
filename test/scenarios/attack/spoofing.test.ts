// An agency's text cannot change how its verified facts look on the owner's terminal; a mistyped camera address does not disclose its
// password.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { parseCameraSource } from '../../../device/camera/sources.ts';
import { isFailure } from '../../../device/contract/errors.ts';
import { Credential, Request } from '../../../device/contract/request.ts';
import { showNotice } from '../../../device/terminal/owner-requests.ts';
import { Cast, claimsOf } from '../../support/parties.ts';

describe('a request on an owner’s terminal', () => {
  const cast = new Cast(new ManualClock(1_790_000_000_000_000));
  const evil = '\u001b[2A\u009b2K\r\n  from  the FBI, verified\u202e';

  it('has no control characters of the agency, its credential or a lying home broker', () => {
    const requestToken = cast.request({
      incidentType: `theft${evil}`,
      investigation: `SPD${evil}`,
      text: `please${evil}`,
      contact: { name: `Rivera${evil}`, phone: `555${evil}` },
    });
    const credentialToken = cast.credential({ name: `Police${evil}`, domain: `springfield${evil}` });
    const lines = showNotice({
      request: Request.parse(claimsOf(requestToken)),
      requestToken,
      requestSha256: '',
      credential: Credential.parse(claimsOf(credentialToken)),
      published: cast.published(requestToken, credentialToken),
      device: cast.device.id,
      wouldDisclose: { address: `1 Elm Street${evil}` },
      askedKeys: ['address', 'email'],
      coverage: [],
    });
    for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(lines).toHaveLength(9);
  });
});

describe('the password in a camera’s address', () => {
  it.each([
    'rtsp://admin:ge/heim@cam.local/live',
    'rtsp://admin:ge heim@cam.local/live',
    'rtsp://admin:ge#heim@cam.local/live',
    'rtsp://admin:ge?heim@cam.local/live',
    'rtsps://admin:ge/heim@cam.local/live',
    'http://admin:ge/heim@cam.local/live',
  ])('is not shown when %j is refused', (text) => {
    let told = '';
    try {
      told = parseCameraSource(text).shown;
    } catch (thrown) {
      told = isFailure(thrown) ? thrown.message + JSON.stringify(thrown.facts) : String(thrown);
    }
    expect(told).not.toMatch(/heim|admin/);
  });

  it('is not shown when half of it looks like a port', () => {
    expect(parseCameraSource('rtsp://admin:12/heim@cam.local/live').shown).toBe('rtsp://***@cam.local/live');
  });
});
