import { mkdir, open, stat } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { CallOptions } from '../../../contracts/component.js';
import { ComponentFailedError, ComponentSilentError } from '../../../contracts/errors.js';
import type { WriterParameters } from '../../../contracts/writer.js';
import { type Reservation, reserveFile } from '../../../files/freeName.js';
import { verifyInWorker } from '../../../files/verifyInWorker.js';
import { PROGRAM_FILES } from '../../../programFiles.js';
import { lookUntil } from '../../transport/lookUntil.js';
import { logFolderError } from './logFolderError.js';
import type { H5ProcessOptions } from './options.js';
import { pruneLogs } from './pruneLogs.js';
import type { RunNote } from './runRecord.js';
import type { Standby } from './standby.js';
import { declaredParameters, writerArguments } from './writerArguments.js';
import { WriterProcess } from './writerProcess.js';
import { WriterRun } from './writerRun.js';

const LOOK_EVERY_MS = 2;

export interface WriterLaunch {
  readonly component: string;
  readonly options: H5ProcessOptions;
  readonly parameters: WriterParameters;
  readonly note: RunNote;
  /** Null where every run starts a process of its own. */
  readonly standby: Standby | null;
}

/** What a command line is made of. */
type Facts = Pick<WriterLaunch, 'component' | 'options' | 'parameters'>;

/**
 * Reserves the file, starts the process, waits until it answers and hands it its parameters. When any of it fails,
 * nothing is left: neither process nor empty file.
 */
export async function launchWriter(launch: WriterLaunch, options: CallOptions): Promise<WriterRun> {
  const { component, parameters } = launch;
  // Everything is checked before anything is made.
  commandLine(launch, { file: parameters.outputFile, restPort: 1 });
  const { userId, isReal } = owner(launch);
  const ownerId = userId > 0 && process.getuid?.() === 0 ? userId : null;
  const restPort = await freePort(launch);
  const reserved = await reserveFile(parameters.outputFile, { rule: parameters.existingFile, ownerId });
  const file = reserved.path;
  let run: WriterRun | null = null;
  try {
    const { executable, args } = commandLine(launch, { file, restPort });
    const log = await openLog(launch).catch(cannotLog(launch));
    try {
      const runsAs = isReal && userId > 0 ? userId : null;
      const firstLine = `${JSON.stringify([executable, ...args])}\n`;
      // One that waits is ours already, and cannot become somebody else's.
      const waiting =
        runsAs === null ? await launch.standby?.take(args.slice(1), { log: log.path, firstLine }) : null;
      if (waiting == null) await log.handle.write(firstLine).catch(() => undefined);
      const started =
        waiting ??
        (await WriterProcess.start({ component, executable, args, logFd: log.handle.fd, ownerId: runsAs }));
      const record = { ...started.identity, restPort, file, frames: parameters.frames, log: log.path };
      run = new WriterRun({
        component,
        record,
        process: started,
        stopTimeoutMs: launch.options.stopTimeoutMs,
      });
    } finally {
      await log.handle.close();
    }
    // First of all: were we to die now, the next controller would have to know of it.
    await launch.note.write(run.record).catch(cannotLog(launch));
    await run.rest.connect();
    if (await untilReady(run, launch, options)) await handOverParameters(run, launch, options);
    await reserved.keep();
    // Nobody has to wait for it.
    void pruneLogs(launch.options.logFolder, component);
    return run;
  } catch (error) {
    await abandon(run, reserved);
    await launch.note.remove();
    throw error;
  }
}

/** Checks what would stand on the command line, without starting anything. */
export function checkLaunch(launch: Facts): void {
  commandLine(launch, { file: launch.parameters.outputFile, restPort: 1 });
  owner(launch);
}

function commandLine(
  { component, options, parameters }: Facts,
  { file, restPort }: { file: string; restPort: number },
): { executable: string; args: string[] } {
  const args = writerArguments(
    {
      streamAddress: options.streamAddress,
      outputFile: file,
      frames: parameters.frames,
      restPort,
      userId: options.userId === 'argument' ? parameters.userId : -1,
      extraArguments: options.extraArguments,
    },
    component,
  );
  if (options.command !== 'dia-writer') return { executable: options.command, args };
  // The name is ours already.
  const own = [PROGRAM_FILES.writer, '--existing-file', 'overwrite'];
  const layout = options.format === undefined ? [] : ['--format', options.format];
  const compression = options.compression === undefined ? [] : ['--compression', options.compression];
  return { executable: process.execPath, args: [...own, ...layout, ...compression, ...args] };
}

function owner({ component, options, parameters }: Facts): {
  userId: number;
  isReal: boolean;
} {
  const isReal = options.userId === 'real';
  const userId = options.userId === 'none' ? -1 : parameters.userId;
  if (!isReal || userId <= 0 || process.getuid?.() === 0) return { userId, isReal };
  throw new ComponentFailedError('component_failed', `${component} cannot be started as user ${userId}.`, {
    component,
    operation: 'change the user',
    expected: 'a controller that runs as root',
    actual: `user ${process.getuid?.() ?? '?'}`,
    hint: `Run the controller as root, or set the option userId of ${component} to argument.`,
  });
}

