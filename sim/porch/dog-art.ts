// Draws the dog, for the porch and for a photo.
import type { Dog } from './scene.ts';

export const DOG_POSES = ['trot-1', 'trot-2'] as const satisfies readonly Dog['pose'][];

/** Size of the dog's picture for a porch of this height in pixels; even, for 4:2:0. */
export function dogSize(height: number): { width: number; height: number } {
  const even = (value: number) => 2 * Math.round(value / 2);
  return { width: even(height * 0.47), height: even(height * 0.3) };
}

const LEGS: Readonly<Record<Dog['pose'], string>> = {
  'trot-1':
    '<path d="M70 118 L52 178"/><path d="M92 120 L104 178"/><path d="M182 118 L166 178"/><path d="M200 116 L216 176"/>',
  'trot-2':
    '<path d="M72 118 L80 178"/><path d="M90 120 L74 178"/><path d="M184 118 L196 178"/><path d="M200 116 L188 178"/>',
};

/** A brown dog with a white chest and a red collar, from its right side. */
function dogShapes(pose: Dog['pose']): string {
  return `<g fill="none" stroke-linecap="round" stroke="#4d2a10" stroke-width="18">${LEGS[pose]}<path d="M54 78 Q24 62 18 34"/></g>
<path d="M50 70 Q120 46 206 66 L214 118 Q130 140 56 126Z" fill="#613615"/><path d="M186 72 L214 68 L216 120 L194 128Z" fill="#efe6d8"/>
<path d="M194 74 Q200 24 238 22 Q262 22 266 44 L284 54 Q284 74 256 74 Q236 96 206 88Z" fill="#613615"/>
<path d="M214 30 Q196 34 198 72 Q212 70 222 40Z" fill="#3d220d"/><path d="M196 78 L232 90" stroke="#c22f2f" stroke-width="10"/>
<circle cx="246" cy="42" r="5" fill="#1d1510"/><circle cx="281" cy="57" r="6" fill="#1d1510"/>`;
}

export function dogSvg(pose: Dog['pose'], width: number, height: number): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 192" width="${width}" height="${height}">${dogShapes(pose)}</svg>`;
}

/** A photo of the drawn dog on a lawn: a JPEG whose EXIF contains a location, as a phone's does. For trying Search Party without a dog. */
export async function drawDogPhoto(): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-60 -50 420 300" width="1260" height="900">
<rect x="-60" y="-50" width="420" height="300" fill="#86a868"/><rect x="-60" y="-50" width="420" height="120" fill="#a9c4d6"/>${dogShapes('trot-2')}</svg>`;
  const exif = {
    IFD0: { Make: 'Telephone', Model: 'T-1', Copyright: 'the owner of Biscuit' },
    IFD3: {
      GPSLatitudeRef: 'N',
      GPSLatitude: '39/1 47/1 5640/100',
      GPSLongitudeRef: 'W',
      GPSLongitude: '89/1 38/1 3840/100',
    },
  };
  return new Uint8Array(
    await sharp(Buffer.from(svg)).flatten({ background: '#86a868' }).withExif(exif).jpeg({ quality: 90 }).toBuffer(),
  );
}
