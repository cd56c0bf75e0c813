// Owns: the hour at which a search was made, on the agency's clock. Not here: which hours are unusual (settings.ts).

const US = /^(\d{1,2})\/(\d{1,2})\/(\d{4}),? +(\d{1,2}):(\d{2})(?::(\d{2}))? ?([AP])\.?M\.?(?: +(UTC|GMT|Z))?/i;
const ISO =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?: ?(Z|UTC|GMT)|([+-]\d{2}):?(\d{2}))?$/i;

const HOUR_MS = 3_600_000;
/** Cache size for hours and their local hour: two years of them. */
const REMEMBERED_MAX = 17_600;

/** Reads search times in one time zone. */
export class SearchTimes {
  private readonly format: Intl.DateTimeFormat;
  private readonly remembered = new Map<number, number>();

  /** `timeZone` is a name of the tz database. */
  constructor(timeZone: string) {
    this.format = new Intl.DateTimeFormat('en-US', { timeZone, hour: 'numeric', hourCycle: 'h23' });
  }

  /** The local hour, 0 to 23, of a time as exports write it; one without a zone is already local. Null if it is not a time. */
  localHour(text: string): number | null {
    const us = US.exec(text);
    if (us) {
      const hour = (Number(us[4]) % 12) + (us[7]?.toUpperCase() === 'P' ? 12 : 0);
      if (us[8] === undefined) return hour;
      return this.hourAt(Date.UTC(Number(us[3]), Number(us[1]) - 1, Number(us[2]), hour, Number(us[5])));
    }
    const iso = ISO.exec(text);
    if (!iso) return null;
    const hour = Number(iso[4]);
    if (iso[7] === undefined && iso[8] === undefined) return hour < 24 ? hour : null;
    const offsetMs =
      iso[8] === undefined ? 0 : (Number(iso[8]) * 60 + Math.sign(Number(iso[8]) || 1) * Number(iso[9])) * 60_000;
    const atMs = Date.UTC(Number(iso[1]), Number(iso[2]) - 1, Number(iso[3]), hour, Number(iso[5]));
    return this.hourAt(atMs - offsetMs);
  }

  private hourAt(atMs: number): number | null {
    if (!Number.isFinite(atMs)) return null;
    // Offsets of time zones are multiples of a quarter of an hour.
    const quarter = Math.floor(atMs / (HOUR_MS / 4));
    const known = this.remembered.get(quarter);
    if (known !== undefined) return known;
    if (this.remembered.size >= REMEMBERED_MAX) this.remembered.clear();
    const hour = Number(this.format.format(quarter * (HOUR_MS / 4)));
    this.remembered.set(quarter, hour);
    return hour;
  }
}
