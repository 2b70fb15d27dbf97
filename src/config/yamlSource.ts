import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { JsonValue } from '../contracts/json.js';

/** A path into a document: keys and indices. */
export type DocumentPath = readonly (string | number)[];

/** A parsed YAML file that still knows on which line everything stands. */
export interface YamlSource {
  /** Syntax errors as texts with their line; when there are any, `value` is null. */
  readonly findings: readonly string[];
  readonly value: JsonValue;
  /** Line of the value at a path, or of the nearest thing above it that is in the file; null when nothing is. */
  lineOf(path: DocumentPath): number | null;
  /** Line of a key in the map at a path. */
  lineOfKey(path: DocumentPath, key: string): number | null;
}

/** Parses YAML 1.2. Never throws: what is wrong with the text is in `findings`. */
export function parseYamlSource(text: string): YamlSource {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const findings = document.errors.map(
    ({ message, pos }) => `line ${lineCounter.linePos(pos[0]).line}: ${message}`,
  );

  const lineAt = (node: unknown): number | null =>
    isNode(node) && node.range ? lineCounter.linePos(node.range[0]).line : null;

  const lineOfKey = (path: DocumentPath, key: string): number | null => {
    const map = path.length === 0 ? document.contents : document.getIn(path, true);
    if (!isMap(map)) return null;
    const pair = map.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
    return pair === undefined ? null : lineAt(pair.key);
  };

  const lineOf = (path: DocumentPath): number | null => {
    for (let length = path.length; length > 0; length--) {
      const last = path[length - 1];
      const line =
        typeof last === 'string'
          ? lineOfKey(path.slice(0, length - 1), last)
          : lineAt(document.getIn(path.slice(0, length), true));
      if (line !== null) return line;
    }
    return null;
  };

  let value: JsonValue = null;
  if (findings.length === 0) {
    try {
      value = document.toJS() as JsonValue;
    } catch (error) {
      // For example an alias without its anchor, or one that would grow without bounds.
      findings.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { findings, value, lineOf, lineOfKey };
}
