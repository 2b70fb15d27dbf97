import type { Section } from '../contracts/json.js';

/**
 * When the frames of a run that begins now can be over, in milliseconds from now: detectors differ in whether they are done
 * after the exposure of the last frame or after its period. None when it is left to triggers, or not known.
 */
export function endOfExposure({ frames, period, exptime, timing }: Section): number[] {
  if (typeof frames !== 'number' || frames < 1) return [];
  if (timing !== undefined && timing !== 'auto') return [];
  const exposureMs = typeof exptime === 'number' ? Math.max(0, exptime * 1000) : 0;
  const periodMs = Math.max(exposureMs, typeof period === 'number' ? period * 1000 : 0);
  const lastBeginsMs = (frames - 1) * periodMs;
  return [...new Set([lastBeginsMs + exposureMs, lastBeginsMs + periodMs])];
}
