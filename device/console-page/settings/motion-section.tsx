// Setting up motion: zones on the live picture over what moves now, and the sensitivity.

import { MotionMaskLine } from '@doorsill/contract/motion-messages';
import type { MotionZone } from '@doorsill/contract/owner-settings';
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { clock } from '../kit/browser-seams.ts';
import { useDoor } from '../kit/door-context.ts';
import { Icon } from '../kit/icons.tsx';
import { textOf } from '../kit/server-sent-events.ts';
import { LivePicture } from '../now/live-picture.tsx';
import { MotionTrial } from './motion-trial.tsx';
import { jsonLines, movingBlocks } from './motion-trial-results.ts';
import {
  type DrawnZone,
  drawnZones,
  isRectangle,
  namesFault,
  settingsZones,
  withCorner,
  withoutCorner,
  withZone,
  zoneName,
} from './motion-zone-shapes.ts';
import { type Settings, useSaving } from './settings-context.ts';
import { Origin, Part, SaveRow } from './settings-part.tsx';
import { words } from './settings-words.ts';
import { ZoneDrawing } from './zone-drawing.tsx';

const RETRY_MS = 3_000;
/** A dragged slider asks the device only after this rest. */
const SETTLE_MS = 400;

type LiveMask = { line: MotionMaskLine | null; isGone: boolean };

/** The current motion mask at a sensitivity, fetched while it is wanted. */
function useLiveMask(sensitivity: number, isWanted: boolean): LiveMask {
  const { door } = useDoor();
  const [mask, setMask] = useState<LiveMask>({ line: null, isGone: false });
  useEffect(() => {
    if (!isWanted) return;
    const leaving = new AbortController();
    const { signal } = leaving;
    const follow = async () => {
      await clock.pause(SETTLE_MS, signal);
      while (!signal.aborted) {
        try {
          const answer = await door.client.fetch(`/api/v1/motion/mask?sensitivity=${sensitivity}`, signal);
          if (answer.body)
            for await (const line of jsonLines(textOf(answer.body), MotionMaskLine)) setMask({ line, isGone: false });
        } catch {
          // Privacy is on, or the device is unreachable: asked again below.
        }
        if (signal.aborted) return;
        setMask({ line: null, isGone: true });
        await clock.pause(RETRY_MS, signal);
      }
    };
    void follow();
    return () => {
      leaving.abort();
      setMask(({ line }) => ({ line: line && { ...line, isLearning: true, blocks: '' }, isGone: false }));
    };
  }, [door, sensitivity, isWanted]);
  return mask;
}

export function MotionSection({ settings }: { settings: Settings }) {
  const { motion } = settings.inForce;
  const saving = useSaving(settings);
  const [drafted, setDrafted] = useState<readonly DrawnZone[] | null>(null);
  const [draftSensitivity, setDraftSensitivity] = useState<number | null>(null);
  const zones = drafted ?? drawnZones(motion.zones);
  const sensitivity = draftSensitivity ?? motion.sensitivity;
  const asSettings = settingsZones(zones);
  const isZonesChanged = JSON.stringify(asSettings) !== JSON.stringify(settingsZones(drawnZones(motion.zones)));
  const isChanged = isZonesChanged || sensitivity !== motion.sensitivity;
  const setZones = (changed: readonly DrawnZone[] | null) => {
    saving.edited();
    setDrafted(changed);
  };
  const setSensitivity = (changed: number | null) => {
    saving.edited();
    setDraftSensitivity(changed);
  };
  const drop = () => {
    setDrafted(null);
    setDraftSensitivity(null);
  };
  const save = () => {
    const change = {
      ...(isZonesChanged ? { zones: asSettings } : {}),
      ...(sensitivity === motion.sensitivity ? {} : { sensitivity }),
    };
    saving.save({ motion: change }, drop);
  };
  return (
    <Part id="motion">
      {!motion.enabled && <p class="banner">{words.motionOff}</p>}
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <ZonesEditor zones={zones} setZones={setZones} sensitivity={sensitivity} />
        <Origin
          isByOwner={settings.isByOwner('motion.zones')}
          back={() => saving.save({ motion: { zones: null } }, () => setDrafted(null))}
        />
        <Sensitivity value={sensitivity} choose={setSensitivity} />
        <Origin
          isByOwner={settings.isByOwner('motion.sensitivity')}
          back={() => saving.save({ motion: { sensitivity: null } }, () => setDraftSensitivity(null))}
        />
        <SaveRow saving={saving} isChanged={isChanged} isAllowed={namesFault(zones) === null} discard={drop} />
      </form>
      <MotionTrial zones={asSettings satisfies MotionZone[]} sensitivity={sensitivity} use={setSensitivity} />
    </Part>
  );
}

function Sensitivity({ value, choose }: { value: number; choose(value: number): void }) {
  return (
    <div class="field">
      <label for="sensitivity">
        {words.sensitivity}: <output class="sensitivity-value">{value}</output>
      </label>
      <input
        id="sensitivity"
        type="range"
        min={1}
        max={100}
        value={value}
        aria-describedby="sensitivity-help"
        onInput={({ currentTarget }) => choose(Number(currentTarget.value))}
      />
      <p class="range-ends hint" aria-hidden="true">
        <span>{words.sensitivityLow}</span>
        <span>{words.sensitivityHigh}</span>
      </p>
      <p id="sensitivity-help" class="hint">
        {words.sensitivityHelp}
      </p>
    </div>
  );
}

