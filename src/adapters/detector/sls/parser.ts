import { plainText } from '../../transport/process.js';

/** One command and what the detector said of it. */
export interface SlsAnswer {
  /** The command by its present name, also when an older name was used. */
  readonly command: string;
  /** All after the command, without surrounding blanks; empty when there is nothing. */
  readonly value: string;
}

/** A line of the log that the programs write on stderr. */
export interface SlsMessage {
  readonly level: 'INFO' | 'WARNING' | 'ERROR';
  readonly text: string;
}

/**
 * What `sls_detector_get` or a single `sls_detector_put` printed on stdout: `<command> <value>`, where a value may
 * run over several lines (`versions`). Null when there was nothing.
 */
export function parseAnswer(stdout: string): SlsAnswer | null {
  const text = plainText(stdout).trim();
  if (text === '') return null;
  const [command = ''] = text.split(/\s/, 1);
  return { command, value: text.slice(command.length).trim() };
}

/** What `sls_detector_put parameters <file>` printed: one answer a line that was applied, in order. */
export function parseEchoes(stdout: string): SlsAnswer[] {
  return plainText(stdout)
    .split('\n')
    .flatMap((line) => parseAnswer(line) ?? []);
}

const LOG_LINE = /^- \d+:\d+:\d+\.\d+ ([A-Z0-9]+): (.*)$/;

/**
 * The log on stderr, without colours, times and NUL bytes. Lines that continue a message belong to it; a text
 * that does not look like a log is an error.
 */
export function parseMessages(stderr: string): SlsMessage[] {
  const messages: { level: SlsMessage['level']; text: string }[] = [];
  for (const line of plainText(stderr).split('\n')) {
    const begin = LOG_LINE.exec(line.trimEnd());
    if (begin !== null) {
      messages.push({ level: levelOf(begin[1] ?? ''), text: (begin[2] ?? '').trim() });
      continue;
    }
    const text = line.trim();
    if (text === '') continue;
    const last = messages.at(-1);
    if (last === undefined) messages.push({ level: 'ERROR', text });
    else last.text = `${last.text} ${text}`.trim();
  }
  return messages;
}

/** Why a command failed: the errors on stderr in one line; the last words of any level when none is an error. */
export function failureOf(stderr: string): string {
  const messages = parseMessages(stderr);
  const errors = messages.filter(({ level }) => level === 'ERROR');
  return (errors.length > 0 ? errors : messages.slice(-1)).map(({ text }) => text).join('; ');
}

/** The values of all modules: several when the answer is a list, `[a, b]`, as it is when modules differ. */
export function parseList(value: string): string[] {
  if (!value.startsWith('[') || !value.endsWith(']')) return [value];
  const inside = value.slice(1, -1).trim();
  return inside === '' ? [] : inside.split(',').map((element) => element.trim());
}

const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:e([+-]?\d+))?\s*(\S*)$/;

/** A number and its unit: `0.02s`, `2e+07ns`, `0 °C`, `20`; null when it is none. */
export function parseQuantity(text: string): { value: number; unit: string } | null {
  const parts = QUANTITY.exec(text);
  if (parts === null) return null;
  const [, digits = '', exponent = '0', unit = ''] = parts;
  return { value: Number(`${digits}e${exponent}`), unit };
}

const DECIMALS: Readonly<Record<string, number>> = { s: 0, '': 0, ms: -3, us: -6, ns: -9 };

/** A time in seconds, whatever its unit; without unit it is in seconds. Null when it is no time. */
export function parseSeconds(text: string): number | null {
  const parts = QUANTITY.exec(text);
  const decimals = parts === null ? undefined : DECIMALS[parts[3] ?? ''];
  if (parts === null || decimals === undefined) return null;
  // Shifting the decimal point, unlike multiplying, gives the number that is nearest to what was printed.
  return Number(`${parts[1]}e${Number(parts[2] ?? 0) + decimals}`);
}

function levelOf(word: string): SlsMessage['level'] {
  if (word === 'ERROR' || word === 'WARNING') return word;
  return 'INFO';
}
