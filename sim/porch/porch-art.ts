// The look of the porch and the visitor: rendered once from SVG, kept as 4:2:0 planes, composed frame by frame.
import { DOG_POSES, dogSize, dogSvg } from './dog-art.ts';
import type { PorchScene, Pose } from './scene.ts';

/** A 4:2:0 picture: luma, then both chroma planes, in one byte string as ffmpeg reads it. */
export interface Planes {
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
}

/** A cut-out: planes with opacity, both sizes even. */
interface Sprite extends Planes {
  readonly opacity: Uint8Array;
  readonly opacityHalf: Uint8Array;
}

const POSES = ['stand', 'press', 'walk-1', 'walk-2'] as const satisfies readonly Pose[];

/** All pictures, drawn once for one size. */
export class PorchArt {
  private readonly background: Planes;
  private readonly sprites: ReadonlyMap<string, Sprite>;

  private constructor(background: Planes, sprites: ReadonlyMap<string, Sprite>) {
    this.background = background;
    this.sprites = sprites;
  }

  /** Draws everything for a size in pixels; takes a few hundred milliseconds. */
  static async draw(width: number, height: number): Promise<PorchArt> {
    const background = await renderSvg(porchSvg(width, height), width, height, false);
    const [spriteWidth, spriteHeight] = [even(height * 0.34), even(height * 0.62)];
    const sprites = new Map<string, Sprite>();
    for (const pose of POSES) {
      for (const facing of ['right', 'left'] as const) {
        const svg = visitorSvg(pose, spriteWidth, spriteHeight);
        sprites.set(`${pose} ${facing}`, await renderSvg(svg, spriteWidth, spriteHeight, facing === 'left'));
      }
    }
    const dog = dogSize(height);
    for (const pose of DOG_POSES)
      sprites.set(pose, await renderSvg(dogSvg(pose, dog.width, dog.height), dog.width, dog.height, false));
    return new PorchArt(background, sprites);
  }

  /** Draws a scene into `into`, planes of this art's size. */
  compose(scene: PorchScene, into: Uint8Array): void {
    into.set(this.background.bytes);
    if (scene.lit) this.light(into);
    const { visitor, dog } = scene;
    if (visitor) this.stand(into, `${visitor.pose} ${visitor.facing}`, visitor.x);
    if (dog) this.stand(into, dog.pose, dog.x);
  }

  /** Draws a figure that stands on the ground. */
  private stand(into: Uint8Array, name: string, x: number): void {
    const { width, height } = this.background;
    const sprite = this.sprites.get(name);
    if (!sprite) return;
    const left = 2 * Math.round((x * width - sprite.width / 2) / 2);
    const top = 2 * Math.round((height * 0.95 - sprite.height) / 2);
    blend(into, width, height, sprite, left, top);
  }

  /** Lights the button, as after a press. */
  private light(into: Uint8Array): void {
    const { width, height } = this.background;
    const size = even(height / 36);
    const [left, top] = [even(width * BUTTON.x), even(height * BUTTON.y)];
    for (let y = 0; y < size; y += 1) into.fill(225, (top + y) * width + left, (top + y) * width + left + size);
  }
}

const BUTTON = { x: 0.555, y: 0.5 } as const;

function even(value: number): number {
  return 2 * Math.round(value / 2);
}

/** Renders an SVG into planes: ITU-R BT.601, limited range. */
async function renderSvg(svg: string, width: number, height: number, mirrored: boolean): Promise<Sprite> {
  // Loaded here, so that only a device with a drawn porch loads it.
  const { default: sharp } = await import('sharp');
  const image = sharp(Buffer.from(svg)).resize(width, height, { fit: 'fill' }).ensureAlpha();
  const rgba = await (mirrored ? image.flop() : image).raw().toBuffer();
  const half = { width: width / 2, height: height / 2 };
  const bytes = new Uint8Array(width * height * 1.5);
  const opacity = new Uint8Array(width * height);
  const opacityHalf = new Uint8Array(half.width * half.height);
  const [u, v] = [width * height, width * height * 1.25];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * width + x;
      const [red = 0, green = 0, blue = 0, alpha = 0] = rgba.subarray(at * 4, at * 4 + 4);
      bytes[at] = 16 + (65.738 * red + 129.057 * green + 25.064 * blue) / 256;
      opacity[at] = alpha;
      if (x % 2 === 1 || y % 2 === 1) continue;
      const chroma = (y / 2) * half.width + x / 2;
      bytes[u + chroma] = 128 + (-37.945 * red - 74.494 * green + 112.439 * blue) / 256;
      bytes[v + chroma] = 128 + (112.439 * red - 94.154 * green - 18.285 * blue) / 256;
      opacityHalf[chroma] = alpha;
    }
  }
  return { width, height, bytes, opacity, opacityHalf };
}

/** Blends a sprite into a picture at even coordinates; clips it to the picture. */
function blend(into: Uint8Array, width: number, height: number, sprite: Sprite, left: number, top: number): void {
  const from = sprite.width * sprite.height;
  const to = width * height;
  blendPlane(into, 0, width, height, sprite.bytes, 0, sprite.opacity, sprite.width, sprite.height, left, top);
  for (const [source, target] of [
    [from, to],
    [from * 1.25, to * 1.25],
  ] as const) {
    blendPlane(
      into,
      target,
      width / 2,
      height / 2,
      sprite.bytes,
      source,
      sprite.opacityHalf,
      sprite.width / 2,
      sprite.height / 2,
      left / 2,
      top / 2,
    );
  }
}

