import { availableParallelism } from 'node:os';
import { EXISTING_FILE_RULES, type ExistingFile } from '../contracts/writer.js';
import { COMPRESSIONS, type CompressionName } from './compression/compressions.js';
import { DIALECTS, type Dialect } from './decoders/dialects.js';
import type { DetectorFacts } from './formats/format.js';
import { LAYOUT_NAMES, type LayoutName } from './formats/layouts.js';

/** `keep`: stored as they are; `unpack`: stored plain, for readers without plugins. */
const COMPRESSED_RULES = ['keep', 'unpack'] as const;

const MOST_THREADS = 64;
/** More would only take memory: this many compress faster than one thread receives and writes. */
const MOST_THREADS_BY_DEFAULT = 8;

/** What the program was asked to do on its command line. */
export interface WriterOptions {
  /** `service`: one process for many acquisitions; `process`: one acquisition, then exit. */
  readonly mode: 'service' | 'process';
  readonly host: string;
  readonly httpPort: number;
  /** Null in service mode when each configure names it. */
  readonly streamAddress: string | null;
  /** Kind of the frame stream. */
  readonly dialect: Dialect;
  /** Layout of the file. */
  readonly format: LayoutName;
  readonly detector: DetectorFacts;
  /** What becomes of frames that come compressed. */
  readonly compressed: (typeof COMPRESSED_RULES)[number];
  /** What becomes of frames that come plain. */
  readonly compression: CompressionName;
  /** Threads that compress. */
  readonly compressionThreads: number;
  readonly existingFile: ExistingFile;
  /** Folders that output files must lie in; empty: anywhere. */
  readonly dataRoots: readonly string[];
  /** Frames kept in memory before the sender is held back. */
  readonly highWaterMark: number;
  /** Process mode only. */
  readonly run: {
    readonly outputFile: string;
    readonly framesExpected: number;
    readonly userId: number;
  } | null;
}

/** A command line that makes no sense; the message says why. */
export class UsageError extends Error {}

export const USAGE = `Usage:
  dia writer [options] <stream address> <output_file> <n_frames> <rest_port> <user_id> [ignored…]
      takes one acquisition and exits (n_frames 0: until stopped; user_id -1: the file stays ours)
  dia writer [options] --service [--stream <address>]
      takes acquisitions over HTTP until it is told to end

Options:
  --host <address>           address of the REST interface (default 127.0.0.1)
  --http-port <port>         its port with --service (default 0: any free one)
  --stream <address>         ZeroMQ address of the frames with --service; several (one for each receiver of the
                             dialect sls) are separated by commas, here and as <stream address>
  --dialect <name>           kind of the frame stream (default array-1.0): ${DIALECTS.join(', ')}
  --format <name>            layout of the file (default nexus): ${LAYOUT_NAMES.join(', ')}
  --detector-name <name>     what the layout swissfel calls the detector (default: the fourth ignored argument,
                             which is its name for PSI's writer, or else detector)
  --compressed <rule>        frames that come compressed: keep (default; readers need the plugin hdf5plugin) or unpack
  --compression <name>       frames that come plain: none (default; stored as they are) or bslz4 (bitshuffle and LZ4;
                             readers need the plugin hdf5plugin)
  --compression-threads <n>  threads that compress (default: one less than there are cores, at most ${MOST_THREADS_BY_DEFAULT})
  --existing-file <rule>     number (default), refuse or overwrite
  --data-root <folder>       output files must lie in here, or be /dev/null; may be given several times
  --high-water-mark <n>      frames kept in memory before the sender is held back (default 100; of PUSH
                             senders at most 64 MiB of them)
`;

const DETECTOR_NAME = /^[A-Za-z0-9_][\w.-]{0,63}$/;

const VALUE_OPTIONS = new Set([
  '--host',
  '--http-port',
  '--stream',
  '--dialect',
  '--format',
  '--compressed',
  '--compression',
  '--compression-threads',
  '--detector-name',
  '--existing-file',
  '--data-root',
  '--high-water-mark',
]);

/**
 * Reads the command line. Positional arguments may be negative numbers, and there may be more of them than are
 * used: start scripts of beamlines append their own.
 *
 * @throws UsageError
 */
