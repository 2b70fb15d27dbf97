import { resolve } from 'node:path';
import { InvalidRequestError } from '../contracts/errors.js';
import { resolveOutputFile } from '../files/dataRoots.js';
import { type Reservation, reserveFile } from '../files/freeName.js';
import { type Announcement, announceService } from '../services/announcement.js';
import { packageVersion } from '../version.js';
import { CompressingFormat } from './compression/compressingFormat.js';
import { Compressor } from './compression/compressor.js';
import { createDecoder, mayBeCompressed, patternOf } from './decoders/dialects.js';
import { layoutNamed } from './formats/layouts.js';
import { StackFormat } from './formats/stackFormat.js';
import { createLog, type WriterLog } from './log.js';
import { parseOptions, USAGE, UsageError, type WriterOptions } from './options.js';
import { Recorder, type RecorderParameters } from './recorder.js';
import { type RestServer, serveRest } from './rest.js';
import { processRoutes, serviceRoutes } from './routes.js';
import { StreamKeeper } from './streams/keptStream.js';
import { PullStream } from './streams/pullStream.js';
import { SubscribeStream } from './streams/subscribeStream.js';

/** Exit codes: the work was done; it failed; the command line makes no sense. */
const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/**
 * Runs the writer program.
 *
 * @param argv - The arguments after the program's name, see `USAGE`.
 * @returns The exit code: 0 after the acquisition (also one that was stopped) or the end of the service, 1 when the file
 * or the port could not be opened or the disk failed, 2 for a command line that makes no sense.
 */
export async function runWriter(argv: string[]): Promise<number> {
  // A disk of logs that is full ends no run.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const log = createLog((line) => process.stderr.write(line));
  if (argv.includes('--help')) {
    process.stdout.write(USAGE);
    return EXIT.done;
  }
  let options: WriterOptions;
  try {
    options = parseOptions(argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    return EXIT.usage;
  }
  try {
    return options.mode === 'service' ? await runService(options, log) : await runProcess(options, log);
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error));
    return EXIT.failed;
  }
}

/** Serves acquisitions until a signal, or until no controller is left to serve. */
async function runService(options: WriterOptions, log: WriterLog): Promise<number> {
  const recorder = createRecorder(options, log);
  const rest = await serveRest({
    ...options,
    port: options.httpPort,
    routes: serviceRoutes(recorder, options),
    log,
  });
  await new Promise<void>((done) => {
    announceService({
      endpoints: { http: rest.url },
      isBusy: () => recorder.isBusy,
      onStop: async (reason) => {
        log.info(`ends: ${reason}`);
        await recorder.close();
        done();
      },
    });
    log.info(`serves ${rest.url}`);
  });
  await rest.close();
  return EXIT.done;
}

/** Takes the one acquisition of the command line. */
async function runProcess(options: WriterOptions, log: WriterLog): Promise<number> {
  const { run, streamAddress } = options;
  if (run === null || streamAddress === null) throw new UsageError('Nothing to write.');
  const recorder = createRecorder(options, log);
  const configured = recorder.configure({
    outputFile: resolve(run.outputFile),
    framesExpected: run.framesExpected,
    userId: run.userId,
    existingFile: options.existingFile,
    streamAddress,
    dialect: options.dialect,
    format: options.format,
    compression: options.compression,
    detector: options.detector,
    acquisition: {},
    acquisitionId: '',
    extra: {},
  });
  const end = (how: 'stop' | 'kill') => recorder[how]();
  let rest: RestServer | undefined;
  let announcement: Announcement | undefined;
  try {
    await configured;
    rest = await serveRest({ ...options, port: options.httpPort, routes: processRoutes(recorder, end), log });
    const started = recorder.start();
    let announced = {};
    // Before the file is there, so that no signal can come in between and leave half a file.
    announcement = announceService({
      endpoints: { http: rest.url },
      isBusy: () => recorder.isBusy,
      onStop: () => end('stop'),
      // Started by itself for one acquisition: no controller has to stay with it.
      environment: {},
      print: (line) => {
        announced = JSON.parse(line) as object;
      },
    });
    const file = await started;
    process.stdout.write(`${JSON.stringify({ ...announced, file })}\n`);
    await recorder.ended();
    await recorder.close();
    return recorder.status === 'error' ? EXIT.failed : EXIT.done;
  } finally {
    announcement?.close();
    await rest?.close();
  }
}

function createRecorder(options: WriterOptions, log: WriterLog): Recorder {
  const version = packageVersion();
  const streams = new StreamKeeper();
  let last: Compressor | undefined;
  // One whose thread has ended is replaced by the next acquisition.
  const compressor = () => {
    if (last === undefined || last.failure !== null)
      last = new Compressor({ threads: options.compressionThreads });
    return last;
  };
  return new Recorder({
    formatFor: async ({ format, compression }) => {
      const stack = new StackFormat({ layout: layoutNamed(format), version, warn: log.warn });
      return compression === 'none' ? stack : new CompressingFormat(stack, compressor);
    },
    parametersOf: (name) => layoutNamed(name).parameters,
    defaultFormat: options.format,
    createDecoder: async (dialect, streams) => {
      const keepsCompressed = mayBeCompressed(dialect) && options.compressed === 'keep';
      return createDecoder(dialect, { streams, keepsCompressed });
    },
    openStream: (dialect, addresses) => {
      const pattern = patternOf(dialect);
      const Stream = pattern === 'pull' ? PullStream : SubscribeStream;
      const open = () => new Stream({ addresses, highWaterMark: options.highWaterMark });
      return streams.lend(`${pattern} ${addresses.join(',')}`, open);
    },
    closeStreams: () => streams.close(),
    reserve: (parameters) => reserve(parameters, options.dataRoots),
    log,
  });
}

async function reserve(parameters: RecorderParameters, dataRoots: readonly string[]): Promise<Reservation> {
  const [dataFolder, ...roots] = dataRoots;
  const { outputFile, userId, existingFile } = parameters;
  // The second line of defence: the controller has checked the path already, and whether a run may keep nothing.
  const path =
    dataFolder === undefined
      ? outputFile
      : await resolveOutputFile(outputFile, { dataFolder, roots, allowDevNull: true });
  if (path.includes('\0')) {
    throw new InvalidRequestError('invalid_path', 'The output file has a NUL in its name.', {
      component: 'writer',
    });
  }
  // Only root can give files away; a writer that runs as the user itself has nothing to give.
  const ownerId = userId > 0 && process.getuid?.() === 0 ? userId : null;
  return reserveFile(path, { rule: existingFile, ownerId });
}
