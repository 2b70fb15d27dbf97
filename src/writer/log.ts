/** The writer's log: one line each, on stderr. */
export interface WriterLog {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

/** A log that writes `time level text` lines to `write`. */
export function createLog(write: (line: string) => void): WriterLog {
  const line = (level: string) => (text: string) => {
    write(`${new Date().toISOString()} ${level} ${text.replaceAll('\n', ' ')}\n`);
  };
  return { info: line('info'), warn: line('warn'), error: line('error') };
}
