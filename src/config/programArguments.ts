import { suggestion } from '../nearest.js';
import type { ServiceSettings } from './deployment.js';
import { PLACEHOLDER } from './mapTexts.js';

/** What a value of an option has to look like. */
interface ValueRule {
  readonly pattern: RegExp;
  readonly expected: string;
}

const any: ValueRule = { pattern: /./s, expected: 'a value' };
const port: ValueRule = {
  pattern: /^(?:\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])$/,
  expected: 'a port from 0 to 65535',
};
const count: ValueRule = { pattern: /^0*[1-9]\d{0,8}$/, expected: 'a whole number from 1' };

/** What a program of this project takes on its command line. */
interface ProgramOptions {
  /** Options with a value. */
  readonly values: Readonly<Record<string, ValueRule>>;
  readonly flags: readonly string[];
  /** What it cannot do without as a service. */
  readonly needs: readonly string[];
}

/** The options of the programs that a deployment can have started; a test holds them to the programs' own. */
export const PROGRAM_OPTIONS: Readonly<Record<NonNullable<ServiceSettings['program']>, ProgramOptions>> = {
  'simulated-detector': {
    values: {
      '--host': any,
      '--control-port': port,
      '--frames-port': port,
      '--shape': { pattern: /^0*[1-9]\d*x0*[1-9]\d*$/, expected: 'ROWSxCOLUMNS, for example 512x1024' },
      '--seed': { pattern: /^\d+$/, expected: 'a whole number' },
    },
    flags: [],
    needs: [],
  },
  'simulated-backend': {
    values: {
      '--host': any,
      '--http-port': port,
      '--frames-port': port,
      '--frames-from': any,
      '--modules': count,
    },
    flags: [],
    needs: ['--frames-from'],
  },
  writer: {
    values: {
      '--host': any,
      '--http-port': port,
      '--stream': any,
      '--dialect': any,
      '--format': any,
      '--detector-name': any,
      '--compressed': any,
      '--compression': { pattern: /^(?:none|bslz4)$/, expected: 'none or bslz4' },
      '--compression-threads': count,
      '--existing-file': {
        pattern: /^(?:number|refuse|overwrite)$/,
        expected: 'number, refuse or overwrite',
      },
      '--data-root': any,
      '--high-water-mark': count,
    },
    flags: ['--service'],
    needs: ['--service', '--stream'],
  },
};

type ArgumentsOf = Pick<ServiceSettings, 'program' | 'command' | 'args'>;

/** What is wrong with the arguments of a program of this project, as texts; empty when nothing is. */
export function argumentFindings({ program, command, args }: ArgumentsOf): string[] {
  if (program === undefined || command !== undefined) return [];
  const { values, flags, needs } = PROGRAM_OPTIONS[program];
  const known = [...Object.keys(values), ...flags];
  const given = new Set<string>();
  const findings: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? '';
    const [option = '', inline] = argument.split(/=(.*)/s);
    if (!argument.startsWith('--')) {
      findings.push(`a ${program} takes options only, got "${argument}".`);
      continue;
    }
    given.add(option);
    if (flags.includes(option)) continue;
    if (!Object.hasOwn(values, option)) {
      findings.push(`a ${program} has no option '${option}'.${suggestion(option, known)}`);
      // What follows is most likely its value.
      if (inline === undefined && args[index + 1]?.startsWith('--') === false) index += 1;
      continue;
    }
    const value = inline ?? args[++index];
    findings.push(...valueFindings(option, value, values[option] ?? any));
  }
  const missing = needs.filter((option) => !given.has(option));
  return [
    ...findings,
    ...missing.map((option) => `${option} is missing: as a service a ${program} needs it.`),
  ];
}

function valueFindings(
  option: string,
  value: string | undefined,
  { pattern, expected }: ValueRule,
): string[] {
  if (value === undefined) return [`${option} expected ${expected}, got nothing.`];
  // What a placeholder becomes is known later.
  if (pattern.test(value) || value.search(PLACEHOLDER) >= 0) return [];
  return [`${option} expected ${expected}, got "${value}".`];
}
