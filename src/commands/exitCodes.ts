import { DiaClientError } from '../client/client.js';
import { type DiaError, ERROR_CODES, type ErrorCode } from '../contracts/errors.js';

/** What the exit codes of `dia` mean: the only place where they are written down. */
export const EXIT_CODES = {
  ok: { code: 0, meaning: 'done' },
  failed: { code: 1, meaning: 'failed on the server or in a component; the acquisition is in ERROR' },
  usage: { code: 2, meaning: 'wrong usage, or an invalid config or deployment' },
  noServer: { code: 3, meaning: 'no dia server answers there' },
  wrongState: { code: 4, meaning: 'not possible in the present state, or ended by somebody else' },
  badFile: { code: 5, meaning: 'the file is not as expected: missing, unreadable or incomplete' },
  interrupted: { code: 130, meaning: 'interrupted (Ctrl-C); the acquisition was stopped' },
} as const;

export type ExitName = keyof typeof EXIT_CODES;

const BY_ERROR: Readonly<Record<ErrorCode, ExitName>> = {
  invalid_json: 'usage',
  invalid_body: 'usage',
  invalid_config: 'usage',
  invalid_path: 'usage',
  invalid_deployment: 'usage',
  unsupported_media_type: 'usage',
  body_too_large: 'usage',
  not_found: 'usage',
  method_not_allowed: 'usage',
  unknown_action: 'usage',
  unknown_parameter: 'usage',
  unknown_pipeline: 'usage',
  unauthorized: 'usage',
  forbidden: 'usage',
  wrong_state: 'wrongState',
  preempted: 'wrongState',
  component_disabled: 'wrongState',
  file_exists: 'wrongState',
  already_running: 'wrongState',
  lease_held: 'wrongState',
  rate_limited: 'wrongState',
  too_many_streams: 'wrongState',
  component_failed: 'failed',
  component_refused: 'failed',
  component_wrong_state: 'failed',
  component_timeout: 'failed',
  component_unreachable: 'failed',
  component_lost: 'failed',
  bad_answer: 'failed',
  frames_missing: 'failed',
  stalled: 'failed',
  file_invalid: 'failed',
  service_failed: 'failed',
  no_space: 'failed',
  internal: 'failed',
};

/** How a command ends that failed with this error. */
export function exitOf(error: DiaError): ExitName {
  if (isAboutReachingServer(error)) return 'noServer';
  // What the server thinks of a file is its failure; what we saw ourselves is a fact about the file.
  if (error.code === 'file_invalid' && !(error instanceof DiaClientError)) return 'badFile';
  const known = ERROR_CODES.find((code) => code === error.code);
  return known === undefined ? 'failed' : BY_ERROR[known];
}

/** The same codes can come from a component behind the server; those name that component. */
function isAboutReachingServer(error: DiaError): boolean {
  if (!(error instanceof DiaClientError) || error.facts.component !== 'controller') return false;
  if (error.code === 'bad_answer') return true;
  return error.httpStatus === 0 && ['component_unreachable', 'component_timeout'].includes(error.code);
}

/** The table for `dia --help`. */
export function exitCodesHelp(): string {
  const lines = Object.values(EXIT_CODES).map(({ code, meaning }) => `  ${String(code).padEnd(5)}${meaning}`);
  return ['Exit codes:', ...lines].join('\n');
}