function ZonesEditor({
  zones,
  setZones,
  sensitivity,
}: {
  zones: readonly DrawnZone[];
  setZones(zones: readonly DrawnZone[]): void;
  sensitivity: number;
}) {
  const [chosen, setChosen] = useState<number | null>(null);
  const [corner, setCorner] = useState(0);
  const [isDrawing, setDrawing] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  // The device records who looks at pictures: a user of another part of the page must not count as looking.
  const isInView = useInView(place);
  const mask = useLiveMask(sensitivity, isInView);
  const change = (zone: DrawnZone) => setZones(zones.map((one) => (one.id === zone.id ? zone : one)));
  const add = (corners?: Parameters<typeof withZone>[2]) => {
    const added = withZone(zones, words.zoneWord, corners);
    if (!added) return;
    setZones(added.drawn);
    setChosen(added.id);
    setCorner(0);
  };
  const isFull = withZone(zones, words.zoneWord) === null;
  return (
    <>
      <h3>{words.zones}</h3>
      <p class="hint">{words.zonesHelp}</p>
      <div ref={place} class="zones-place">
        {isInView && (
          <LivePicture
            drawn={
              <ZoneDrawing
                zones={zones}
                chosen={chosen}
                choose={(id) => {
                  setChosen(id);
                  setCorner(0);
                }}
                change={change}
                isDrawing={isDrawing}
                drawn={(corners) => {
                  setDrawing(false);
                  if (corners) add(corners);
                }}
                mask={mask.line}
                cornerFocused={setCorner}
              />
            }
          />
        )}
      </div>
      <p class="mask-words hint" role="status">
        {isDrawing ? words.drawing : maskWords(mask)}
      </p>
      <div class="row">
        <button
          type="button"
          class="button"
          aria-pressed={isDrawing}
          disabled={isFull}
          onClick={() => setDrawing(!isDrawing)}
        >
          <Icon name="plus" />
          {words.drawZone}
        </button>
        <button type="button" class="button button-quiet" disabled={isFull} onClick={() => add()}>
          {words.addZone}
        </button>
      </div>
      {isFull && <p class="hint">{words.zonesFull}</p>}
      {zones.length === 0 && <p class="empty">{words.zonesEverywhere}</p>}
      <ul class="zones">
        {zones.map((zone, at) => (
          <ZoneLine
            key={zone.id}
            zone={zone}
            fault={faultOf(zones, at)}
            isChosen={zone.id === chosen}
            choose={() => setChosen(zone.id)}
            change={change}
            remove={() => setZones(zones.filter(({ id }) => id !== zone.id))}
            corner={Math.min(corner, zone.corners.length - 1)}
          />
        ))}
      </ul>
      {zones.length > 0 && <p class="hint zone-keys">{words.zoneKeys}</p>}
    </>
  );
}

/** Whether an element is on the screen. */
function useInView(element: RefObject<HTMLElement | null>): boolean {
  const [isInView, setInView] = useState(false);
  useEffect(() => {
    if (!element.current) return;
    const observer = new IntersectionObserver(([entry]) => setInView(entry?.isIntersecting === true));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return isInView;
}

function faultOf(zones: readonly DrawnZone[], at: number): string | null {
  const found = namesFault(zones);
  if (found?.at !== at) return null;
  return found.fault === 'empty' ? words.zoneNameEmpty : words.zoneNameTwice;
}

function maskWords({ line, isGone }: LiveMask): string {
  if (isGone) return words.maskGone;
  if (!line || line.isLearning) return words.maskLearning;
  return movingBlocks(line).length > 0 ? words.maskMoves : words.maskQuiet;
}

function ZoneLine({
  zone,
  fault,
  isChosen,
  choose,
  change,
  remove,
  corner,
}: {
  zone: DrawnZone;
  fault: string | null;
  isChosen: boolean;
  choose(): void;
  change(zone: DrawnZone): void;
  remove(): void;
  corner: number;
}) {
  const id = `zone-${zone.id}`;
  return (
    <li class={`zone ${isChosen ? 'is-chosen' : ''}`}>
      <div class="zone-head">
        <input
          id={id}
          value={zone.name}
          maxLength={40}
          autoComplete="off"
          spellcheck={false}
          aria-label={words.zoneName}
          aria-invalid={fault !== null}
          aria-describedby={`${id}-note`}
          onFocus={choose}
          onInput={({ currentTarget }) => {
            const name = zoneName(currentTarget.value);
            // Shows the cleaned name even when it is the same as before.
            currentTarget.value = name;
            change({ ...zone, name });
          }}
        />
        <button
          type="button"
          class="button button-quiet button-round"
          aria-label={`${words.removeZone}: ${zone.name}`}
          title={words.removeZone}
          onClick={remove}
        >
          <Icon name="remove" />
        </button>
      </div>
      <p id={`${id}-note`} class={fault === null ? 'unseen' : 'field-fault'}>
        {fault ?? words.zoneNameHelp}
      </p>
      {isChosen && (
        <div class="row">
          <button type="button" class="button button-quiet button-small" onClick={() => change(withCorner(zone))}>
            {words.addCorner}
          </button>
          {!isRectangle(zone.corners) && zone.corners.length > 3 && (
            <button
              type="button"
              class="button button-quiet button-small"
              onClick={() => change(withoutCorner(zone, corner))}
            >
              {words.removeCorner} {corner + 1}
            </button>
          )}
        </div>
      )}
    </li>
  );
}