/** The configured port if nobody has it, or any free one. */
async function freePort({ component, options }: WriterLaunch): Promise<number> {
  const server = createServer();
  try {
    return await new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.restPort, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : options.restPort);
      });
    });
  } catch (cause) {
    throw new ComponentFailedError(
      'component_failed',
      `${component} cannot be started: port ${options.restPort} is in use.`,
      {
        component,
        operation: 'start',
        expected: `port ${options.restPort} of 127.0.0.1 to be free`,
        actual: cause instanceof Error ? cause.message : String(cause),
        hint: `Find who listens there with 'ss -ltnp', most likely a writer that was left behind, or set restPort to 0.`,
        cause,
      },
    );
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function cannotLog({ component, options }: WriterLaunch): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    throw logFolderError(error, { component, folder: options.logFolder });
  };
}

async function openLog({ component, options, parameters }: WriterLaunch) {
  await mkdir(options.logFolder, { recursive: true });
  const time = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const id = parameters.acquisitionId.replaceAll(/[^A-Za-z0-9-]/g, '').slice(0, 8);
  const path = join(options.logFolder, `${component}_${time}_${id}.log`);
  return { path, handle: await open(path, 'a') };
}

/** Whether it answers; false when it has done its work already, because the frames were there before it. */
async function untilReady(run: WriterRun, launch: WriterLaunch, options: CallOptions): Promise<boolean> {
  const { component } = launch;
  const timeoutMs = Math.min(launch.options.readyTimeoutMs, options.timeoutMs);
  const { signal } = options;
  const answers = async () => {
    if (!(await run.process.runs())) {
      if (hasDoneItsWork(run)) return true;
      throw await endedEarly(run, component);
    }
    // An attempt to connect takes less than a request, from the processor that the writer needs for its start.
    if (!(await isListening(run.record.restPort))) return false;
    return await run.askFirst({ signal, timeoutMs }).then(
      () => true,
      (error) => {
        if (error instanceof ComponentSilentError && error.code === 'component_unreachable') return false;
        throw error;
      },
    );
  };
  if (await lookUntil(answers, { signal, timeoutMs, everyMs: LOOK_EVERY_MS }))
    return await run.process.runs();
  throw new ComponentSilentError(
    'component_timeout',
    `${component} did not answer within ${timeoutMs} ms of its start.`,
    {
      component,
      operation: 'start',
      expected: `an answer at ${run.rest.url}`,
      actual: 'connection refused',
      hint: `Read its log ${run.record.log}; it was ended. The option readyTimeoutMs gives it more time.`,
    },
  );
}

/** Whether somebody listens on a port of 127.0.0.1. */
function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (outcome: boolean) => {
      socket.destroy();
      resolve(outcome);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

async function handOverParameters(run: WriterRun, launch: WriterLaunch, options: CallOptions): Promise<void> {
  const declared = declaredParameters(launch.parameters.extra, launch.options.parameters);
  try {
    await run.rest.setParameters(declared, options);
  } catch (error) {
    if ((await run.process.runs()) || !hasDoneItsWork(run)) throw error;
  }
}

function hasDoneItsWork({ process: { exit } }: WriterRun): boolean {
  return exit !== null && exit !== 'unknown' && exit.code === 0;
}

async function endedEarly(run: WriterRun, component: string): Promise<ComponentFailedError> {
  const { error } = await run.report({ signal: new AbortController().signal, timeoutMs: 5_000 });
  const what = error ?? 'it ended at once';
  return new ComponentFailedError('component_failed', `${component} did not start: ${what}`, {
    component,
    operation: 'start',
    expected: 'a process that answers',
    actual: what,
    hint: `Read its log ${run.record.log}; its first line is the command line.`,
  });
}

async function abandon(run: WriterRun | null, reserved: Reservation): Promise<void> {
  if (run !== null) {
    await run.process.signal('SIGKILL');
    const bounds = { signal: new AbortController().signal, timeoutMs: 1_000, everyMs: LOOK_EVERY_MS };
    await lookUntil(async () => !(await run.process.runs()), bounds);
    await run.close();
  }
  if (reserved.replaces || (await isWithoutFrames(reserved.path))) await reserved.giveBack();
}

async function isWithoutFrames(path: string): Promise<boolean> {
  const size = await stat(path).then(
    (facts) => facts.size,
    () => 0,
  );
  // Less than the least HDF5 file.
  if (size <= 96) return true;
  const bounds = { signal: new AbortController().signal, timeoutMs: 5_000 };
  return await verifyInWorker(path, bounds).then(
    ({ frames, framesWritten }) => frames === 0 && framesWritten === 0,
    // Whatever it is, it may hold what somebody wants.
    () => false,
  );
}
