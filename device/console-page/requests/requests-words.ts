import { inLanguage } from '../kit/choose-language.ts';

const en = {
  waiting: 'Waiting for you',
  answered: 'Answered',
  ignored: 'Ignored',
  noneWaiting: 'No request is waiting for you.',
  unaskedTitle: 'There is a request that cannot be shown to you',
  anotherOwner: 'Another owner',
  grantedByAnother: 'Another owner granted this, or you in another browser. Any owner can take a clip back.',
  declinedByAnother: 'Another owner declined this, or you in another browser.',
  none: 'There are no requests',
  noneHelp:
    'When an agency asks the homes around a place for video, its request appears here. You decide; nothing is sent automatically.',
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
  through: 'Sent through',
  why: 'Why',
  when: 'When',
  where: 'Where',
  areaHelp: 'Your doorbell is in this area. It checked that itself and did not send its location.',
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
  decideHelp: 'The agency sees no difference between declining, ignoring, having no footage and not being at home.',
  choose: 'Choose a clip',
  decline: 'Decline',
  ignore: 'Ignore',
  unignore: 'Do not ignore',
  declining: 'Declining …',
  declineAsk: 'Decline? Your answer stays on your doorbell; nobody else learns of it. You cannot change it later.',
  declineYes: 'Yes, decline',
  keepOpen: 'Back',
  ignoredNote: 'You ignore this request in this browser. Nobody learns of it.',

  chooseTitle: 'Choose what leaves',
  noFootageTitle: 'There is no footage of that time',
  noFootageHelp: 'There is nothing to share. You can decline, or ignore the request.',
  privateTitle: 'Privacy is on',
  privateHelp:
    'Footage is not shown, and no clip can be made, until you turn privacy off on the page Now. You can decline.',
  footageGone: 'Part of the chosen footage has been overwritten since. Check your choice again.',
  trimLabel: 'Trim',
  trimStart: 'Start of the clip',
  trimEnd: 'End of the clip',
  trimWhole: 'Position of the clip in the requested time',
  frameBack: 'One frame back',
  frameForward: 'One frame forward',
  framesOf: { start: 'Start', end: 'End' },
  otherEnd: 'Show the other end',
  playClip: 'Play what is chosen',
  pause: 'Pause',
  events: 'What happened then',
  eventRing: 'Ring',
  eventMotion: 'Movement',
  length: (length: string) => `${length} chosen`,
  trimHelp:
    'Drag the handles. On the keyboard, the arrow keys move one frame, with Shift one second; Page Up and Page Down move ten seconds.',

  zonesOffer: 'You can black out what nobody should see: a neighbour’s window, a child.',
  zonesHelp:
    'Draw over what nobody should see. The area is black in every frame of the clip, and nobody can undo that.',
  drawZones: 'Draw to black out',
  stopDrawing: 'Done',
  addZone: 'Add an area',
  zone: (number: number) => `Blacked out area ${number}`,
  zoneKeys: 'Arrow keys move it, with Shift they resize it, Delete removes it.',
  zoneRemove: (number: number) => `Remove area ${number}`,

  sound: 'With sound',
  soundHelp: 'Off unless you switch it on: it may include voices of people whom the camera does not show.',

  factsTitle: 'About you',
  factsHelp: 'The agency asks for this. Only what you tick is sent with the clip, exactly as shown here.',
  factsNone: 'Nothing about you is asked for.',
  factUnset: 'not set on your doorbell',

  makePreview: 'Make the preview',
  seePreview: 'See the preview',
  makingPreview: 'The doorbell is cutting the clip …',
  fetchingPreview: (share: string) => `Fetching the clip ${share}`,
  previewNext:
    'Nothing is sent yet: the doorbell makes the clip exactly as it would be sent, and you look at it first.',
  tooManyTitle: 'Two previews are kept already',
  tooManyHelp: 'End one to make this one.',
  endPreview: (from: string, to: string) => `End the one of ${from} to ${to}`,

  previewTitle: 'This is exactly what would be sent',
  previewVideo: 'The clip, byte for byte',
  previewChecked: (frames: number, bytes: string) => `${frames} frames, ${bytes}`,
  previewHash: 'Your grant names this SHA-256: only exactly this clip can be sent.',
  previewUntil: (time: string) => `Kept until ${time}`,
  previewNoSound: 'There is no sound in the footage.',
  previewGaps: (count: number) =>
    count === 1 ? 'The footage has a gap in it.' : `The footage has ${count} gaps in it.`,
  fetchAgain: 'Fetch it again',
  changeChoice: 'Change',
  sentenceTitle: 'If you say yes',
  sentence: (facts: SentenceFacts) =>
    `These ${facts.length} of video, ${facts.sound ? 'with sound' : 'without sound'}${facts.zones === 0 ? '' : `, with ${facts.zones === 1 ? 'one area' : `${facts.zones} areas`} blacked out`}, ${facts.disclosed === '' ? 'and nothing about you' : `and your ${facts.disclosed}`} go to ${facts.agency} (${facts.domain}). The agency may use them for investigation ${facts.investigation} and keeps them as “${facts.retention}” under its own rules. ${facts.readers} Until they are in the agency’s vault, which may take only seconds, you can take them back and they are erased. After that, you can recall them, and the agency’s policy decides whether they are erased.`,
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
    'Your grant is signed and stored in this browser. It is sent again until the doorbell answers; a second grant is never made.',
  giveUp: 'Do not send it',
  sendAgain: 'Send it again',
  underWay: {
    waiting: 'The doorbell is preparing the clip.',
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
  receiptAt: 'Time',
  nothing: 'nothing',
  takeBack: 'Take it back',
  takingBack: 'Taking it back …',
  takeBackAsk:
    'Take it back? Sending stops at once, and the bridge erases what it has. If the agency’s vault has the clip already, it is recalled, and the agency’s policy decides whether it is erased.',
  takeBackYes: 'Yes, take it back',
  takingBackHelp: 'The revocation is signed and stored in this browser. It is sent again until the doorbell answers.',
  takenBack: {
    'never-left': 'Nothing had left the doorbell. The clip that was cut is erased.',
    waiting: 'Nothing more is sent. The bridge has not confirmed yet that it has erased what it has.',
    everywhere:
      'The clip is erased at the doorbell and, as the bridge has confirmed with its signature, at the bridge.',
  },
  vaultSays: {
    erased: 'The agency’s vault had it already, and has erased it.',
    restricted: 'The agency’s vault had it already. It keeps it with restricted access, because a case needs it.',
    kept: 'The agency’s vault had it already, and keeps it.',
  },
  vaultReason: (reason: string) => `Its reason: ${reason}`,
  recalledHelp: 'The agency’s vault had it already, and does not erase it.',
  declinedHelp: 'You declined. Your answer stays on your doorbell; nobody else learns of it.',
  failedHelp: 'The clip was not delivered:',
  failedBefore: 'The clip that you granted before was not delivered',
  closedHelp: 'The request was ended early, or its time is over. Nothing was sent.',
};

export interface SentenceFacts {
  length: string;
  sound: boolean;
  zones: number;
  /** The disclosed facts with their values, as a list; '' if there are none. */
  disclosed: string;
  agency: string;
  domain: string;
  investigation: string;
  retention: string;
  /** A whole sentence. */
  readers: string;
}

type RequestWords = typeof en;

const de: RequestWords = {
  waiting: 'Wartet auf Sie',
  answered: 'Beantwortet',
  ignored: 'Ignoriert',
  noneWaiting: 'Keine Anfrage wartet auf Sie.',
  unaskedTitle: 'Es gibt eine Anfrage, die Ihnen nicht gezeigt werden kann',
  anotherOwner: 'Eine andere berechtigte Person',
  grantedByAnother:
    'Eine andere berechtigte Person hat das freigegeben, oder Sie in einem anderen Browser. Jede berechtigte Person kann einen Clip zurücknehmen.',
  declinedByAnother: 'Eine andere berechtigte Person hat das abgelehnt, oder Sie in einem anderen Browser.',
  none: 'Es gibt keine Anfragen',
  noneHelp:
    'Wenn eine Behörde die Häuser rund um einen Ort um Aufnahmen bittet, erscheint ihre Anfrage hier. Sie entscheiden; von selbst wird nichts gesendet.',
  askingDevice: 'Die Türklingel wird gefragt …',
  unread: (count) =>
    count === 1
      ? 'Eine Anfrage wird nicht gezeigt, weil ihre Signaturen ungültig sind.'
      : `${count} Anfragen werden nicht gezeigt, weil ihre Signaturen ungültig sind.`,
  unreadByClock: (count) =>
    count === 1
      ? 'Eine Anfrage kann mit dieser Uhr nicht geprüft werden.'
      : `${count} Anfragen können mit dieser Uhr nicht geprüft werden.`,
  clockTitle: 'Die Uhr dieses Telefons oder Rechners geht falsch',
  clockHelp: (here, device) =>
    `Hier ist es ${here}, an der Türklingel ${device}. Stellen Sie Datum und Uhrzeit hier auf automatisch. Bis dahin kann nichts beantwortet werden: Ein Auftrag mit falschem Datum wird abgelehnt (consent_not_yet_valid, consent_too_old).`,

  askedWindow: 'Fragt nach',
  answerBy: 'Offen bis',
  footageWhole: 'Sie haben alles davon',
  footageSome: (length) => `Sie haben ${length} davon`,
  footageNone: 'Sie haben davon keine Aufnahme',
  back: 'Alle Anfragen',

  who: 'Wer fragt',
  verified: 'Geprüft',
  verifiedHelp: (until) =>
    `Das Register bürgt bis ${until} für diese Behörde. Die Behörde hat diesen Text signiert, und die Brücke hat genau diese Bytes veröffentlicht. Dieser Browser hat alle drei Signaturen geprüft.`,
  jurisdictions: {
    municipal: 'Städtische Behörde',
    county: 'Kreisbehörde',
    state: 'Behörde des Bundesstaats',
    federal: 'Bundesbehörde',
  },
  investigation: 'Ermittlung',
  contact: 'Kontakt',
  through: 'Gesendet über',
  why: 'Warum',
  when: 'Wann',
  where: 'Wo',
  areaHelp: 'Ihre Türklingel ist in diesem Gebiet. Sie hat das selbst geprüft und ihren Standort nicht gesendet.',
  areaLabel: (width, height, middle) => `Plan des Gebiets, Norden oben: ${width} breit, ${height} hoch, um ${middle}`,
  areaSize: (width, height, surface) => `${width} × ${height}, ${surface}`,
  north: 'N',
  proofs: 'Schlüssel und Prüfsummen',
  proofAgency: 'Schlüssel der Behörde',
  proofRequest: 'SHA-256 der Anfrage',
  proofCredential: 'Ausweis, Revision',
  proofId: 'Anfrage',
  readAgain: 'Die Anfrage noch einmal lesen',

  decideTitle: 'Ihre Antwort',
  decideHelp:
    'Die Behörde sieht keinen Unterschied, ob Sie ablehnen, ignorieren, keine Aufnahme haben oder nicht zu Hause sind.',
  choose: 'Clip wählen',
  decline: 'Ablehnen',
  ignore: 'Ignorieren',
  unignore: 'Nicht ignorieren',
  declining: 'Wird abgelehnt …',
  declineAsk:
    'Ablehnen? Ihre Antwort bleibt auf Ihrer Türklingel; niemand sonst erfährt davon. Sie können sie später nicht ändern.',
  declineYes: 'Ja, ablehnen',
  keepOpen: 'Zurück',
  ignoredNote: 'Sie ignorieren diese Anfrage in diesem Browser. Niemand erfährt davon.',

  chooseTitle: 'Wählen, was gesendet wird',
  noFootageTitle: 'Von dieser Zeit gibt es keine Aufnahme',
  noFootageHelp: 'Es gibt nichts zu teilen. Sie können ablehnen oder die Anfrage ignorieren.',
  privateTitle: 'Privatsphäre ist an',
  privateHelp:
    'Aufnahmen werden nicht gezeigt und Clips nicht geschnitten, bis Sie die Privatsphäre auf der Seite Jetzt ausschalten. Ablehnen können Sie.',
  footageGone: 'Ein Teil der gewählten Aufnahme wurde inzwischen überschrieben. Prüfen Sie die Auswahl noch einmal.',
  trimLabel: 'Zuschneiden',
  trimStart: 'Anfang des Clips',
  trimEnd: 'Ende des Clips',
  trimWhole: 'Lage des Clips in der angefragten Zeit',
  frameBack: 'Ein Bild zurück',
  frameForward: 'Ein Bild vor',
  framesOf: { start: 'Anfang', end: 'Ende' },
  otherEnd: 'Das andere Ende zeigen',
  playClip: 'Auswahl abspielen',
  pause: 'Anhalten',
  events: 'Was damals geschah',
  eventRing: 'Klingeln',
  eventMotion: 'Bewegung',
  length: (length) => `${length} gewählt`,
  trimHelp:
    'Ziehen Sie die Griffe. Auf der Tastatur springen die Pfeiltasten ein Bild, mit Umschalt eine Sekunde, Bild auf und Bild ab zehn Sekunden.',

  zonesOffer: 'Schwärzen Sie, was niemand sehen soll: das Fenster der Nachbarn, ein Kind.',
  zonesHelp:
    'Zeichnen Sie über das, was niemand sehen soll. Der Bereich ist in jedem Bild des Clips schwarz, und niemand kann das rückgängig machen.',
  drawZones: 'Schwärzen',
  stopDrawing: 'Fertig',
  addZone: 'Bereich hinzufügen',
  zone: (number) => `Geschwärzter Bereich ${number}`,
  zoneKeys: 'Pfeiltasten verschieben ihn, mit Umschalt ändern sie die Größe, Entf entfernt ihn.',
  zoneRemove: (number) => `Bereich ${number} entfernen`,

  sound: 'Mit Ton',
  soundHelp: 'Aus, bis Sie ihn einschalten: Er kann Stimmen von Personen enthalten, die die Kamera nicht zeigt.',

  factsTitle: 'Über Sie',
  factsHelp: 'Danach fragt die Behörde. Nur was Sie ankreuzen, wird mit dem Clip gesendet, genau wie hier gezeigt.',
  factsNone: 'Nach Angaben über Sie wird nicht gefragt.',
  factUnset: 'auf Ihrer Türklingel nicht eingetragen',

  makePreview: 'Vorschau machen',
  seePreview: 'Vorschau ansehen',
  makingPreview: 'Die Türklingel schneidet den Clip …',
  fetchingPreview: (share) => `Der Clip wird geladen ${share}`,
  previewNext:
    'Noch wird nichts gesendet: Die Türklingel macht den Clip genau so, wie er gesendet würde, und Sie sehen ihn zuerst.',
  tooManyTitle: 'Es gibt schon zwei Vorschauen',
  tooManyHelp: 'Beenden Sie eine davon, um diese zu machen.',
  endPreview: (from, to) => `Die von ${from} bis ${to} beenden`,

  previewTitle: 'Genau das würde gesendet',
  previewVideo: 'Der Clip, Byte für Byte',
  previewChecked: (frames, bytes) => `${frames} Bilder, ${bytes}`,
  previewHash: 'Ihre Freigabe nennt diesen SHA-256: Nur genau dieser Clip kann gesendet werden.',
  previewUntil: (time) => `Verfügbar bis ${time}`,
  previewNoSound: 'In der Aufnahme ist kein Ton.',
  previewGaps: (count) => (count === 1 ? 'Die Aufnahme hat eine Lücke.' : `Die Aufnahme hat ${count} Lücken.`),
  fetchAgain: 'Noch einmal laden',
  changeChoice: 'Ändern',
  sentenceTitle: 'Wenn Sie ja sagen',
  sentence: (facts) =>
    `Diese ${facts.length} Video ${facts.sound ? 'mit Ton' : 'ohne Ton'}${facts.zones === 0 ? '' : `, mit ${facts.zones === 1 ? 'einem geschwärzten Bereich' : `${facts.zones} geschwärzten Bereichen`}`}, ${facts.disclosed === '' ? 'und nichts über Sie,' : `und dazu ${facts.disclosed}`} gehen an ${facts.agency} (${facts.domain}). Die Behörde darf sie für die Ermittlung ${facts.investigation} verwenden und bewahrt sie als „${facts.retention}“ nach eigenen Regeln auf. ${facts.readers} Bis sie im Archiv der Behörde sind, was nur Sekunden dauern kann, können Sie sie zurücknehmen, und sie werden gelöscht. Danach können Sie sie zurückrufen, und die Regeln der Behörde bestimmen, ob sie gelöscht werden.`,
  listOf: (words) => (words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} und ${words.at(-1)}`),
  grant: 'Diesen Clip freigeben',
  granting: 'Wird signiert …',

  states: {
    open: 'Wartet',
    signed: 'Wird der Türklingel übergeben',
    'under-way': 'Unterwegs',
    sent: 'Zugestellt',
    'taking-back': 'Wird zurückgenommen',
    'taken-back': 'Zurückgenommen',
    recalled: 'Zurückgerufen',
    declined: 'Abgelehnt',
    failed: 'Nichts wurde zugestellt',
    closed: 'Geschlossen',
  },
  signedHelp:
    'Ihre Freigabe ist signiert und in diesem Browser gespeichert. Sie wird erneut gesendet, bis die Türklingel antwortet; eine zweite Freigabe entsteht nie.',
  giveUp: 'Nicht senden',
  sendAgain: 'Noch einmal senden',
  underWay: {
    waiting: 'Die Türklingel bereitet den Clip vor.',
    sending: 'Der Clip wird an die Brücke gesendet.',
    stored: 'Die Brücke hat den Clip.',
    stopped: 'Das Senden wurde angehalten.',
  },
  retryIn: (seconds) => `Die Brücke war nicht erreichbar. Nächster Versuch in ${seconds} s.`,
  uploadShare: (sent, all) => `${sent} von ${all}`,
  sentHelp: 'Die Brücke hat mit ihrer Signatur bestätigt, dass sie genau diesen Clip hat.',
  receiptTitle: 'Quittung, von Ihrer Türklingel signiert',
  receiptClip: 'SHA-256 des Clips',
  receiptSpan: 'Clip',
  receiptFrames: 'Bilder',
  receiptDisclosed: 'Angaben über Sie',
  receiptGrant: 'Freigabe',
  receiptAt: 'Zeit',
  nothing: 'nichts',
  takeBack: 'Zurücknehmen',
  takingBack: 'Wird zurückgenommen …',
  takeBackAsk:
    'Zurücknehmen? Das Senden endet sofort, und die Brücke löscht, was sie hat. Hat das Archiv der Behörde den Clip schon, wird er zurückgerufen, und die Regeln der Behörde bestimmen, ob er gelöscht wird.',
  takeBackYes: 'Ja, zurücknehmen',
  takingBackHelp:
    'Der Widerruf ist signiert und in diesem Browser gespeichert. Er wird erneut gesendet, bis die Türklingel antwortet.',
  takenBack: {
    'never-left': 'Nichts hatte die Türklingel verlassen. Der geschnittene Clip ist gelöscht.',
    waiting: 'Es wird nichts mehr gesendet. Die Brücke hat noch nicht bestätigt, dass sie gelöscht hat, was sie hat.',
    everywhere:
      'Der Clip ist an der Türklingel gelöscht und, wie die Brücke mit ihrer Signatur bestätigt hat, auch bei der Brücke.',
  },
  vaultSays: {
    erased: 'Das Archiv der Behörde hatte ihn schon und hat ihn gelöscht.',
    restricted:
      'Das Archiv der Behörde hatte ihn schon. Es behält ihn mit eingeschränktem Zugang, weil er für einen Fall gebraucht wird.',
    kept: 'Das Archiv der Behörde hatte ihn schon und behält ihn.',
  },
  vaultReason: (reason) => `Begründung: ${reason}`,
  recalledHelp: 'Das Archiv der Behörde hatte ihn schon und löscht ihn nicht.',
  declinedHelp: 'Sie haben abgelehnt. Ihre Antwort bleibt auf Ihrer Türklingel; niemand sonst erfährt davon.',
  failedHelp: 'Der Clip wurde nicht zugestellt:',
  failedBefore: 'Der zuvor freigegebene Clip wurde nicht zugestellt',
  closedHelp: 'Die Anfrage wurde vorzeitig beendet, oder ihre Zeit ist um. Nichts wurde gesendet.',
};

const es: RequestWords = {
  waiting: 'Esperan su respuesta',
  answered: 'Contestadas',
  ignored: 'Ignoradas',
  noneWaiting: 'Ninguna solicitud espera su respuesta.',
  unaskedTitle: 'Hay una solicitud que no se le puede mostrar',
  anotherOwner: 'Otro propietario',
  grantedByAnother:
    'Lo autorizó otro propietario, o usted en otro navegador. Cualquier propietario puede retirar un clip.',
  declinedByAnother: 'Lo rechazó otro propietario, o usted en otro navegador.',
  none: 'No hay solicitudes',
  noneHelp:
    'Cuando una autoridad pide vídeo a las casas de un lugar, su solicitud aparece aquí. Usted decide; nada se envía por sí solo.',
  askingDevice: 'Preguntando al timbre …',
  unread: (count) =>
    count === 1
      ? 'Una solicitud no se muestra porque sus firmas no son válidas.'
      : `${count} solicitudes no se muestran porque sus firmas no son válidas.`,
  unreadByClock: (count) =>
    count === 1
      ? 'Una solicitud no se puede comprobar con este reloj.'
      : `${count} solicitudes no se pueden comprobar con este reloj.`,
  clockTitle: 'El reloj de este teléfono u ordenador está mal',
  clockHelp: (here, device) =>
    `Aquí son las ${here}, en el timbre las ${device}. Ponga aquí la fecha y la hora en automático. Hasta entonces no se puede contestar nada: una orden con fecha equivocada se rechaza (consent_not_yet_valid, consent_too_old).`,

  askedWindow: 'Pide la grabación de',
  answerBy: 'Abierta hasta',
  footageWhole: 'La tiene entera',
  footageSome: (length) => `Tiene ${length}`,
  footageNone: 'No tiene grabación de entonces',
  back: 'Todas las solicitudes',

  who: 'Quién pide',
  verified: 'Comprobada',
  verifiedHelp: (until) =>
    `El registro responde por esta autoridad hasta ${until}. La autoridad ha firmado este texto, y el puente ha publicado exactamente estos bytes. Este navegador ha comprobado las tres firmas.`,
  jurisdictions: {
    municipal: 'Autoridad municipal',
    county: 'Autoridad del condado',
    state: 'Autoridad del estado',
    federal: 'Autoridad federal',
  },
  investigation: 'Investigación',
  contact: 'Contacto',
  through: 'Enviada a través de',
  why: 'Por qué',
  when: 'Cuándo',
  where: 'Dónde',
  areaHelp: 'Su timbre está en esta zona. Lo ha comprobado él mismo y no ha enviado su ubicación.',
  areaLabel: (width, height, middle) =>
    `Plano de la zona, norte arriba: ${width} de ancho, ${height} de alto, alrededor de ${middle}`,
  areaSize: (width, height, surface) => `${width} × ${height}, ${surface}`,
  north: 'N',
  proofs: 'Claves y hashes',
  proofAgency: 'Clave de la autoridad',
  proofRequest: 'SHA-256 de la solicitud',
  proofCredential: 'Credencial, revisión',
  proofId: 'Solicitud',
  readAgain: 'Leer la solicitud otra vez',

  decideTitle: 'Su respuesta',
  decideHelp: 'La autoridad no ve ninguna diferencia entre rechazar, ignorar, no tener grabación y no estar en casa.',
  choose: 'Elegir un clip',
  decline: 'Rechazar',
  ignore: 'Ignorar',
  unignore: 'No ignorar',
  declining: 'Rechazando …',
  declineAsk: '¿Rechazar? Su respuesta queda en su timbre; nadie más se entera. No podrá cambiarla después.',
  declineYes: 'Sí, rechazar',
  keepOpen: 'Volver',
  ignoredNote: 'Ignora esta solicitud en este navegador. Nadie se entera.',

  chooseTitle: 'Elegir qué se envía',
  noFootageTitle: 'No hay grabación de entonces',
  noFootageHelp: 'No hay nada que compartir. Puede rechazar o ignorar la solicitud.',
  privateTitle: 'La privacidad está activada',
  privateHelp:
    'No se muestran grabaciones ni se cortan clips hasta que desactive la privacidad en la página Ahora. Rechazar sí puede.',
  footageGone: 'Parte de la grabación elegida se ha sobrescrito mientras tanto. Revise su elección.',
  trimLabel: 'Recortar',
  trimStart: 'Inicio del clip',
  trimEnd: 'Final del clip',
  trimWhole: 'Posición del clip en el tiempo solicitado',
  frameBack: 'Un fotograma atrás',
  frameForward: 'Un fotograma adelante',
  framesOf: { start: 'Inicio', end: 'Final' },
  otherEnd: 'Mostrar el otro extremo',
  playClip: 'Reproducir la selección',
  pause: 'Pausa',
  events: 'Qué pasó entonces',
  eventRing: 'Timbre',
  eventMotion: 'Movimiento',
  length: (length) => `${length} elegidos`,
  trimHelp:
    'Arrastre los tiradores. Con el teclado, las flechas mueven un fotograma, con Mayús un segundo; Re Pág y Av Pág, diez segundos.',

  zonesOffer: 'Puede tapar lo que nadie deba ver: la ventana de un vecino, un niño.',
  zonesHelp:
    'Dibuje sobre lo que nadie deba ver. La zona queda negra en cada fotograma del clip, y nadie puede deshacerlo.',
  drawZones: 'Tapar dibujando',
  stopDrawing: 'Hecho',
  addZone: 'Añadir una zona',
  zone: (number) => `Zona tapada ${number}`,
  zoneKeys: 'Las flechas la mueven, con Mayús cambian su tamaño, Supr la quita.',
  zoneRemove: (number) => `Quitar la zona ${number}`,

  sound: 'Con sonido',
  soundHelp: 'Apagado hasta que lo encienda: puede incluir voces de personas que la cámara no muestra.',

  factsTitle: 'Sobre usted',
  factsHelp: 'La autoridad pide esto. Solo se envía con el clip lo que usted marque, exactamente como se muestra aquí.',
  factsNone: 'No se pide nada sobre usted.',
  factUnset: 'no está en su timbre',

  makePreview: 'Hacer la vista previa',
  seePreview: 'Ver la vista previa',
  makingPreview: 'El timbre está cortando el clip …',
  fetchingPreview: (share) => `Cargando el clip ${share}`,
  previewNext: 'Todavía no se envía nada: el timbre hace el clip exactamente como se enviaría, y usted lo ve primero.',
  tooManyTitle: 'Ya hay dos vistas previas',
  tooManyHelp: 'Termine una de ellas para hacer esta.',
  endPreview: (from, to) => `Terminar la de ${from} a ${to}`,

  previewTitle: 'Esto es exactamente lo que se enviaría',
  previewVideo: 'El clip, byte a byte',
  previewChecked: (frames, bytes) => `${frames} fotogramas, ${bytes}`,
  previewHash: 'Su permiso nombra este SHA-256: solo se puede enviar exactamente este clip.',
  previewUntil: (time) => `Disponible hasta ${time}`,
  previewNoSound: 'La grabación no tiene sonido.',
  previewGaps: (count) => (count === 1 ? 'La grabación tiene un hueco.' : `La grabación tiene ${count} huecos.`),
  fetchAgain: 'Cargarlo otra vez',
  changeChoice: 'Cambiar',
  sentenceTitle: 'Si dice que sí',
  sentence: (facts) =>
    `Estos ${facts.length} de vídeo, ${facts.sound ? 'con sonido' : 'sin sonido'}${facts.zones === 0 ? '' : `, con ${facts.zones === 1 ? 'una zona tapada' : `${facts.zones} zonas tapadas`}`}, ${facts.disclosed === '' ? 'y nada sobre usted,' : `y su ${facts.disclosed}`} van a ${facts.agency} (${facts.domain}). La autoridad puede usarlos en la investigación ${facts.investigation} y los guarda como «${facts.retention}» según sus propias normas. ${facts.readers} Hasta que estén en el archivo de la autoridad, lo que puede ser cuestión de segundos, usted puede retirarlos y se borran. Después puede reclamarlos, y las normas de la autoridad deciden si se borran.`,
  listOf: (words) => (words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} y ${words.at(-1)}`),
  grant: 'Autorizar este clip',
  granting: 'Firmando …',

  states: {
    open: 'Espera',
    signed: 'Enviándose al timbre',
    'under-way': 'En camino',
    sent: 'Entregado',
    'taking-back': 'Retirándose',
    'taken-back': 'Retirado',
    recalled: 'Reclamado',
    declined: 'Rechazada',
    failed: 'No se entregó nada',
    closed: 'Cerrada',
  },
  signedHelp:
    'Su permiso está firmado y guardado en este navegador. Se reenvía hasta que el timbre conteste; nunca se hace un segundo permiso.',
  giveUp: 'No enviarlo',
  sendAgain: 'Enviarlo otra vez',
  underWay: {
    waiting: 'El timbre está preparando el clip.',
    sending: 'El clip se está enviando al puente.',
    stored: 'El puente tiene el clip.',
    stopped: 'El envío se detuvo.',
  },
  retryIn: (seconds) => `No hubo conexión con el puente. Próximo intento en ${seconds} s.`,
  uploadShare: (sent, all) => `${sent} de ${all}`,
  sentHelp: 'El puente ha confirmado con su firma que tiene exactamente este clip.',
  receiptTitle: 'Recibo, firmado por su timbre',
  receiptClip: 'SHA-256 del clip',
  receiptSpan: 'Clip',
  receiptFrames: 'Fotogramas',
  receiptDisclosed: 'Sobre usted',
  receiptGrant: 'Permiso',
  receiptAt: 'Hora',
  nothing: 'nada',
  takeBack: 'Retirarlo',
  takingBack: 'Retirándolo …',
  takeBackAsk:
    '¿Retirarlo? El envío se detiene enseguida, y el puente borra lo que tenga. Si el archivo de la autoridad ya tiene el clip, se reclama, y las normas de la autoridad deciden si se borra.',
  takeBackYes: 'Sí, retirarlo',
  takingBackHelp: 'La retirada está firmada y guardada en este navegador. Se reenvía hasta que el timbre conteste.',
  takenBack: {
    'never-left': 'Nada había salido del timbre. El clip cortado está borrado.',
    waiting: 'No se envía nada más. El puente todavía no ha confirmado que ha borrado lo que tiene.',
    everywhere: 'El clip está borrado en el timbre y, como el puente ha confirmado con su firma, también en el puente.',
  },
  vaultSays: {
    erased: 'El archivo de la autoridad ya lo tenía, y lo ha borrado.',
    restricted: 'El archivo de la autoridad ya lo tenía. Lo guarda con acceso restringido porque un caso lo necesita.',
    kept: 'El archivo de la autoridad ya lo tenía, y lo guarda.',
  },
  vaultReason: (reason) => `Su motivo: ${reason}`,
  recalledHelp: 'El archivo de la autoridad ya lo tenía, y no lo borra.',
  declinedHelp: 'Usted rechazó. Su respuesta queda en su timbre; nadie más se entera.',
  failedHelp: 'El clip no se entregó:',
  failedBefore: 'El clip que autorizó antes no se entregó',
  closedHelp: 'La solicitud se terminó antes de tiempo, o su plazo ha pasado. No se envió nada.',
};

export const words = inLanguage<RequestWords>({ en, de, es });
