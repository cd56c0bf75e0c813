// Owns: the words of the page "Requests", in every language, and those of the page's. Not here: which language that is (choose-language.ts).
import { inLanguage } from '../kit/choose-language.ts';

const en = {
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
type RequestWords = typeof en;

const de: RequestWords = {
  waiting: 'Wartet auf Sie',
  answered: 'Beantwortet',
  ignored: 'Übergangen',
  noneWaiting: 'Nichts wartet auf Sie.',
  unaskedTitle: 'Es gibt eine Anfrage, zu der Sie nicht gefragt werden können',
  anotherOwner: 'Eine andere berechtigte Person',
  grantedByAnother:
    'Eine andere berechtigte Person hat das freigegeben, oder Sie in einem anderen Browser. Jede berechtigte Person kann einen Clip zurücknehmen.',
  declinedByAnother: 'Eine andere berechtigte Person hat das abgelehnt, oder Sie in einem anderen Browser.',
  none: 'Niemand fragt nach etwas',
  noneHelp:
    'Wenn eine Behörde die Häuser rund um einen Ort um Aufnahmen bittet, erscheint ihre Anfrage hier. Sie entscheiden; von selbst geht nichts hinaus.',
  askingDevice: 'Die Türklingel wird gefragt …',
  unread: (count) =>
    count === 1
      ? 'Eine Anfrage wird nicht gezeigt, weil ihre Unterschriften nicht stimmen.'
      : `${count} Anfragen werden nicht gezeigt, weil ihre Unterschriften nicht stimmen.`,
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
    `Das Register bürgt bis ${until} für diese Behörde. Die Behörde hat diesen Text unterschrieben, und die Brücke hat genau diese Bytes veröffentlicht. Dieser Browser hat alle drei Unterschriften geprüft.`,
  jurisdictions: {
    municipal: 'Städtische Behörde',
    county: 'Behörde des Bezirks',
    state: 'Behörde des Bundesstaats',
    federal: 'Bundesbehörde',
  },
  investigation: 'Ermittlung',
  contact: 'Auskunft',
  through: 'Durch',
  why: 'Warum',
  when: 'Wann',
  where: 'Wo',
  areaHelp: 'Ihre Türklingel liegt in diesem Gebiet. Sie hat ihren Ort selbst verglichen und behält ihn für sich.',
  areaLabel: (width, height, middle) => `Plan des Gebiets, Norden oben: ${width} breit, ${height} hoch, um ${middle}`,
  areaSize: (width, height, surface) => `${width} × ${height}, ${surface}`,
  north: 'N',
  proofs: 'Schlüssel und Prüfsummen',
  proofAgency: 'Schlüssel der Behörde',
  proofRequest: 'SHA-256 der Anfrage',
  proofCredential: 'Ausweis, Ausgabe',
  proofId: 'Anfrage',
  readAgain: 'Die Anfrage noch einmal lesen',

  decideTitle: 'Ihre Antwort',
  decideHelp:
    'Die Behörde sieht dasselbe, ob Sie ablehnen, übergehen, keine Aufnahme haben oder nicht da waren: nichts.',
  choose: 'Ausschnitt wählen',
  decline: 'Ablehnen',
  ignore: 'Übergehen',
  unignore: 'Nicht übergehen',
  declining: 'Wird abgelehnt …',
  declineAsk: 'Ablehnen? Es bleibt auf Ihrer Türklingel, niemand sonst erfährt davon. Ein Nein bleibt ein Nein.',
  declineYes: 'Ja, ablehnen',
  keepOpen: 'Zurück',
  ignoredNote: 'Sie übergehen diese Anfrage in diesem Browser. Niemand erfährt davon.',

  chooseTitle: 'Wählen, was hinausgeht',
  noFootageTitle: 'Von dieser Zeit gibt es keine Aufnahme',
  noFootageHelp: 'Es gibt nichts zu teilen. Sie können ablehnen oder die Anfrage übergehen.',
  privateTitle: 'Privatsphäre ist an',
  privateHelp:
    'Aufnahmen werden nicht gezeigt und Ausschnitte nicht geschnitten, bis Sie die Privatsphäre auf der Seite Jetzt ausschalten. Ablehnen können Sie.',
  footageGone: 'Ein Teil des Gewählten wurde inzwischen überschrieben. Sehen Sie sich die Auswahl noch einmal an.',
  trimLabel: 'Zuschneiden',
  trimStart: 'Anfang des Ausschnitts',
  trimEnd: 'Ende des Ausschnitts',
  trimWhole: 'Wo der Ausschnitt in der gefragten Zeit liegt',
  frameBack: 'Ein Bild zurück',
  frameForward: 'Ein Bild vor',
  framesOf: { start: 'Anfang', end: 'Ende' },
  otherEnd: 'Das andere Ende ansehen',
  playClip: 'Das Gewählte abspielen',
  pause: 'Anhalten',
  events: 'Was dann geschah',
  eventRing: 'Klingeln',
  eventMotion: 'Bewegung',
  length: (length) => `${length} gewählt`,
  trimHelp:
    'Ziehen Sie die Griffe. Mit der Tastatur gehen die Pfeiltasten ein Bild weiter, mit Umschalt eine Sekunde, Bild auf und ab zehn.',

  zonesOffer: 'Schwärzen Sie, was niemand sehen soll: das Fenster der Nachbarn, ein Kind.',
  zonesHelp:
    'Zeichnen Sie über das, was niemand sehen soll. Es ist in jedem Bild schwarz, und niemand kann das rückgängig machen.',
  drawZones: 'Schwärzen',
  stopDrawing: 'Fertig',
  addZone: 'Bereich hinzufügen',
  zone: (number) => `Geschwärzter Bereich ${number}`,
  zoneKeys: 'Pfeiltasten verschieben ihn, mit Umschalt ändern sie die Größe, Entf entfernt ihn.',
  zoneRemove: (number) => `Bereich ${number} entfernen`,

  sound: 'Mit Ton',
  soundHelp: 'Aus, bis Sie ihn einschalten: Stimmen hört man weiter, als man Gesichter sieht.',

  factsTitle: 'Über Sie',
  factsHelp: 'Danach wird gefragt; aus, bis Sie es ankreuzen. Genau diese Worte gingen mit.',
  factsNone: 'Nach Angaben über Sie wird nicht gefragt.',
  factUnset: 'auf Ihrer Türklingel nicht eingetragen',

  makePreview: 'Vorschau machen',
  seePreview: 'Vorschau ansehen',
  makingPreview: 'Die Türklingel schneidet …',
  fetchingPreview: (share) => `Der Ausschnitt wird geholt ${share}`,
  previewNext:
    'Noch geht nichts hinaus: Die Türklingel macht den Ausschnitt genau so, wie er hinausginge, und Sie sehen ihn zuerst.',
  tooManyTitle: 'Zwei Vorschauen gibt es schon',
  tooManyHelp: 'Beenden Sie eine, um diese zu machen.',
  endPreview: (from, to) => `Die von ${from} bis ${to} beenden`,

  previewTitle: 'Sehen Sie genau das, was hinausginge',
  previewVideo: 'Der Ausschnitt, Byte für Byte',
  previewChecked: (frames, bytes) => `${frames} Bilder, ${bytes}`,
  previewHash: 'Ein Ja nennt diesen SHA-256: Diese Bytes gehen hinaus, oder nichts.',
  previewUntil: (time) => `Bereit bis ${time}`,
  previewNoSound: 'In der Aufnahme ist kein Ton.',
  previewGaps: (count) => (count === 1 ? 'Die Aufnahme hat eine Lücke.' : `Die Aufnahme hat ${count} Lücken.`),
  fetchAgain: 'Noch einmal holen',
  changeChoice: 'Ändern',
  sentenceTitle: 'Wenn Sie ja sagen',
  sentence: (facts) =>
    `Diese ${facts.length} Video ${facts.sound ? 'mit Ton' : 'ohne Ton'}${facts.zones === 0 ? '' : `, mit ${facts.zones === 1 ? 'einem geschwärzten Bereich' : `${facts.zones} geschwärzten Bereichen`}`}, ${facts.disclosed === '' ? 'und nichts über Sie,' : `und dazu ${facts.disclosed}`} gehen an ${facts.agency} (${facts.domain}), die sie für die Ermittlung ${facts.investigation} verwenden darf und als „${facts.retention}“ nach eigenen Regeln aufbewahrt; die Brücke, die sie überbringt, kann sie lesen; bis der Tresor der Behörde sie hat, was nur Sekunden dauern kann, können Sie sie zurücknehmen, und sie werden gelöscht; danach ist es ein Rückruf, den die Behörde nach ihren Regeln beantwortet.`,
  listOf: (words) => (words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} und ${words.at(-1)}`),
  grant: 'Diesen Ausschnitt hinauslassen',
  granting: 'Wird unterschrieben …',

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
    'Ihre Erlaubnis ist unterschrieben und in diesem Browser gespeichert. Dieselbe wird gesendet, bis die Türklingel geantwortet hat; nie eine zweite.',
  giveUp: 'Nicht senden',
  sendAgain: 'Dieselbe noch einmal senden',
  underWay: {
    waiting: 'Die Türklingel bereitet den Ausschnitt vor.',
    sending: 'Der Ausschnitt wird an die Brücke gesendet.',
    stored: 'Die Brücke hat den Ausschnitt.',
    stopped: 'Das Senden wurde angehalten.',
  },
  retryIn: (seconds) => `Die Brücke war nicht erreichbar. Nächster Versuch in ${seconds} s.`,
  uploadShare: (sent, all) => `${sent} von ${all}`,
  sentHelp: 'Die Brücke hat mit ihrer Unterschrift bestätigt, dass sie genau diesen Ausschnitt hat.',
  receiptTitle: 'Quittung, von Ihrer Türklingel unterschrieben',
  receiptClip: 'SHA-256 des Ausschnitts',
  receiptSpan: 'Ausschnitt',
  receiptFrames: 'Bilder',
  receiptDisclosed: 'Über Sie',
  receiptGrant: 'Erlaubnis',
  receiptAt: 'Zeit',
  nothing: 'nichts',
  takeBack: 'Zurücknehmen',
  takingBack: 'Wird zurückgenommen …',
  takeBackAsk:
    'Zurücknehmen? Das Senden hört sofort auf. Was die Brücke hat, wird gelöscht; was der Tresor der Behörde schon hat, wird zurückgerufen, und ihre Regeln antworten.',
  takeBackYes: 'Ja, zurücknehmen',
  takingBackHelp:
    'Der Widerruf ist unterschrieben und in diesem Browser gespeichert. Er wird gesendet, bis die Türklingel geantwortet hat.',
  takenBack: {
    'never-left': 'Nichts hatte die Türklingel verlassen. Was dafür geschnitten wurde, ist gelöscht.',
    waiting: 'Es wird nichts mehr gesendet. Die Brücke hat noch nicht bestätigt, dass sie gelöscht hat, was sie hat.',
    everywhere: 'Der Ausschnitt ist an der Türklingel gelöscht und, wie die Brücke unterschrieben hat, auch dort.',
  },
  vaultSays: {
    erased: 'Der Tresor der Behörde hatte ihn schon und hat ihn gelöscht.',
    restricted: 'Der Tresor der Behörde hatte ihn schon. Er behält ihn unter Verschluss: Ein Fall hält ihn fest.',
    kept: 'Der Tresor der Behörde hatte ihn schon und behält ihn.',
  },
  vaultReason: (reason) => `Begründung: ${reason}`,
  recalledHelp: 'Der Tresor der Behörde hatte ihn schon und löscht ihn nicht.',
  declinedHelp: 'Sie haben nein gesagt. Es bleibt auf Ihrer Türklingel; niemand sonst erfährt davon.',
  failedHelp: 'Der Ausschnitt wurde nicht zugestellt:',
  failedBefore: 'Der zuvor erlaubte Ausschnitt kam nicht an',
  closedHelp: 'Sie wurde vorzeitig beendet, oder ihre Zeit ist um. Nichts ist hinausgegangen.',
};

const es: RequestWords = {
  waiting: 'Le esperan',
  answered: 'Contestadas',
  ignored: 'Ignoradas',
  noneWaiting: 'Nada le espera.',
  unaskedTitle: 'Hay una solicitud sobre la que no se le puede preguntar',
  anotherOwner: 'Otro propietario',
  grantedByAnother:
    'Lo autorizó otro propietario, o usted en otro navegador. Cualquier propietario puede retirar un clip.',
  declinedByAnother: 'Lo rechazó otro propietario, o usted en otro navegador.',
  none: 'Nadie pide nada',
  noneHelp:
    'Cuando una autoridad pide vídeo a las casas de un lugar, su solicitud aparece aquí. Usted decide; nada sale por sí solo.',
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

  askedWindow: 'Pide',
  answerBy: 'Abierta hasta',
  footageWhole: 'Lo tiene todo',
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
  through: 'A través de',
  why: 'Por qué',
  when: 'Cuándo',
  where: 'Dónde',
  areaHelp: 'Su timbre está en esta zona. Ha comparado su lugar por sí mismo, y se lo guarda.',
  areaLabel: (width, height, middle) =>
    `Plano de la zona, norte arriba: ${width} de ancho, ${height} de alto, alrededor de ${middle}`,
  areaSize: (width, height, surface) => `${width} × ${height}, ${surface}`,
  north: 'N',
  proofs: 'Claves y resúmenes',
  proofAgency: 'Clave de la autoridad',
  proofRequest: 'SHA-256 de la solicitud',
  proofCredential: 'Credencial, revisión',
  proofId: 'Solicitud',
  readAgain: 'Leer la solicitud otra vez',

  decideTitle: 'Su respuesta',
  decideHelp: 'La autoridad ve lo mismo si usted rechaza, ignora, no tiene grabación o no estaba en casa: nada.',
  choose: 'Elegir un clip',
  decline: 'Rechazar',
  ignore: 'Ignorar',
  unignore: 'No ignorar',
  declining: 'Rechazando …',
  declineAsk: '¿Rechazar? Queda en su timbre; nadie más se entera. Un no sigue siendo un no.',
  declineYes: 'Sí, rechazar',
  keepOpen: 'Volver',
  ignoredNote: 'Ignora esta solicitud en este navegador. Nadie se entera.',

  chooseTitle: 'Elegir qué sale',
  noFootageTitle: 'No hay grabación de entonces',
  noFootageHelp: 'No hay nada que compartir. Puede rechazar o ignorar la solicitud.',
  privateTitle: 'La privacidad está activada',
  privateHelp:
    'No se muestran grabaciones ni se cortan clips hasta que desactive la privacidad en la página Ahora. Rechazar sí puede.',
  footageGone: 'Parte de lo elegido se ha sobrescrito mientras tanto. Mire otra vez lo elegido.',
  trimLabel: 'Recortar',
  trimStart: 'Inicio del clip',
  trimEnd: 'Final del clip',
  trimWhole: 'Dónde está el clip en lo que se pide',
  frameBack: 'Un fotograma atrás',
  frameForward: 'Un fotograma adelante',
  framesOf: { start: 'Inicio', end: 'Final' },
  otherEnd: 'Mirar el otro extremo',
  playClip: 'Reproducir lo elegido',
  pause: 'Pausa',
  events: 'Qué pasó entonces',
  eventRing: 'Timbre',
  eventMotion: 'Movimiento',
  length: (length) => `${length} elegidos`,
  trimHelp:
    'Arrastre los tiradores. Con el teclado, las flechas mueven un fotograma, con Mayúsculas un segundo, Re Pág y Av Pág diez.',

  zonesOffer: 'Puede tapar lo que nadie deba ver: la ventana de un vecino, un niño.',
  zonesHelp: 'Dibuje sobre lo que nadie deba ver. Queda negro en cada fotograma del clip, y nadie puede deshacerlo.',
  drawZones: 'Tapar dibujando',
  stopDrawing: 'Hecho',
  addZone: 'Añadir una zona',
  zone: (number) => `Zona tapada ${number}`,
  zoneKeys: 'Las flechas la mueven, con Mayúsculas cambian su tamaño, Supr la quita.',
  zoneRemove: (number) => `Quitar la zona ${number}`,

  sound: 'Con sonido',
  soundHelp: 'Apagado hasta que lo encienda: las voces se oyen de más lejos que se ven las caras.',

  factsTitle: 'Sobre usted',
  factsHelp: 'Se pide, y queda fuera hasta que lo marque. Irían exactamente estas palabras.',
  factsNone: 'No se pide nada sobre usted.',
  factUnset: 'no está en su timbre',

  makePreview: 'Hacer la vista previa',
  seePreview: 'Ver la vista previa',
  makingPreview: 'El timbre corta el clip …',
  fetchingPreview: (share) => `Trayendo el clip ${share}`,
  previewNext: 'Todavía no sale nada: el timbre hace el clip exactamente como saldría, y usted lo mira primero.',
  tooManyTitle: 'Ya hay dos vistas previas',
  tooManyHelp: 'Termine una para hacer esta.',
  endPreview: (from, to) => `Terminar la de ${from} a ${to}`,

  previewTitle: 'Mire exactamente lo que saldría',
  previewVideo: 'El clip, byte a byte',
  previewChecked: (frames, bytes) => `${frames} fotogramas, ${bytes}`,
  previewHash: 'Un sí nombra este SHA-256: salen estos bytes, o nada.',
  previewUntil: (time) => `Se guarda hasta ${time}`,
  previewNoSound: 'La grabación no tiene sonido.',
  previewGaps: (count) => (count === 1 ? 'La grabación tiene un hueco.' : `La grabación tiene ${count} huecos.`),
  fetchAgain: 'Traerlo otra vez',
  changeChoice: 'Cambiar',
  sentenceTitle: 'Si dice que sí',
  sentence: (facts) =>
    `Estos ${facts.length} de vídeo, ${facts.sound ? 'con sonido' : 'sin sonido'}${facts.zones === 0 ? '' : `, con ${facts.zones === 1 ? 'una zona tapada' : `${facts.zones} zonas tapadas`}`}, ${facts.disclosed === '' ? 'y nada sobre usted,' : `y su ${facts.disclosed}`} van a ${facts.agency} (${facts.domain}), que puede usarlos en la investigación ${facts.investigation} y los guarda como «${facts.retention}» según sus propias normas; el puente que los lleva puede leerlos; hasta que el depósito de la autoridad los tenga, que puede ser cuestión de segundos, usted puede retirarlos y se borran; después, retirarlos es una petición que contestan las normas de la autoridad.`,
  listOf: (words) => (words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} y ${words.at(-1)}`),
  grant: 'Dejar salir este clip',
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
    'Su permiso está firmado y guardado en este navegador. Se envía el mismo hasta que el timbre conteste; nunca otro.',
  giveUp: 'No enviarlo',
  sendAgain: 'Enviar el mismo otra vez',
  underWay: {
    waiting: 'El timbre prepara el clip.',
    sending: 'El clip se está enviando al puente.',
    stored: 'El puente tiene el clip.',
    stopped: 'El envío se detuvo.',
  },
  retryIn: (seconds) => `No se llegó al puente. Próximo intento en ${seconds} s.`,
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
    '¿Retirarlo? El envío se detiene enseguida. Lo que tenga el puente se borra; lo que ya tenga el depósito de la autoridad se reclama, y contestan sus normas.',
  takeBackYes: 'Sí, retirarlo',
  takingBackHelp: 'La retirada está firmada y guardada en este navegador. Se envía hasta que el timbre conteste.',
  takenBack: {
    'never-left': 'Nada había salido del timbre. Lo que se cortó está borrado.',
    waiting: 'No se envía nada más. El puente todavía no ha confirmado que ha borrado lo que tiene.',
    everywhere: 'El clip está borrado en el timbre y, como ha firmado el puente, también allí.',
  },
  vaultSays: {
    erased: 'El depósito de la autoridad ya lo tenía, y lo ha borrado.',
    restricted: 'El depósito de la autoridad ya lo tenía. Lo guarda restringido: un caso lo retiene.',
    kept: 'El depósito de la autoridad ya lo tenía, y lo guarda.',
  },
  vaultReason: (reason) => `Su motivo: ${reason}`,
  recalledHelp: 'El depósito de la autoridad ya lo tenía, y no lo borra.',
  declinedHelp: 'Dijo que no. Queda en su timbre; nadie más se entera.',
  failedHelp: 'El clip no se entregó:',
  failedBefore: 'El clip que concedió antes no se entregó',
  closedHelp: 'Se terminó antes de tiempo, o su plazo ha pasado. No ha salido nada.',
};

export const words = inLanguage<RequestWords>({ en, de, es });
