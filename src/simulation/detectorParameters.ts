import type { JsonObject, JsonValue } from '../contracts/json.js';
import { BIT_DEPTHS, type BitDepth } from './frameGenerator.js';

/** What the simulated detector exposes with, under the names clients use; other fields are kept as they came. */
export interface DetectorParameters extends JsonObject {
  /** Frames a run, or a trigger, makes. */
  frames: number;
  /** Seconds from the beginning of a frame to that of the next; when shorter than `exptime`, that governs. */
  period: number;
  /** Exposure time in seconds. */
  exptime: number;
  /** Bit depth. */
  dr: BitDepth;
  timing: 'auto' | 'trigger';
  /** Triggers a run takes with timing trigger; without meaning otherwise. */
  cycles: number;
  /** Energy threshold in eV; without effect on the frames. */
  threshold: number;
}

/** What a detector has that was just switched on. */
export const POWER_ON_PARAMETERS: DetectorParameters = {
  frames: 1,
  period: 0.1,
  exptime: 0.01,
  dr: 16,
  timing: 'auto',
  cycles: 1,
  threshold: 6_000,
};

const RULES: Record<string, { readonly expected: string; readonly holds: (value: JsonValue) => boolean }> = {
  frames: { expected: 'a whole number from 1', holds: isCount },
  period: { expected: 'seconds, 0 or more', holds: isQuantity },
  exptime: { expected: 'seconds, 0 or more', holds: isQuantity },
  dr: { expected: `one of ${BIT_DEPTHS.join(', ')}`, holds: isBitDepth },
  timing: { expected: 'auto or trigger', holds: (value) => value === 'auto' || value === 'trigger' },
  cycles: { expected: 'a whole number from 1', holds: isCount },
  threshold: { expected: 'an energy in eV, 0 or more', holds: isQuantity },
};

/** The outcome of applying parameters. */
export type Applied =
  | { readonly parameters: DetectorParameters; readonly unknown: string[] }
  | { readonly problems: string[] };

/** Changes the parameters that are given and keeps the others; changes nothing when one of them is wrong. */
export function applyParameters(present: DetectorParameters, given: JsonObject): Applied {
  const problems: string[] = [];
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    const rule = Object.hasOwn(RULES, name) ? RULES[name] : undefined;
    if (rule === undefined) unknown.push(name);
    else if (!rule.holds(value))
      problems.push(`${name} must be ${rule.expected}, not ${JSON.stringify(value)}`);
  }
  return problems.length > 0 ? { problems } : { parameters: { ...present, ...given }, unknown };
}

/** Frames a whole run makes: with triggers, each of the `cycles` triggers makes `frames` frames. */
export function totalFrames({ timing, frames, cycles }: DetectorParameters): number {
  return timing === 'trigger' ? frames * cycles : frames;
}

/** Milliseconds between frames; 0 is as fast as they are taken. */
export function framePeriodMs({ period, exptime }: DetectorParameters): number {
  return Math.max(period, exptime) * 1000;
}

/** Milliseconds from the beginning of a frame until it is there. */
export function exposureMs({ exptime }: DetectorParameters): number {
  return exptime * 1000;
}

function isCount(value: JsonValue): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

function isQuantity(value: JsonValue): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isBitDepth(value: JsonValue): boolean {
  return BIT_DEPTHS.some((depth) => depth === value);
}
