import { DiaClient } from '../client/client.js';
import type { StandDown } from '../contracts/acquisition.js';
import type { Output } from './output.js';
import { statusWord } from './runDisplay.js';

/** Stops, resets or kills, and prints the status it came to. */
export async function standDownCommand(
  output: Output,
  how: StandDown,
  options: { readonly url: string },
): Promise<undefined> {
  const answer = await new DiaClient(options.url)[how]();
  output.document(answer);
  output.line(statusWord(answer.status));
  return undefined;
}
