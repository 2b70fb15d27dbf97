import { distance } from 'fastest-levenshtein';

/** Longer names are cut before they are compared; the cost grows with the product of the lengths. */
const LONGEST_COMPARED = 120;

/**
 * The candidate that somebody most likely meant, or null when none is near enough to be worth naming.
 *
 * Two typing errors are always forgiven, in long names up to a third of the letters.
 */
export function nearest(name: string, candidates: readonly string[]): string | null {
  const [best] = nearestFew(name, candidates, { most: 1, nameOf: (candidate) => candidate });
  return best ?? null;
}

/** Like `nearest`: the candidates that were perhaps meant, best first, `most` of them at most. */
export function nearestFew<T>(
  name: string,
  candidates: readonly T[],
  { most, nameOf }: { readonly most: number; readonly nameOf: (candidate: T) => string },
): T[] {
  const typed = name.slice(0, LONGEST_COMPARED).toLowerCase();
  const mostEdits = Math.max(2, Math.floor(typed.length / 3));
  return candidates
    .map((candidate) => {
      const known = nameOf(candidate).toLowerCase();
      return { candidate, length: known.length, edits: distance(typed, known) };
    })
    .filter(({ edits, length }) => edits <= mostEdits && edits < length)
    .sort((a, b) => a.edits - b.edits)
    .slice(0, most)
    .map(({ candidate }) => candidate);
}

/** ` Did you mean 'port'?`, or what there is when nothing is near; starts with a blank. */
export function suggestion(name: string, candidates: readonly string[]): string {
  const near = nearest(name, candidates);
  if (near !== null) return ` Did you mean '${near}'?`;
  if (candidates.length === 0) return '';
  return ` Known are ${candidates.map((candidate) => `'${candidate}'`).join(', ')}.`;
}
