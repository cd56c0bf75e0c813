// Choosing a camera by its picture: those that were found, and a network camera by its address.
import type { Trouble } from '../kit/door-context.ts';
import { showMbit } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import { PictureNote } from '../kit/notices.tsx';
import type { Attempt, Found, Tried } from './setup-client.ts';
import { words } from './setup-words.ts';

/** What is known of a camera's picture: it is being taken, it was taken, or why not. */
export type Look = { at: 'taking' } | { at: 'taken'; tried: Tried; url: string } | { at: 'failed'; trouble: Trouble };

export interface CameraChoiceProps {
  /** Null while they are looked for. */
  found: Found | null;
  looks: ReadonlyMap<string, Look>;
  chosen: Attempt | null;
  /** The address of a network camera, as typed. */
  address: string;
  type(address: string): void;
  choose(attempt: Attempt): void;
  lookAgain(): void;
  retake(attempt: Attempt): void;
}

const isWired = (source: string) => /^(v4l2|rpicam):/.test(source);
const isAddress = (text: string) => /^rtsp:\/\/\S+$/i.test(text);

export function CameraChoice(props: CameraChoiceProps) {
  const { found, looks, chosen, address, type, choose, lookAgain, retake } = props;
  const cameras = found?.cameras ?? [];
  const current = cameras.find(({ source }) => source === chosen?.camera);
  const isNetwork = chosen !== null && chosen.camera === address;
  return (
    <>
      {found === null && (
        <p class="hint is-working" role="status">
          {words.looking}
        </p>
      )}
      {found !== null && cameras.length === 0 && (
        <div class="notice" role="status">
          <Icon name="camera" />
          <div>
            <p class="notice-title">{words.noCamera}</p>
            <p>{words.noCameraHelp}</p>
          </div>
        </div>
      )}
      <div class="cameras">
        {cameras.map(({ source, label }) => (
          <Camera
            key={source}
            label={label}
            look={looks.get(source)}
            isChosen={chosen?.camera === source}
            choose={() => choose({ camera: source, size: null, microphone: null })}
          />
        ))}
        {isNetwork && <Camera label={words.network} look={looks.get(address)} isChosen choose={() => undefined} />}
      </div>
      {current && chosen && (
        <div class="camera-options">
          {current.sizes.length > 0 && (
            <label class="field">
              <span>{words.size}</span>
              <select
                value={chosen.size ?? ''}
                onChange={({ currentTarget: { value } }) => retake({ ...chosen, size: value || null })}
              >
                <option value="">{words.sizeUsual}</option>
                {current.sizes.map((size) => (
                  <option key={size} value={size}>
                    {size}
                  </option>
                ))}
              </select>
            </label>
          )}
          {isWired(current.source) && (found?.microphones.length ?? 0) > 0 && (
            <label class="field">
              <span>{words.microphone}</span>
              <select
                value={chosen.microphone ?? ''}
                onChange={({ currentTarget: { value } }) => retake({ ...chosen, microphone: value || null })}
              >
                <option value="">{words.noSound}</option>
                {found?.microphones.map(({ device, label }) => (
                  <option key={device} value={device}>
                    {label}
                  </option>
                ))}
              </select>
              <small class="hint">{words.noSoundHelp}</small>
            </label>
          )}
        </div>
      )}
      <div class="row">
        <button type="button" class="button" disabled={found === null} onClick={lookAgain}>
          <Icon name="back" />
          {words.lookAgain}
        </button>
        {chosen && (
          <button
            type="button"
            class="button"
            disabled={looks.get(chosen.camera)?.at === 'taking'}
            onClick={() => retake(chosen)}
          >
            <Icon name="camera" />
            {words.newPicture}
          </button>
        )}
      </div>
      <details class="network-camera">
        <summary>{words.network}</summary>
        <div class="field">
          <label for="camera-address">{words.address}</label>
          <input
            id="camera-address"
            value={address}
            maxLength={1_000}
            inputMode="url"
            autoComplete="off"
            autoCapitalize="none"
            spellcheck={false}
            placeholder="rtsp://192.168.1.20/stream1"
            aria-describedby="camera-address-note"
            onInput={({ currentTarget }) => type(currentTarget.value.trim())}
          />
          <p id="camera-address-note" class="hint">
            {words.addressHelp}
          </p>
        </div>
        <button
          type="button"
          class="button"
          disabled={!isAddress(address)}
          onClick={() => retake({ camera: address, size: null, microphone: null })}
        >
          <Icon name="camera" />
          {words.show}
        </button>
      </details>
    </>
  );
}

function Camera(props: { label: string; look: Look | undefined; isChosen: boolean; choose(): void }) {
  const { label, look, isChosen, choose } = props;
  const tried = look?.at === 'taken' ? look.tried : null;
  const facts = tried && [
    `${tried.width}x${tried.height}`,
    words.rate(showMbit(tried.bitsPerSecond)),
    ...(tried.hasSound ? [words.withSound] : []),
  ];
  return (
    <label class={isChosen ? 'camera is-chosen' : 'camera'}>
      <span class="picture" aria-busy={look?.at === 'taking'}>
        {look?.at === 'taken' && <img src={look.url} alt={words.pictureOf(label)} />}
        {look?.at === 'failed' && (
          <PictureNote icon="warning" title={look.trouble.title} reason={look.trouble.advice} />
        )}
        {(look === undefined || look.at === 'taking') && <PictureNote icon="camera" title={words.taking} />}
      </span>
      <span class="camera-foot">
        <input type="radio" name="camera" checked={isChosen} onChange={choose} />
        <span>
          <span class="camera-name">{label}</span>
          {facts && <span class="hint camera-facts">{facts.join(' · ')}</span>}
          {tried?.trouble && <span class="camera-trouble">{tried.trouble}</span>}
        </span>
      </span>
    </label>
  );
}
