// Owns: drawing the area of a request: its polygon on paper with a grid and a scale bar. No map: nothing is loaded from elsewhere. Not here:
// the arithmetic (area-plan.ts).
import type { Polygon } from '../../protocol/request.ts';
import { areaPlan } from './area-plan.ts';
import { showDistance, showPlace, showSurface } from './request-format.ts';
import { words } from './requests-words.ts';

/** Places of a grid's lines from the middle outward, `apart` each. */
function lines(length: number, apart: number): number[] {
  const first = (length / 2) % apart;
  return Array.from(
    { length: Math.ceil((length - first) / apart) },
    (_, at) => Math.round((first + at * apart) * 10) / 10,
  );
}

const PAPER = { width: 320, height: 190, margin: 26 };

export function AreaDrawing({ area }: { area: Polygon }) {
  const { corners, widthM, heightM, squareM, middle, bar } = areaPlan(area, PAPER);
  const [width, height] = [showDistance(widthM), showDistance(heightM)];
  const barY = PAPER.height - 10;
  return (
    <figure class="area">
      <svg
        class="area-paper"
        viewBox={`0 0 ${PAPER.width} ${PAPER.height}`}
        role="img"
        aria-label={words.areaLabel(width, height, showPlace(middle))}
      >
        {lines(PAPER.width, bar.width).map((x) => (
          <path key={`x${x}`} class="area-grid" d={`M${x} 0V${PAPER.height}`} />
        ))}
        {lines(PAPER.height, bar.width).map((y) => (
          <path key={`y${y}`} class="area-grid" d={`M0 ${y}H${PAPER.width}`} />
        ))}
        <polygon class="area-shape" points={corners.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')} />
        <path class="area-bar" d={`M10 ${barY - 5}V${barY}H${10 + bar.width}V${barY - 5}`} />
        <text class="area-text" x={14 + bar.width + 2} y={barY + 1}>
          {showDistance(bar.lengthM)}
        </text>
        <path class="area-north" d={`M${PAPER.width - 16} 22V8l-4 5M${PAPER.width - 16} 8l4 5`} />
        <text class="area-text" x={PAPER.width - 16} y="34" text-anchor="middle">
          {words.north}
        </text>
      </svg>
      <figcaption class="hint">
        {words.areaSize(width, height, showSurface(squareM))} · {showPlace(middle)}
      </figcaption>
    </figure>
  );
}
