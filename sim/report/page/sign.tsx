// The icon of a status or verdict.
import { SIGN_SHAPES, type SignLook } from '../sign-shapes.ts';

/** The icon of a status or verdict; `x` and `y` place it inside a drawing. It is hidden from screen readers. */
export function Sign({ look, size = 16, x = 0, y = 0 }: { look: SignLook; size?: number; x?: number; y?: number }) {
  const [outline, lines] = SIGN_SHAPES[look];
  return (
    <svg class={`sign look-${look}`} viewBox="0 0 16 16" width={size} height={size} x={x} y={y} aria-hidden="true">
      <path class="sign-outline" d={outline} />
      <path class="sign-lines" d={lines} />
    </svg>
  );
}
