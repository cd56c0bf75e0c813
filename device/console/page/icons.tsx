// Owns: the page's icons: drawn for this project, one line width, in the colour of the text beside them. Always beside a label, so they say
// nothing to a screen reader.

const PATHS = {
  bell: 'M6 16V11a6 6 0 0 1 12 0v5l1.5 2.5h-15zM10 21h4',
  door: 'M6 21V4.5A1.5 1.5 0 0 1 7.500 3h9A1.500 1.500 0 0 1 18 4.500V21M3 21h18M14.500 12v1',
  timeline: 'M3 12h18M6 8v8M11 5v14M16 9v6M20 10.500v3',
  people:
    'M9 11.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20a6.500 6.500 0 0 1 13 0M16 5.200a3 3 0 0 1 0 5.600M18 14.500a6 6 0 0 1 3.500 5.500',
  shield: 'M12 3l7.500 3v5.500c0 4.500-3 8-7.500 9.500-4.500-1.500-7.500-5-7.500-9.500V6z',
  eyeOff:
    'M3 3l18 18M10 5.300A9 9 0 0 1 21.500 12a13 13 0 0 1-2.300 3.300M6.300 7.300A13 13 0 0 0 2.500 12a9.600 9.600 0 0 0 13 4.800M9.900 9.900a3 3 0 0 0 4.200 4.200',
  motion:
    'M13 5.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3zM7 21l3-6 2.500 2V21M15.500 12l-2.500-2-1-2.500-3.500 1.500L7 12M12 7.500L10.500 14',
  camera: 'M3 7.500h11A1.500 1.500 0 0 1 15.500 9v6a1.500 1.500 0 0 1-1.500 1.500H3zM15.500 11l5.500-3v8l-5.500-3',
  warning: 'M12 4l9 16H3zM12 10v4.500M12 17.200v.3',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  play: 'M8 5.500v13l10.500-6.500z',
  pause: 'M8 5.500v13M16 5.500v13',
  previous: 'M18 6v12l-9-6zM6 6v12',
  next: 'M6 6v12l9-6zM18 6v12',
  back: 'M4 12a8 8 0 1 1 2.500 5.800M4 12l-1.500-3M4 12l3-1.800',
  forward: 'M20 12a8 8 0 1 0-2.500 5.800M20 12l1.500-3M20 12l-3-1.800',
  newest: 'M4 6l7 6-7 6zM12 6l7 6-7 6zM20.500 6v12',
  save: 'M12 4v11M7.500 11l4.500 4.500 4.500-4.500M4 20h16',
  plus: 'M12 5v14M5 12h14',
  key: 'M14.500 9.500a4 4 0 1 0-4 4 4 4 0 0 0 4-4zM13.500 12.500L20 19M17 16l2-2',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
