/** Where a text stops being JSON, and what was expected there. */
export interface JsonFault {
  /** In characters from the start. */
  readonly offset: number;
  readonly problem: string;
}

const WORDS = ['true', 'false', 'null'];
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * Finds the first fault in a text that `JSON.parse` refused; its own messages do not always tell where.
 * Works without recursion, so that nesting cannot exhaust the stack. Returns null for valid JSON.
 */
export function findJsonFault(text: string): JsonFault | null {
  const open: ('{' | '[')[] = [];
  let at = skipSpace(text, 0);
  let expected: 'value' | 'valueOrEnd' | 'key' | 'keyOrEnd' | 'separator' = 'value';
  for (;;) {
    const character = text[at];
    const inside = open.at(-1);
    if (expected === 'separator') {
      if (inside === undefined) {
        return at >= text.length ? null : { offset: at, problem: 'expected the end of the body' };
      }
      const end = inside === '{' ? '}' : ']';
      if (character === end) open.pop();
      else if (character === ',') expected = inside === '{' ? 'key' : 'value';
      else return { offset: at, problem: `expected ',' or '${end}'` };
      at = skipSpace(text, at + 1);
    } else if (expected === 'keyOrEnd' && character === '}') {
      open.pop();
      expected = 'separator';
      at = skipSpace(text, at + 1);
    } else if (expected === 'key' || expected === 'keyOrEnd') {
      if (character !== '"') return { offset: at, problem: 'expected a field name in double quotes' };
      const end = endOfString(text, at);
      if (typeof end !== 'number') return end;
      at = skipSpace(text, end);
      if (text[at] !== ':') return { offset: at, problem: "expected ':' after the field name" };
      at = skipSpace(text, at + 1);
      expected = 'value';
    } else if (expected === 'valueOrEnd' && character === ']') {
      open.pop();
      expected = 'separator';
      at = skipSpace(text, at + 1);
    } else if (character === '{' || character === '[') {
      open.push(character);
      expected = character === '{' ? 'keyOrEnd' : 'valueOrEnd';
      at = skipSpace(text, at + 1);
    } else {
      const end = endOfScalar(text, at);
      if (typeof end !== 'number') return end;
      expected = 'separator';
      at = skipSpace(text, end);
    }
  }
}

function endOfScalar(text: string, at: number): number | JsonFault {
  if (text[at] === '"') return endOfString(text, at);
  const word = WORDS.find((candidate) => text.startsWith(candidate, at));
  if (word !== undefined) return at + word.length;
  NUMBER.lastIndex = at;
  if (NUMBER.test(text)) return NUMBER.lastIndex;
  return {
    offset: at,
    problem: at >= text.length ? 'the body ends where a value is expected' : 'expected a value',
  };
}

function endOfString(text: string, start: number): number | JsonFault {
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text.charCodeAt(at);
    if (character === 0x22) return at + 1;
    if (character < 0x20) return { offset: at, problem: 'control characters in a string must be escaped' };
    if (character === 0x5c) {
      const escaped = /^(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(text.slice(at + 1, at + 6));
      if (escaped === null) return { offset: at, problem: 'expected a valid escape after the backslash' };
      at += escaped[0].length;
    }
  }
  return { offset: start, problem: 'the string that begins here never ends' };
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1;
  return at;
}
