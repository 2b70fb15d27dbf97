/** Times and log lines as slsDetectorPackage prints them. */

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, '': 1e9 };

/** A duration of nanoseconds in `unit`, with the six digits of a C++ stream. */
export function timeIn(ns: number, unit: string): string {
  const size = UNITS[unit];
  if (size === undefined) throw new Error(`Unknown unit: ${unit}`);
  return streamed(ns / size) + unit;
}

/** A duration in the unit that fits it. */
export function time(ns: number): string {
  if (ns < 1e3) return timeIn(ns, 'ns');
  if (ns < 1e6) return timeIn(ns, 'us');
  return timeIn(ns, ns < 99e6 ? 'ms' : 's');
}

/** Nanoseconds of `2ms`, cut off as the package does; null when the unit is none. */
export function nanoseconds(text: string): number | null {
  const parts = /^(-?[\d.]+(?:e[+-]?\d+)?)([a-z]*)$/.exec(text);
  const size = UNITS[parts?.[2] ?? '?'];
  return parts === null || size === undefined ? null : Math.trunc(Number(parts[1]) * size);
}

function streamed(value: number): string {
  const rounded = Number(value.toPrecision(6));
  const exponent = rounded === 0 ? 0 : Math.floor(Math.log10(Math.abs(rounded)));
  if (exponent >= -4 && exponent < 6) return String(rounded);
  const [digits, power = ''] = rounded.toExponential().split('e');
  return `${digits}e${power[0]}${power.slice(1).padStart(2, '0')}`;
}

const ESCAPE = String.fromCharCode(27);
const COLOURS = {
  INFO: `${ESCAPE}[0m`,
  WARNING: `${ESCAPE}[33m${ESCAPE}[1m`,
  ERROR: `${ESCAPE}[31m${ESCAPE}[1m`,
};

/** A line of the log on stderr. */
export function logLine(level: keyof typeof COLOURS, text: string): string {
  return `${COLOURS[level]}- ${new Date().toISOString().slice(11, 23)} ${level}: ${text}${ESCAPE}[0m\n`;
}
