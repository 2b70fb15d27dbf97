import type { StandDown } from '../contracts/acquisition.js';
import { connect, type ServerOptions } from './connect.js';
import type { Output } from './output.js';
import { statusWord } from './runDisplay.js';

/** Stops, resets or kills, and prints the status it came to. */
export async function standDownCommand(
  output: Output,
  how: StandDown,
  options: ServerOptions,
): Promise<undefined> {
  const answer = await (await connect(options))[how]();
  output.document(answer);
  output.line(statusWord(answer.status));
  return undefined;
}
