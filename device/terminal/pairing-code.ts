// Draws the QR code that a phone scans to reach a doorbell's own server.
import encodeQR from 'qr';
import type { ConsoleAddress } from '../owner/pairing-wire.ts';

/** The QR code with the address under it. It holds the pairing token, so it is for a terminal, never for a log. */
export function drawPairingCode({ pairingUrl, url, fingerprint, announced }: ConsoleAddress): string {
  const lines = [encodeQR(pairingUrl, 'ascii', { ecc: 'low', border: 2 }).trimEnd(), `Scan it, or open ${pairingUrl}`];
  if (announced?.host != null)
    lines.push(
      `If a phone does not find ${announced.host}, open ${url}${new URL(pairingUrl).pathname}${new URL(pairingUrl).hash}`,
    );
  if (fingerprint === null) return lines.join('\n');
  const shown = fingerprint.toUpperCase().match(/../g)?.join(':') ?? '';
  return [
    ...lines,
    `The browser warns that it does not know the certificate of ${url}. Its SHA-256 fingerprint is`,
    `  ${shown}`,
  ].join('\n');
}