export function parseOptions(argv: readonly string[]): WriterOptions {
  const { positional, values, service } = split(argv);
  const common = {
    host: last(values, '--host') ?? '127.0.0.1',
    dialect: dialectNamed(last(values, '--dialect') ?? 'array-1.0'),
    format: formatNamed(last(values, '--format') ?? 'nexus'),
    compressed: compressedRule(last(values, '--compressed') ?? 'keep'),
    compression: compressionNamed(last(values, '--compression') ?? 'none'),
    compressionThreads: integer(last(values, '--compression-threads') ?? String(defaultThreads()), {
      name: '--compression-threads',
      from: 1,
      to: MOST_THREADS,
    }),
    detector: detectorFacts(positional, last(values, '--detector-name')),
    existingFile: existingFileRule(last(values, '--existing-file') ?? 'number'),
    dataRoots: values.get('--data-root') ?? [],
    highWaterMark: integer(last(values, '--high-water-mark') ?? '100', {
      name: '--high-water-mark',
      from: 1,
    }),
  };
  if (service) {
    if (positional.length > 0) throw new UsageError(`--service takes no '${positional[0]}'.`);
    return {
      ...common,
      mode: 'service',
      httpPort: portNumber(last(values, '--http-port') ?? '0', '--http-port'),
      streamAddress: values.get('--stream')?.join(',') ?? null,
      run: null,
    };
  }
  const [streamAddress, outputFile, frames, restPort, userId] = positional;
  if (
    streamAddress === undefined ||
    outputFile === undefined ||
    frames === undefined ||
    restPort === undefined ||
    userId === undefined
  ) {
    throw new UsageError(`Five arguments are needed, ${positional.length} were given.`);
  }
  return {
    ...common,
    mode: 'process',
    httpPort: portNumber(restPort, 'rest_port'),
    streamAddress,
    run: {
      outputFile,
      framesExpected: integer(frames, { name: 'n_frames', from: 0 }),
      userId: integer(userId, { name: 'user_id', from: -1 }),
    },
  };
}

function split(argv: readonly string[]) {
  const positional: string[] = [];
  const values = new Map<string, string[]>();
  let service = false;
  for (let index = 0; index < argv.length; index += 1) {
    const argument = argv[index] ?? '';
    const [name = '', inline] = argument.split(/=(.*)/s);
    if (argument === '--service') {
      service = true;
    } else if (VALUE_OPTIONS.has(name)) {
      const value = inline ?? argv[++index];
      if (value === undefined) throw new UsageError(`${name} needs a value.`);
      values.set(name, [...(values.get(name) ?? []), value]);
    } else if (argument.startsWith('--')) {
      throw new UsageError(`There is no option ${name}.`);
    } else {
      positional.push(argument);
    }
  }
  return { positional, values, service };
}

function last(values: ReadonlyMap<string, readonly string[]>, name: string): string | undefined {
  return values.get(name)?.at(-1);
}

function existingFileRule(text: string): ExistingFile {
  const rule = EXISTING_FILE_RULES.find((known) => known === text);
  if (rule === undefined) {
    throw new UsageError(`--existing-file is ${EXISTING_FILE_RULES.join(', ')}, not '${text}'.`);
  }
  return rule;
}

function dialectNamed(text: string): Dialect {
  const dialect = DIALECTS.find((known) => known === text);
  if (dialect === undefined) throw new UsageError(`--dialect is ${DIALECTS.join(', ')}, not '${text}'.`);
  return dialect;
}

function compressedRule(text: string): WriterOptions['compressed'] {
  const rule = COMPRESSED_RULES.find((known) => known === text);
  if (rule === undefined)
    throw new UsageError(`--compressed is ${COMPRESSED_RULES.join(' or ')}, not '${text}'.`);
  return rule;
}

/** One core is left to receive and to write. */
function defaultThreads(): number {
  return Math.min(Math.max(1, availableParallelism() - 1), MOST_THREADS_BY_DEFAULT);
}

function compressionNamed(text: string): CompressionName {
  const name = COMPRESSIONS.find((known) => known === text);
  if (name === undefined)
    throw new UsageError(`--compression is ${COMPRESSIONS.join(' or ')}, not '${text}'.`);
  return name;
}

function formatNamed(text: string): LayoutName {
  const format = LAYOUT_NAMES.find((known) => known === text);
  if (format === undefined) throw new UsageError(`--format is ${LAYOUT_NAMES.join(', ')}, not '${text}'.`);
  return format;
}

/** PSI's SwissFEL writer has more arguments: broker url, modules, bad modules, name of the detector. */
function detectorFacts(positional: readonly string[], option: string | undefined): DetectorFacts {
  const [, , , , , , , badModules, argument] = positional;
  const name = option ?? argument ?? 'detector';
  if (!DETECTOR_NAME.test(name)) {
    throw new UsageError(`A detector's name has letters, digits and . _ -, unlike '${name}'.`);
  }
  return { name, badModules: /^\d{1,6}$/.test(badModules ?? '') ? Number(badModules) : null };
}

function portNumber(text: string, name: string): number {
  return integer(text, { name, from: 0, to: 65_535 });
}

interface Bounds {
  readonly name: string;
  readonly from: number;
  readonly to?: number;
}

function integer(text: string, { name, from, to = 2 ** 31 - 1 }: Bounds): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= from && value <= to))
    throw new UsageError(`${name} is an integer from ${from} to ${to}, not '${text}'.`);
  return value;
}
