/** How far an acquisition is, as it is shown. */
export interface ProgressView {
  readonly writtenFrames: number;
  /** 0: until stopped. */
  readonly expectedFrames: number;
  readonly lostFrames: number;
  readonly rateHz: number;
}

/** What a progress line is made for. */
export interface LineOptions {
  /** Width of the terminal. */
  readonly columns: number;
  /** Stands in front of the bar. */
  readonly state: string;
}

const BAR_COLUMNS = 24;
const LEAST_BAR_COLUMNS = 8;

/** Share of the frames on disk, 0 to 1; null when nobody knows how many there will be. */
export function shareDone(view: ProgressView): number | null {
  const expected = count(view.expectedFrames);
  return expected === 0 ? null : Math.min(1, count(view.writtenFrames) / expected);
}

/** Seconds until the last frame at the present rate; null when that cannot be said. */
export function remainingS(view: ProgressView): number | null {
  const expected = count(view.expectedFrames);
  const missing = Math.max(0, expected - count(view.writtenFrames));
  if (expected === 0) return null;
  if (missing === 0) return 0;
  const seconds = missing / sane(view.rateHz);
  return Number.isFinite(seconds) ? seconds : null;
}

/** `34/100 frames, 34 %, 49.8 frames/s, 1.3 s left`. */
export function progressText(view: ProgressView): string {
  const written = count(view.writtenFrames);
  const expected = count(view.expectedFrames);
  const share = shareDone(view);
  const remaining = remainingS(view);
  const lost = count(view.lostFrames);
  return [
    expected === 0 ? `${written} frames` : `${written}/${expected} frames`,
    ...(share === null ? [] : [`${percent(written, expected)} %`]),
    `${formatRate(view.rateHz)} frames/s`,
    ...(remaining === null || remaining === 0 ? [] : [`${formatDuration(remaining)} left`]),
    ...(lost === 0 ? [] : [`${lost} lost`]),
  ].join(', ');
}

/**
 * The state, a bar and the text, never longer than fits into `columns`, so that it can be written over and over.
 */
export function progressLine(view: ProgressView, { columns, state }: LineOptions): string {
  const share = shareDone(view);
  const isMoving = share !== null || count(view.writtenFrames) > 0;
  const parts = isMoving ? [state, progressText(view)] : [state];
  // The last column stays free: a terminal that is full would go to the next line.
  const room = Math.max(0, count(columns) - 1);
  const barColumns = Math.min(BAR_COLUMNS, room - parts.join(' ').length - 3);
  if (share === null || barColumns < LEAST_BAR_COLUMNS) return parts.join(' ').slice(0, room);
  const filled = Math.floor(share * barColumns);
  return [parts[0], `[${'#'.repeat(filled)}${'-'.repeat(barColumns - filled)}]`, parts[1]].join(' ');
}

/** A number that grows whenever a plain line is worth printing: each 10 %, or each doubling of an open end. */
export function progressStep(view: ProgressView): number {
  const written = count(view.writtenFrames);
  const expected = count(view.expectedFrames);
  return Math.floor(expected === 0 ? Math.log2(written + 1) : percent(written, expected) / 10);
}

/** `1.3 s`, `47 s`, `3 min 20 s`, `2 h 05 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(sane(seconds));
  if (sane(seconds) < 9.95) return `${sane(seconds).toFixed(1)} s`;
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** `105.0 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = sane(bytes);
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** 0 to 100, whole; divided last, as 0.57 * 100 is less than 57. */
function percent(written: number, expected: number): number {
  return Math.min(100, Math.floor((written * 100) / expected));
}

function formatRate(rateHz: number): string {
  const rate = sane(rateHz);
  return rate < 100 ? rate.toFixed(1) : String(Math.round(rate));
}

function count(value: number): number {
  return Math.floor(sane(value));
}

/** Counts come over a network from programs in all states: nothing odd may reach the screen. */
function sane(value: number): number {
  return Number.isFinite(value) && value > 0 ? Math.min(value, Number.MAX_SAFE_INTEGER) : 0;
}
