// Owns: the words of the page "Requests" in English; the other languages have the same shape. Fetched with that page.

export const requestsEn = {
  waiting: 'Waiting for you',
  answered: 'Answered',
  ignored: 'Ignored',
  noneWaiting: 'Nothing waits for you.',
  unaskedTitle: 'There is a request that you cannot be asked about',
  anotherOwner: 'Another owner',
  grantedByAnother: 'Another owner granted this, or you in another browser. Any owner can take a clip back.',
  declinedByAnother: 'Another owner declined this, or you in another browser.',
  none: 'Nobody asks for anything',
  noneHelp:
    'When an agency asks the homes around a place for video, its request appears here. You decide; nothing leaves by itself.',
  askingDevice: 'Asking the doorbell …',
  unread: (count: number) =>
    count === 1
      ? 'One request is not shown, because its signatures do not verify.'
      : `${count} requests are not shown, because their signatures do not verify.`,
  unreadByClock: (count: number) =>
    count === 1
      ? 'One request cannot be checked with this clock.'
      : `${count} requests cannot be checked with this clock.`,
  clockTitle: 'The clock of this phone or computer is wrong',
  clockHelp: (here: string, device: string) =>
    `Here it is ${here}, at the doorbell ${device}. Set the date and time here to automatic. Until then nothing can be answered: an order with a wrong date is refused (consent_not_yet_valid, consent_too_old).`,

  askedWindow: 'Asks for',
  answerBy: 'Open until',
  footageWhole: 'You have all of it',
  footageSome: (length: string) => `You have ${length} of it`,
  footageNone: 'You have no footage of it',
  back: 'All requests',

  who: 'Who asks',
  verified: 'Verified',
  verifiedHelp: (until: string) =>
    `The registry vouches for this agency until ${until}. The agency has signed this text, and the bridge has published exactly these bytes. This browser has checked all three signatures.`,
  jurisdictions: {
    municipal: 'City agency',
    county: 'County agency',
    state: 'State agency',
    federal: 'Federal agency',
  },
  investigation: 'Investigation',
  contact: 'Contact',
  through: 'Through',
  why: 'Why',
  when: 'When',
  where: 'Where',
  areaHelp: 'Your doorbell lies in this area. It has compared its place by itself, and keeps it to itself.',
  areaLabel: (width: string, height: string, middle: string) =>
    `Plan of the area, north up: ${width} wide, ${height} high, around ${middle}`,
  areaSize: (width: string, height: string, surface: string) => `${width} × ${height}, ${surface}`,
  north: 'N',
  proofs: 'Keys and hashes',
  proofAgency: 'Agency’s key',
  proofRequest: 'SHA-256 of the request',
  proofCredential: 'Credential, revision',
  proofId: 'Request',
  readAgain: 'Read the request again',

  decideTitle: 'Your answer',
  decideHelp: 'The agency sees the same whether you decline, ignore it, have no footage, or were not at home: nothing.',
  choose: 'Choose a clip',
  decline: 'Decline',
  ignore: 'Ignore',
  unignore: 'Do not ignore',
  declining: 'Declining …',
  declineAsk: 'Decline? It stays on your doorbell; nobody else learns of it. A no stays a no.',
  declineYes: 'Yes, decline',
  keepOpen: 'Back',
  ignoredNote: 'You ignore this request in this browser. Nobody learns of it.',

  chooseTitle: 'Choose what leaves',
  noFootageTitle: 'There is no footage of that time',
  noFootageHelp: 'There is nothing to share. You can decline, or ignore the request.',
  privateTitle: 'Privacy is on',
  privateHelp:
    'Footage is not shown, and no clip can be made, until you turn privacy off on the page Now. You can decline.',
  footageGone: 'Some of what was chosen has been overwritten since. Look at the choice again.',
  trimLabel: 'Trim',
  trimStart: 'Start of the clip',
  trimEnd: 'End of the clip',
  trimWhole: 'Where the clip lies in what is asked for',
  frameBack: 'One frame back',
  frameForward: 'One frame forward',
  framesOf: { start: 'Start', end: 'End' },
  otherEnd: 'Look at the other end',
  playClip: 'Play what is chosen',
  pause: 'Pause',
  events: 'What happened then',
  eventRing: 'Ring',
  eventMotion: 'Movement',
  length: (length: string) => `${length} chosen`,
  trimHelp:
    'Drag the handles. With the keyboard, the arrow keys move a frame, with Shift a second, Page Up and Page Down ten.',

  zonesOffer: 'You can black out what nobody should see: a neighbour’s window, a child.',
  zonesHelp:
    'Draw over what nobody should see. It is black in every frame of the clip, and cannot be undone by anybody.',
  drawZones: 'Draw to black out',
  stopDrawing: 'Done',
  addZone: 'Add an area',
  zone: (number: number) => `Blacked out area ${number}`,
  zoneKeys: 'Arrow keys move it, with Shift they size it, Delete removes it.',
  zoneRemove: (number: number) => `Remove area ${number}`,

  sound: 'With sound',
  soundHelp: 'Off unless you switch it on: voices are heard from further than faces are seen.',

  factsTitle: 'About you',
  factsHelp: 'Asked for, and off unless you tick it. Exactly these words would go with the clip.',
  factsNone: 'Nothing about you is asked for.',
  facts: { name: 'Name', address: 'Address', email: 'E-mail', phone: 'Phone' },
  factsInside: { name: 'name', address: 'address', email: 'email', phone: 'phone number' },
  factUnset: 'not set on your doorbell',

  makePreview: 'Make the preview',
  seePreview: 'See the preview',
  makingPreview: 'The doorbell cuts the clip …',
  fetchingPreview: (share: string) => `Fetching the clip ${share}`,
  previewNext: 'Nothing leaves yet: the doorbell makes the clip exactly as it would leave, and you look at it first.',
  tooManyTitle: 'Two previews are kept already',
  tooManyHelp: 'End one to make this one.',
  endPreview: (from: string, to: string) => `End the one of ${from} to ${to}`,

  previewTitle: 'Look at exactly what would leave',
  previewVideo: 'The clip, byte for byte',
  previewChecked: (frames: number, bytes: string) => `${frames} frames, ${bytes}`,
  previewHash: 'A yes names this SHA-256: these bytes leave, or nothing does.',
  previewUntil: (time: string) => `Kept until ${time}`,
  previewNoSound: 'There is no sound in the footage.',
  previewGaps: (count: number) =>
    count === 1 ? 'The footage has a gap in it.' : `The footage has ${count} gaps in it.`,
  fetchAgain: 'Fetch it again',
  changeChoice: 'Change',
  sentenceTitle: 'If you say yes',
  sentence: (facts: SentenceFacts) =>
    `These ${facts.length} of video, ${facts.sound ? 'with sound' : 'without sound'}${facts.zones === 0 ? '' : `, with ${facts.zones === 1 ? 'one area' : `${facts.zones} areas`} blacked out`}, ${facts.disclosed === '' ? 'and nothing about you' : `and your ${facts.disclosed}`} go to ${facts.agency} (${facts.domain}), which may use them for investigation ${facts.investigation} and keeps them as “${facts.retention}” under its own rules; the bridge that carries them can read them; until the agency’s vault has them, which can be seconds later, you can take them back and they are erased; after that, taking back is a recall, and the agency’s policy answers it.`,
  listOf: (words: string[]) =>
    words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`,
  grant: 'Let this clip leave',
  granting: 'Signing …',

  states: {
    open: 'Waiting',
    signed: 'Being sent to the doorbell',
    'under-way': 'On its way',
    sent: 'Delivered',
    'taking-back': 'Being taken back',
    'taken-back': 'Taken back',
    recalled: 'Recalled',
    declined: 'Declined',
    failed: 'Nothing was delivered',
    closed: 'Closed',
  },
  signedHelp:
    'Your grant is signed and kept in this browser. The same grant is sent until the doorbell has answered; never a second one.',
  giveUp: 'Do not send it',
  sendAgain: 'Send the same again',
  underWay: {
    waiting: 'The doorbell prepares the clip.',
    sending: 'The clip is being sent to the bridge.',
    stored: 'The bridge has the clip.',
    stopped: 'Sending was stopped.',
  },
  retryIn: (seconds: number) => `The bridge was not reached. Next try in ${seconds} s.`,
  uploadShare: (sent: string, all: string) => `${sent} of ${all}`,
  sentHelp: 'The bridge has confirmed with its signature that it has exactly this clip.',
  receiptTitle: 'Receipt, signed by your doorbell',
  receiptClip: 'SHA-256 of the clip',
  receiptSpan: 'Clip',
  receiptFrames: 'Frames',
  receiptDisclosed: 'About you',
  receiptGrant: 'Grant',
  receiptAt: 'At',
  nothing: 'nothing',
  takeBack: 'Take it back',
  takingBack: 'Taking it back …',
  takeBackAsk:
    'Take it back? Sending stops at once. What the bridge has is erased; what the agency’s vault has already is recalled, and its policy answers.',
  takeBackYes: 'Yes, take it back',
  takingBackHelp: 'The revocation is signed and kept in this browser. It is sent until the doorbell has answered.',
  takenBack: {
    'never-left': 'Nothing had left the doorbell. What was cut for it is erased.',
    waiting: 'Nothing more is sent. The bridge has not confirmed yet that it has erased what it has.',
    everywhere: 'The clip is erased at the doorbell and, as the bridge has signed, at the bridge.',
  },
  vaultSays: {
    erased: 'The agency’s vault had it already, and has erased it.',
    restricted: 'The agency’s vault had it already. It keeps it, restricted: a case holds it.',
    kept: 'The agency’s vault had it already, and keeps it.',
  },
  vaultReason: (reason: string) => `Its reason: ${reason}`,
  recalledHelp: 'The agency’s vault had it already, and does not erase it.',
  declinedHelp: 'You said no. It stays on your doorbell; nobody else learns of it.',
  failedHelp: 'The clip was not delivered:',
  failedBefore: 'The clip that you granted before was not delivered',
  closedHelp: 'It was ended early, or its time is over. Nothing has left.',
};

export interface SentenceFacts {
  length: string;
  sound: boolean;
  zones: number;
  /** Facts with their values, as a list in words. */
  disclosed: string;
  agency: string;
  domain: string;
  investigation: string;
  retention: string;
}

/** What every language has. */
export type RequestWords = typeof requestsEn;
