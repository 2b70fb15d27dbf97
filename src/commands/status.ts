import type { StatusAnswer } from '../api/schemas.js';
import type { DiaClient } from '../client/client.js';
import { isRecord } from '../client/clientError.js';
import { connect, type ServerOptions } from './connect.js';
import type { Output } from './output.js';
import { progressText } from './progressLine.js';
import { progressView, RunDisplay, statusWord } from './runDisplay.js';

/** How long `--watch` looks for a server that has gone. */
const SERVER_WAIT_MS = 30_000;

/** Prints the status once, or each change of it until Ctrl-C. */
export async function statusCommand(
  output: Output,
  options: ServerOptions & { readonly watch?: boolean },
): Promise<undefined> {
  const client = await connect(options);
  if (options.watch) return watch(client, output);
  const answer = await client.status();
  output.document(answer);
  printStatus(output, answer);
  return undefined;
}

/** Follows the events for as long as somebody reads. */
async function watch(client: DiaClient, output: Output): Promise<undefined> {
  const display = new RunDisplay(output, { documents: false });
  const onConnection = (state: 'lost' | 'back') =>
    output.problem(
      state === 'back'
        ? 'The server answers again.'
        : `The server has gone. Waiting ${SERVER_WAIT_MS / 1000} s for it to come back; Ctrl-C ends.`,
    );
  const events = client.events({
    signal: output.closed,
    reconnectTimeoutMs: SERVER_WAIT_MS,
    onConnection,
  });
  for await (const { id, type, data } of events) {
    output.document({ type, id, ...data });
    if (type === 'progress') display.progress(data);
    else if (type === 'component') output.line(`${data.component}: ${String(data.status).toUpperCase()}`);
    else if (type === 'snapshot') printStatus(output, data);
    else {
      display.state(String(data.status), typeof data.transition === 'string' ? data.transition : null);
      if (typeof data.details === 'string') output.line(output.paint('red', data.details));
    }
  }
  return undefined;
}

function printStatus(output: Output, answer: StatusAnswer | Record<string, unknown>): void {
  const { status, transition, file, progress, details, error } = answer;
  const word = statusWord(String(status));
  const style = word === 'ERROR' ? 'red' : word === 'RUNNING' || word === 'FINISHED' ? 'green' : 'bold';
  output.line(
    output.paint(style, typeof transition === 'string' ? `${word} (${transition.toUpperCase()})` : word),
  );
  if (typeof details === 'string') output.line(details);
  if (isRecord(error) && typeof error.hint === 'string') output.line(`hint: ${error.hint}`);
  const view = progressView(progress);
  if (view.expectedFrames > 0 || view.writtenFrames > 0) output.line(progressText(view));
  if (typeof file === 'string') output.line(file);
}
