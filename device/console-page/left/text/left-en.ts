// Owns: the words of the page "What has left" in English; the other languages have the same shape. Fetched with that page.

export const leftEn = {
  nothing: 'Nothing has ever left this device.',
  nothingHelp:
    'No clip and no fact about you was sent to anybody. When you grant a request, what leaves is listed here from the moment in which sending begins.',
  asking: 'Asking the doorbell …',
  count: (count: number) => (count === 1 ? 'One clip has left this device.' : `${count} clips have left this device.`),
  countHelp: 'Each is listed for good, also when it was taken back.',
  older: 'Show older',

  petOwner: 'Somebody who searches for a pet',
  petOwnerHelp: (id: string) => `Known by a key alone: ${id}`,
  agencyHelp: (domain: string, kind: string) => `${domain} · ${kind}, verified by the registry when you granted`,
  kinds: { municipal: 'city agency', county: 'county agency', state: 'state agency', federal: 'federal agency' },

  labels: {
    sending: 'Sending',
    stopped: 'Ended early',
    stored: 'Sent',
    'in-vault': 'In the vault',
    revoking: 'Being taken back',
    'nothing-arrived': 'Nothing arrived',
    'erased-at-bridge': 'Erased',
    'erased-at-vault': 'Erased',
    restricted: 'Restricted',
    kept: 'Kept',
  },
  outcomes: {
    sending: 'It is being sent. A part of it may be outside already.',
    stopped:
      'Sending ended before the bridge had confirmed the clip, so a part of it may be there. If you take it back, the bridge erases what it has.',
    stored: (when: string) => `The bridge has had all of it since ${when}.`,
    storedMayMove: 'It may have handed it to the agency’s vault meanwhile; the check tells.',
    'in-vault': (when: string) =>
      `The bridge handed it to the agency’s vault on ${when}. How long it stays there, the department’s policy says; this device is not told.`,
    'at-bridge': 'By the bridge’s log it has not been handed to a vault.',
    revoking: (when: string) =>
      `It was taken back on ${when}. Nothing more is sent. The bridge has not answered yet; it is asked until it does.`,
    'nothing-arrived': (when: string) =>
      `It was taken back before any of it had arrived: the bridge signed on ${when} that it has none of it.`,
    'erased-at-bridge': (when: string) =>
      `It was taken back. The bridge signed on ${when} that it has erased all of it.`,
    'erased-at-vault': (when: string) =>
      `It was taken back when the vault had it already. The vault signed that it has erased it; this came on ${when}.`,
    restricted: (when: string) =>
      `It was taken back when the vault had it already. It does not erase it: by the department’s policy it is kept and restricted. The vault’s signed answer came on ${when}.`,
    kept: (when: string) =>
      `It was taken back when the vault had it already. The department keeps it. The vault’s signed answer came on ${when}.`,
    reason: (words: string) => `Its reason: “${words}”`,
    stoppedBy: (words: string) => `Why: ${words}`,
  },

  footage: 'Footage',
  footageOf: (day: string, from: string, to: string, length: string) => `${day}, ${from} to ${to} (${length})`,
  seeFootage: 'See it on the timeline',
  disclosed: 'Said about you',
  disclosedNothing: 'nothing',
  disclosedUnkept: 'the values were not kept then',
  keys: { name: 'Name', address: 'Address', email: 'E-mail', phone: 'Phone' },
  sound: 'Sound',
  soundWith: 'with sound',
  soundWithout: 'without sound',
  blackedOut: (zones: number) => (zones === 1 ? 'one area blacked out' : `${zones} areas blacked out`),
  reason: 'For',
  granted: 'Granted',
  grantedBy: { you: 'by you, in this browser', other: 'by another owner, or from another browser or terminal' },
  sent: 'Sending began',

  more: 'How it was cut, and its hash',
  method: 'Cut',
  methods: {
    copy: 'copied; no picture was encoded again',
    'smart-cut': 'only the pictures up to the first keyframe were encoded again, all others copied',
    're-encode': 'every picture was encoded again',
  },
  frames: 'Pictures',
  size: 'Size',
  sha256: 'SHA-256 of the clip',
  ids: 'Grant and request',

  check: 'Check the proof',
  checking: 'Asks the bridge and checks …',
  checkAgain: 'Check again',
  checkHelp: 'Checked in this browser, against the key of the bridge that your doorbell pinned.',
  holds: 'Everything the bridge shows verifies.',
  holdsNot: 'Not everything verifies.',
  holdsNotHelp:
    'What is marked below is not what your doorbell has recorded, or not signed by the bridge that it knows. Do not rely on it.',
  storedOk: (when: string) => `Receipt: signed by the bridge on ${when}, for exactly this clip.`,
  storedBad: (why: string) => `The receipt does not verify: ${why}.`,
  answerOk: (when: string) => `Answer to taking it back: signed by the bridge on ${when}.`,
  answerBad: (why: string) => `The answer to taking it back does not verify: ${why}.`,
  leafBad: (why: string) => `An entry of the bridge’s log does not verify: ${why}.`,
  leaf: {
    intake: 'taken in',
    'hand-over': 'handed to the vault',
    recall: 'recall sent to the vault',
    deletion: 'erased at the bridge',
    access: 'looked at',
    dispute: 'manifest opened',
  },
  recallAnswers: {
    pending: 'recall sent to the vault',
    erased: 'the vault answered the recall: erased',
    restricted: 'the vault answered the recall: restricted',
    kept: 'the vault answered the recall: kept',
  },
  leafOk: (what: string, when: string) => `In the log: ${what}, ${when}.`,
  leafPlace: (leaf: string, size: string) => `leaf ${leaf} of ${size}`,
  cosigned: (count: number) =>
    count === 0
      ? 'not cosigned by a witness yet'
      : count === 1
        ? 'cosigned by 1 witness'
        : `cosigned by ${count} witnesses`,
  witnesses:
    'Your doorbell does not know who the witnesses are. `doorsill verify --witness-key` checks with keys that you know.',
  partial: 'This bridge shows the latest entry alone, so what happened before it is not known here.',
  noClip: 'The bridge knows no clip of this grant. What this doorbell has kept is above.',

  takeBack: 'Take it back',
  takeBackTitle: 'Take this clip back?',
  takeBackSending: 'Sending ends at once, and the bridge erases what it has.',
  takeBackStored:
    'While the bridge has it, it is erased there and nobody sees it any more. If the agency’s vault has it already, the department’s policy decides: erase, restrict or keep. You are shown the answer it signs.',
  takeBackPet: 'The bridge erases it. What the pet’s owner has downloaded before stays with them.',
  takingBack: 'Takes it back …',
  keep: 'Leave it',
};

/** What every language has. */
export type LeftWords = typeof leftEn;
