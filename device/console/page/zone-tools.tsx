// Owns: the buttons that begin and add areas to be blacked out. Not here: the areas on the picture (zone-board.tsx).
import type { Zone } from '../../protocol/shared-claims.ts';
import { placedZone, ZONES_MAX } from './blackout-zones.ts';
import { Icon } from './icons.tsx';
import { words } from './requests-words.ts';
import type { ZoneBoardProps } from './zone-board.tsx';

export function ZoneTools({
  zones,
  isDrawing,
  setDrawing,
  change,
}: ZoneBoardProps & { setDrawing(isDrawing: boolean): void; change(zones: Zone[]): void }) {
  const isFull = zones.length >= ZONES_MAX;
  return (
    <div class="choice-zones">
      <div class="zone-tools">
        <button
          type="button"
          class="button"
          aria-pressed={isDrawing}
          disabled={!isDrawing && isFull}
          onClick={() => setDrawing(!isDrawing)}
        >
          <Icon name="blackout" />
          {isDrawing ? words.stopDrawing : words.drawZones}
        </button>
        <button type="button" class="button" disabled={isFull} onClick={() => change([...zones, placedZone(zones)])}>
          <Icon name="plus" />
          {words.addZone}
        </button>
      </div>
      <p class="hint">{isDrawing || zones.length > 0 ? words.zonesHelp : words.zonesOffer}</p>
    </div>
  );
}
