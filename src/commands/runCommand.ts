import { errorFacts } from '../api/errorTable.js';
import { DiaError, toDiaError } from '../contracts/errors.js';
import type { JsonValue } from '../contracts/json.js';
import { EXIT_CODES, type ExitName, exitOf } from './exitCodes.js';
import { Interrupted } from './interrupts.js';
import { Output } from './output.js';

/**
 * Runs a command and ends the process with its exit code; what it throws is printed with what to do next.
 */
export async function runCommand(
  options: { readonly json?: boolean },
  work: (output: Output) => Promise<ExitName | undefined>,
): Promise<void> {
  const output = new Output(options.json ?? false);
  let name: ExitName;
  try {
    name = (await work(output)) ?? 'ok';
  } catch (thrown) {
    name = reportFailure(output, thrown);
  }
  // Kept-alive connections to the server would hold the process for seconds.
  process.exit(EXIT_CODES[name].code);
}

/** Prints what went wrong; answers how the command ends. */
function reportFailure(output: Output, thrown: unknown): ExitName {
  if (thrown instanceof Interrupted) {
    output.problem(thrown.message);
    return 'interrupted';
  }
  const error = toDiaError(thrown);
  const exit = exitOf(error);
  output.document({
    type: 'error',
    state: 'error',
    status: error.message,
    error: errorFacts(error),
    exit_code: EXIT_CODES[exit].code,
  });
  output.problem(`${output.paintProblem('red', 'error:')} ${error.message}`);
  if (thrown instanceof DiaError) {
    const { expected } = error.facts;
    if (expected !== undefined && expected !== null) {
      output.problem(`${output.paintProblem('yellow', 'expected:')} ${expectedText(expected)}`);
    }
    if (error.facts.hint) output.problem(`${output.paintProblem('yellow', 'hint:')} ${error.facts.hint}`);
  } else if (thrown instanceof Error && thrown.stack) {
    // A defect of the command line itself: nobody else has the stack.
    output.problem(thrown.stack);
  }
  return exit;
}

function expectedText(expected: JsonValue): string {
  const texts = Array.isArray(expected) ? expected : [expected];
  return texts.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(', ');
}
