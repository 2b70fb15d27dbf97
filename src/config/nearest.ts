import { distance } from 'fastest-levenshtein';

/** Longer names are cut before they are compared; the cost grows with the product of the lengths. */
const LONGEST_COMPARED = 120;

/**
 * The candidate that somebody most likely meant, or null when none is near enough to be worth naming.
 *
 * Two typing errors are always forgiven, in long names up to a third of the letters.
 */
export function nearest(name: string, candidates: readonly string[]): string | null {
  const typed = name.slice(0, LONGEST_COMPARED).toLowerCase();
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.floor(typed.length / 3)) + 1;
  for (const candidate of candidates) {
    const candidateDistance = distance(typed, candidate.toLowerCase());
    if (candidateDistance < bestDistance && candidateDistance < candidate.length) {
      best = candidate;
      bestDistance = candidateDistance;
    }
  }
  return best;
}

/** ` Did you mean 'port'?`, or what there is when nothing is near; starts with a blank. */
export function suggestion(name: string, candidates: readonly string[]): string {
  const near = nearest(name, candidates);
  if (near !== null) return ` Did you mean '${near}'?`;
  if (candidates.length === 0) return '';
  return ` Known are ${candidates.map((candidate) => `'${candidate}'`).join(', ')}.`;
}
