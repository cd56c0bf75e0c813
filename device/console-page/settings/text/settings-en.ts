// Owns: the words of the page "Settings" in English; the other languages have the same shape. Fetched with that page.

export const settingsEn = {
  jump: 'Parts of this page',
  parts: {
    owners: 'Owners',
    viewers: 'Viewers',
    looks: 'Who looked',
    recovery: 'Recovery and backup',
    disclosure: 'About you',
    motion: 'Movement',
    keeping: 'How long things are kept',
  },
  byOwner: 'Set by an owner',
  asInFile: 'As in device.json',
  backToFile: 'Back to device.json',
  save: 'Save',
  saving: 'Saving …',
  saved: 'Saved. It is in force now.',
  discard: 'Discard changes',

  ownersHelp: 'Owners see everything and decide what leaves. They are paired at the device with a code.',
  thisBrowser: 'This browser',
  ownerSince: (time: string) => `since ${time}`,
  removeOwnerAsk: (name: string) => `Remove ${name} as an owner?`,
  removeOwnerConsequence:
    'What it watches ends at once, its grants that have not been handed over end, and viewers whom it let in are removed. It can come back only by pairing at the device.',
  removeSelfAsk: 'Remove this browser as an owner?',
  removeSelfConsequence: 'This page closes at once. To come back, this browser has to be paired at the device again.',
  onlyOwner: 'The only owner cannot be removed: nobody could decide any more.',
  ownersAdd: 'Add an owner: open the pairing link on that phone or computer. At the device this prints it:',

  disclosureHelp:
    'Nothing of this is ever sent by itself. A request may ask for it, and it leaves only if you tick it in that request, where you see these very words.',
  values: { name: 'Name', address: 'Address', email: 'E-mail', phone: 'Phone' },
  valueNone: 'Nothing to disclose',
  valueTooShort: 'At least three letters.',

  motionOff: 'Motion is switched off in device.json (motion.enabled), so nothing here has an effect until it is on.',
  zones: 'Where movement counts',
  zonesHelp:
    'Draw areas on the picture: movement counts inside them alone. Without any, it counts everywhere. Tinted squares are what the detector sees moving now.',
  zonesEverywhere: 'No area is drawn: movement counts everywhere.',
  zonePicture: 'Areas on the picture',
  zoneWord: 'area',
  drawZone: 'Draw an area',
  drawing: 'Draw on the picture, from corner to corner.',
  addZone: 'Add one in the middle',
  zonesFull: 'There are 16 areas, as many as there can be.',
  zoneName: 'Name of the area',
  zoneNameHelp: 'Small letters, digits and hyphens. Events carry it.',
  zoneNameEmpty: 'Give the area a name.',
  zoneNameTwice: 'Two areas have this name.',
  moveZone: (name: string) => `Move ${name}`,
  cornerOf: (name: string, number: number, left: string, top: string) =>
    `Corner ${number} of ${name}: ${left} from the left, ${top} from the top`,
  addCorner: 'Add a corner',
  removeCorner: 'Remove the corner',
  removeZone: 'Remove the area',
  zoneKeys:
    'With the keyboard: arrow keys move a corner or the whole area, with Shift further; Delete removes a corner.',
  maskLearning: 'Learning what is still …',
  maskQuiet: 'Nothing moves now.',
  maskMoves: 'Something moves now.',
  maskGone: 'What moves now cannot be shown. Trying again …',

  sensitivity: 'Sensitivity',
  sensitivityLow: 'Only large movement',
  sensitivityHigh: 'Every leaf',
  sensitivityHelp: 'What counts now is shown on the picture while you move this.',

  trial: 'Try it on recorded footage',
  trialHelp:
    'The doorbell looks through what it has recorded, with your areas and several sensitivities. It is noted under “Who looked”. Nothing is changed.',
  trialSpan: 'Footage',
  spanHour: 'Last hour',
  spanThree: 'Last 3 hours',
  spanNight: 'Last night, 22 to 6 o’clock',
  spanHalfDay: 'Last 12 hours',
  trialStart: 'Try',
  trialStop: 'Stop',
  trialLooking: (share: string) => `Looking … ${share}`,
  trialLooked: (length: string) => `${length} of footage looked through.`,
  trialNow: (count: number) =>
    count === 1 ? 'As it is set now, 1 event is seen.' : `As it is set now, ${count} events are seen.`,
  trialTable: 'What each sensitivity would have seen',
  trialAt: 'At',
  trialEvents: 'Events',
  trialNew: 'Not seen now',
  trialWould: (sensitivity: number, count: number) =>
    count === 0
      ? `At ${sensitivity} nothing would have been seen.`
      : count === 1
        ? `At ${sensitivity} this event would have been seen:`
        : `At ${sensitivity} these ${count} events would have been seen:`,
  trialSeenNow: 'seen now, too',
  trialShown: (shown: number, all: number) => `The first ${shown} of ${all}.`,
  trialUse: (sensitivity: number) => `Set to ${sensitivity}`,

  keepingFootage: 'Footage',
  keepingFootageHelp: (bytes: string) =>
    `Older footage is destroyed. It may go earlier: when the ring of ${bytes} is full, the oldest makes room.`,
  keepingEvents: 'Past events',
  keepingEventsHelp: 'Rings, movement and faults in the list “Lately”. They tell when people were at the door.',
  days: (count: number) => (count === 1 ? '1 day' : `${count} days`),
  eventsNone: 'Until the device stops',
  shorterDestroys: (length: string) =>
    `Footage older than ${length} is destroyed as soon as you save, for good. It cannot be brought back.`,
  shorterDestroysNow: (length: string) => `${length} of footage that is here now would be gone.`,
  shorterEvents: 'Older events are erased as soon as you save.',
  confirmShorter: 'Save and destroy older footage',

  recoveryLost: 'This was the only browser, and it is lost',
  recoveryLostHelp:
    'Nobody can pair from afar, and there is no password to reset. Go to the device: this prints a new pairing link there.',
  recoveryLocked: 'If pairing is locked after ten failures, press the doorbell’s real button first.',
  recoveryThen:
    'Pair the new browser, then remove the lost one here under “Owners”, so that it can do nothing any more.',
  recoverySecond: 'A second browser, paired now, spares you the way to the device.',
  backup: 'Backup of the device',
  backupHelp:
    'A backup holds the device’s identity, its settings and its ledger, sealed with a passphrase; no footage. It is made at the device, never in a browser: whoever has it and the passphrase can be your doorbell.',
  backupMake: 'Stop the device, then make it:',
  backupRestore: 'Bring it back into an empty folder:',
  backupAfter: 'After that everybody pairs again, and nothing that was signed before counts, except revocations.',
  copy: 'Copy',
  copied: 'Copied',
};

/** What every language has. */
export type SettingsWords = typeof settingsEn;
