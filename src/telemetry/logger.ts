import { join } from 'node:path';
import winston from 'winston';
import { allowance } from './allowance.js';
import { LineFile } from './lineFile.js';
import { requestContext } from './requestContext.js';

/** Facts that go with a message. */
export type Fields = Readonly<Record<string, unknown>>;

/** What the parts of the controller need of a logger. */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

/** One entry of the audit trail: a command of a client, or a call to a component. */
export interface AuditEntry {
  readonly kind: 'command' | 'call';
  /** The command's name, or `component.operation`. */
  readonly what: string;
  readonly outcome: 'ok' | 'error' | 'aborted';
  readonly ms: number;
  /** The error's code and text. */
  readonly error?: string;
  readonly detail?: unknown;
}

export interface Telemetry {
  readonly log: Logger;
  audit(entry: AuditEntry): void;
  /** Notes a request that only read; these have a file of their own, so that polling does not wash the log away. */
  access(message: string, fields: Fields): void;
  /** Says which acquisition the lines from now on belong to. */
  belongTo(acquisitionId: string | undefined): void;
  close(): Promise<void>;
}

const LOG_FILE_BYTES = 20 * 1024 * 1024;
const LOG_FILES = 5;
const REOPEN_AFTER_MS = 5_000;
const CLOSE_TIMEOUT_MS = 1_000;
/** The calls of one step of a command are written together; the end of the command, or a change of the state, ends the wait. */
const AUDIT_WAIT_MS = 20;
/** Hundreds of clients may poll: their lines are written together. */
const ACCESS_WAIT_MS = 100;
/** Of the requests beyond so many in a second only the number is noted: they would wash away the rest within seconds. */
const MOST_ACCESS_LINES_HZ = 100;

const readable = winston.format.printf(({ timestamp, level, message, stack, ...fields }) => {
  const facts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const line = [timestamp, level.padEnd(5), message, ...facts].join(' ');
  return stack ? `${line}\n${stack}` : line;
});

/**
 * Gives a logger its file, and a new one after a failure: a disk that was full for a while, or a folder that was removed,
 * must not end the log for good.
 */
function keepWriting(logger: winston.Logger, open: () => winston.transport): void {
  const transport = open();
  transport.once('error', (error: Error) => {
    process.stderr.write(`A log file cannot be written: ${error.message}\n`);
    logger.remove(transport);
    setTimeout(() => keepWriting(logger, open), REOPEN_AFTER_MS).unref();
  });
  logger.add(transport);
}

function lineFile(folder: string | null, name: string, waitMs: number): LineFile | null {
  if (folder === null) return null;
  return new LineFile(join(folder, name), {
    largestBytes: LOG_FILE_BYTES,
    files: LOG_FILES,
    waitMs,
    onProblem: (text) => process.stderr.write(`${text}\n`),
  });
}

/**
 * The service's log and audit trail.
 *
 * Lines are for people on a terminal and JSON elsewhere; `dia.log` and `audit.log` in `folder` are JSON lines,
 * rotated at 20 MiB, five files kept. Every line carries the request id and the acquisition id it belongs to.
 */
export function createTelemetry(options: {
  level: string;
  folder: string | null;
  terminal?: boolean;
  quiet?: boolean;
}): Telemetry {
  const terminal = options.terminal ?? Boolean(process.stderr.isTTY);
  let acquisitionId: string | undefined;
  const withContext = winston.format((info) => Object.assign(info, { acquisitionId }, requestContext()));
  const json = winston.format.json();
  const file = (name: string) => () =>
    new winston.transports.File({
      filename: join(options.folder ?? '', name),
      maxsize: LOG_FILE_BYTES,
      maxFiles: LOG_FILES,
      tailable: true,
      format: json,
    });
  const base = winston.format.combine(withContext(), winston.format.timestamp());
  const logger = winston.createLogger({
    level: options.level,
    format: base,
    transports: [
      new winston.transports.Console({
        format: terminal ? readable : json,
        stderrLevels: ['error', 'warn', 'info', 'debug'],
        silent: options.quiet ?? false,
      }),
    ],
  });
  if (options.folder !== null) keepWriting(logger, file('dia.log'));
  // A line for every call and every request that is answered: these take a shorter way than through winston.
  const audit = lineFile(options.folder, 'audit.log', AUDIT_WAIT_MS);
  const access = lineFile(options.folder, 'access.log', ACCESS_WAIT_MS);
  const mayNote = allowance(MOST_ACCESS_LINES_HZ, (leftOut) => {
    access?.write(line(`${leftOut} more requests in this second`, { leftOut }));
  });
  const line = (message: string, fields: object) =>
    JSON.stringify({
      level: 'info',
      message,
      ...fields,
      timestamp: new Date().toISOString(),
      acquisitionId,
      ...requestContext(),
    });
  const ended = (target: winston.Logger) =>
    new Promise<void>((resolve) => {
      // A file that cannot be written must not keep the process.
      const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
      target.once('finish', () => {
        clearTimeout(timer);
        resolve();
      });
      target.end();
    });
  const tell =
    (level: keyof Logger) =>
    (message: string, fields?: Fields): void => {
      logger[level](message, fields);
      audit?.hurry();
    };
  return {
    log: { debug: tell('debug'), info: tell('info'), warn: tell('warn'), error: tell('error') },
    audit: (entry) => {
      audit?.write(line(entry.what, entry));
      if (entry.kind === 'command') audit?.hurry();
    },
    access: (message, fields) => {
      if (mayNote()) access?.write(line(message, fields));
    },
    belongTo: (id) => {
      acquisitionId = id;
    },
    close: async () => {
      await Promise.all([ended(logger), audit?.close(), access?.close()]);
    },
  };
}
