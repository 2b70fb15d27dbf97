/** What a name in curly brackets in `output_file` can be. */
export const NAME_FIELDS = ['run', 'date', 'time', 'detector'] as const;

type NameField = (typeof NAME_FIELDS)[number];

/** What fills in the names in curly brackets. */
export interface NameFacts {
  /** Number of the run; only asked for where a name needs it. */
  readonly run: () => Promise<number>;
  /** When the config was applied; dates and times are those of the server's time zone. */
  readonly at: Date;
  /** Name of the pipeline, or of the auxiliary writer. */
  readonly detector: string;
}

/** A word in curly brackets, perhaps with a format; any other bracket is a character like others. */
const FIELD = /\{([A-Za-z_]\w*)(?::([^{}]*))?\}/g;
const WIDTH = /^0([1-9]|1[0-2])d$/;
const KNOWN = '{run}, {run:06d}, {date}, {time} and {detector}';

/**
 * Says what is wrong with the names in curly brackets in a file name: those nobody knows, and formats that do not
 * fit. Empty when nothing is.
 */
export function nameFindings(fileName: string): string[] {
  return [...fileName.matchAll(FIELD)].flatMap(([text, name = '', format]) => {
    if (!isField(name)) return [`${text} stands for nothing; known are ${KNOWN}.`];
    if (format === undefined || (name === 'run' && WIDTH.test(format))) return [];
    return [`${text} has a format that does not fit; known are ${KNOWN}, with 1 to 12 digits.`];
  });
}

/** Whether a file name has this name in curly brackets in it. */
export function hasField(fileName: string, field: NameField): boolean {
  return [...fileName.matchAll(FIELD)].some(([, name]) => name === field);
}

/** Fills in the names in curly brackets; what `nameFindings` complains of stays as it is. */
export async function fillFileName(fileName: string, { run, at, detector }: NameFacts): Promise<string> {
  const number = hasField(fileName, 'run') ? String(await run()) : '';
  const values: Readonly<Record<NameField, string>> = {
    run: number,
    date: `${at.getFullYear()}-${digits(at.getMonth() + 1)}-${digits(at.getDate())}`,
    time: [at.getHours(), at.getMinutes(), at.getSeconds()].map(digits).join(''),
    detector,
  };
  return fileName.replace(FIELD, (text: string, name: string, format?: string) => {
    if (!isField(name)) return text;
    const width = Number(WIDTH.exec(format ?? '')?.[1] ?? 0);
    return values[name].padStart(width, '0');
  });
}

const isField = (name: string): name is NameField => NAME_FIELDS.some((known) => known === name);

const digits = (value: number) => String(value).padStart(2, '0');
