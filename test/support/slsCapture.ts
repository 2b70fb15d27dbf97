import { readFileSync } from 'node:fs';

/** A call of the real programs, as it was recorded. */
export interface RecordedCall {
  readonly argv: readonly string[];
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly note?: string;
}

/** The recorded calls of a file in test/fixtures/sls, in their order. */
export function recordedCalls(name: string): RecordedCall[] {
  const url = new URL(`../../../test/fixtures/sls/${name}.jsonl`, import.meta.url);
  return readFileSync(url, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): RecordedCall => JSON.parse(line));
}