function blendPlane(
  into: Uint8Array,
  intoAt: number,
  width: number,
  height: number,
  bytes: Uint8Array,
  bytesAt: number,
  opacity: Uint8Array,
  spriteWidth: number,
  spriteHeight: number,
  left: number,
  top: number,
): void {
  const [fromX, toX] = [Math.max(0, -left), Math.min(spriteWidth, width - left)];
  const [fromY, toY] = [Math.max(0, -top), Math.min(spriteHeight, height - top)];
  for (let y = fromY; y < toY; y += 1) {
    for (let x = fromX; x < toX; x += 1) {
      const at = y * spriteWidth + x;
      const alpha = opacity[at] ?? 0;
      if (alpha === 0) continue;
      const target = intoAt + (top + y) * width + left + x;
      const below = into[target] ?? 0;
      into[target] = below + (((bytes[bytesAt + at] ?? 0) - below) * alpha) / 255;
    }
  }
}

function porchSvg(width: number, height: number): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1280 720" width="${width}" height="${height}" preserveAspectRatio="none">
<defs><linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#9db9cf"/><stop offset="1" stop-color="#d9e2e4"/></linearGradient>
<linearGradient id="floor" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#8a7f72"/><stop offset="1" stop-color="#5f574e"/></linearGradient></defs>
<rect width="1280" height="720" fill="url(#sky)"/>
<rect y="330" width="1280" height="170" fill="#6f8a5b"/><path d="M0 360 Q220 300 420 352 T860 340 T1280 356 V430 H0Z" fill="#59744a"/>
<path d="M0 500 L1280 470 V720 H0Z" fill="url(#floor)"/>
<g stroke="#4d463f" stroke-width="3"><path d="M0 560 L1280 530"/><path d="M0 630 L1280 600"/><path d="M220 495 L120 720"/><path d="M560 488 L520 720"/><path d="M1010 477 L1090 720"/></g>
<rect x="690" y="60" width="590" height="560" fill="#b7a58d"/>
<g stroke="#a08f79" stroke-width="3">${Array.from({ length: 13 }, (_, n) => `<path d="M690 ${100 + n * 40} H1280"/>`).join('')}</g>
<rect x="850" y="130" width="230" height="470" fill="#e9e2d6"/><rect x="868" y="148" width="194" height="452" fill="#7a2f2a"/>
<rect x="892" y="176" width="146" height="150" fill="#8f3a34"/><rect x="892" y="360" width="146" height="200" fill="#8f3a34"/>
<circle cx="884" cy="392" r="9" fill="#d9b65a"/><rect x="700" y="348" width="36" height="62" rx="8" fill="#2b2f33"/><circle cx="720" cy="370" r="10" fill="#596168"/>
<rect x="838" y="600" width="254" height="22" fill="#4a3b2e"/><path d="M640 0 H1280 V72 H640Z" fill="#5d4a3a"/><rect x="664" y="72" width="30" height="560" fill="#ded6c8"/>
<rect x="1120" y="430" width="80" height="120" fill="#5b3a2a"/><path d="M1110 430 Q1160 300 1212 430Z" fill="#3f6b3a"/></svg>`;
}

const LEGS: Readonly<Record<Pose, string>> = {
  stand: '<path d="M112 250 L104 430"/><path d="M136 250 L142 430"/>',
  press: '<path d="M112 250 L104 430"/><path d="M136 250 L142 430"/>',
  'walk-1': '<path d="M118 250 L70 424"/><path d="M130 250 L186 420"/>',
  'walk-2': '<path d="M120 250 L112 430"/><path d="M128 250 L122 340 L90 404"/>',
};
const ARMS: Readonly<Record<Pose, string>> = {
  stand: '<path d="M96 130 L88 240"/><path d="M152 130 L160 240"/>',
  press: '<path d="M96 130 L88 240"/><path d="M150 132 L196 150 L232 122"/>',
  'walk-1': '<path d="M96 130 L128 236"/><path d="M152 130 L118 232"/>',
  'walk-2': '<path d="M96 130 L80 236"/><path d="M152 130 L172 232"/>',
};

function visitorSvg(pose: Pose, width: number, height: number): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 244 446" width="${width}" height="${height}">
<g fill="none" stroke-linecap="round" stroke-linejoin="round"><g stroke="#27303f" stroke-width="34">${LEGS[pose]}</g>
<g stroke="#a3472b" stroke-width="26">${ARMS[pose]}</g></g>
<path d="M88 112 Q124 92 160 112 L164 262 H84Z" fill="#bd5433"/><path d="M120 104 L128 104 L130 262 H118Z" fill="#8c3d25"/>
<circle cx="124" cy="62" r="38" fill="#c99b7a"/><path d="M84 60 Q86 14 126 18 Q166 20 164 60 Q150 40 124 42 Q98 42 84 60Z" fill="#3a2a20"/>
<circle cx="140" cy="62" r="4" fill="#222"/><path d="M128 82 Q138 88 148 80" stroke="#8a5a44" stroke-width="4" fill="none"/></svg>`;
}
