import type { Static } from 'typebox';
import type { JsonObject, JsonValue } from '../contracts/json.js';
import { Type } from '../contracts/schemaTypes.js';
import { suggestion } from '../nearest.js';
import { SchemaCompiler } from '../schemas/schemaCompiler.js';
import { NAME_PATTERN, type PipelineSettings, type PipelinesFrom } from './deployment.js';
import { type Finding, findingText, schemaFindings } from './deploymentFindings.js';
import { fillPlaceholders, mapTexts, PLACEHOLDER, withoutSuffix } from './mapTexts.js';
import { type DocumentPath, parseYamlSource, type YamlSource } from './yamlSource.js';

const count = (description: string) => Type.Integer({ minimum: 0, description });
const url = (pattern: string, description: string) => Type.String({ pattern, description });

/** One pipeline in the file that `pipelinesFrom` names. docs/deployments.md has a row for every key. */
export const EntrySchema = Type.Object(
  {
    detector_id: count('Number of the detector among those of this computer.'),
    backend_api_url: url('^https?://', 'Address of the backend.'),
    backend_stream_url: url('^(tcp|ipc)://', 'Where the writer gets the frames from.'),
    writer_port: Type.Integer({
      minimum: 1,
      maximum: 65535,
      description: 'Port on which the writer is asked for its status. Unique.',
    }),
    n_modules: Type.Integer({ minimum: 1, description: 'Modules of the detector.' }),
    n_bad_modules: count('How many of them give no data.'),
    disabled_modules: Type.Optional(
      Type.Array(Type.Integer({ minimum: 0 }), { description: 'Which of them give no data.' }),
    ),
  },
  { additionalProperties: false },
);
type Entry = Static<typeof EntrySchema>;

const entryValidator = new SchemaCompiler({ options: { allErrors: true, verbose: true } }).later<Entry>(
  EntrySchema,
);

/** Pipelines made from a file, or what is wrong with them. */
export interface ExpandedPipelines {
  readonly pipelines: readonly PipelineSettings[];
  /** Paths are those of the deployment. */
  readonly findings: readonly Pick<Finding, 'path' | 'text'>[];
}

/**
 * Makes a pipeline for each entry: the components of the deployment, with `${entry.<key>}` filled in.
 *
 * @param text - The JSON file: an object of entries by name, or a list of entries with `name`.
 * @param fileName - As it is to be named in findings.
 */
export function expandPipelines(template: PipelinesFrom, text: string, fileName: string): ExpandedPipelines {
  const list = readEntries(text);
  const inFile = (finding: string) => ({ path: ['pipelinesFrom', 'file'], text: `${fileName}: ${finding}` });
  const findings: Pick<Finding, 'path' | 'text'>[] = [
    ...list.findings.map(inFile),
    ...templateFindings(template),
  ];
  if (findings.length > 0) return { pipelines: [], findings };
  const { file: _file, image, ...components } = template;
  const common = image === undefined ? {} : { image };
  const pipelines = list.entries.map(
    ([name, entry]): PipelineSettings => ({
      name,
      ...common,
      ...fillEntry(components, { name, ...entry }),
    }),
  );
  return { pipelines, findings: [] };
}

type Components = Omit<PipelinesFrom, 'file' | 'image'>;

function fillEntry(components: Components, entry: JsonObject): Components {
  const fill = <T extends { options: JsonObject }>(component: T): T => ({
    ...component,
    options: mapTexts(component.options, (text) => fillPlaceholders(text, valueIn(entry))) as JsonObject,
  });
  return {
    detector: fill(components.detector),
    backend: fill(components.backend),
    writer: fill(components.writer),
  };
}

const valueIn = (entry: JsonObject) => (inner: string) => {
  const key = keyOf(inner);
  return key === null ? null : entry[key];
};

/** `detector_id` of `entry.detector_id`; null for other placeholders, which are filled in later. */
function keyOf(inner: string): string | null {
  return inner.startsWith('entry.') ? inner.slice('entry.'.length) : null;
}

/** References to keys that no entry has. */
function templateFindings(template: PipelinesFrom): Pick<Finding, 'path' | 'text'>[] {
  const known = ['name', ...Object.keys(EntrySchema.properties)];
  const findings: Pick<Finding, 'path' | 'text'>[] = [];
  for (const role of ['detector', 'backend', 'writer'] as const) {
    mapTexts(template[role].options, (text, path) => {
      for (const [placeholder, inner] of text.matchAll(PLACEHOLDER)) {
        const key = keyOf(withoutSuffix(inner ?? ''));
        if (key === null || known.includes(key)) continue;
        findings.push({
          path: ['pipelinesFrom', role, 'options', ...path],
          text: `'${placeholder}': an entry has no key '${key}'.${suggestion(key, known)}`,
        });
      }
      return text;
    });
  }
  return findings;
}

interface Entries {
  readonly entries: readonly (readonly [name: string, entry: Entry])[];
  readonly findings: readonly string[];
}

function readEntries(text: string): Entries {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    return nothing(`is no JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
  // JSON is YAML, and the YAML parser knows the lines, and keys that are given twice.
  const source = parseYamlSource(text);
  const twice = source.findings.filter((finding) => finding.includes('unique'));
  if (twice.length > 0) return { entries: [], findings: twice };
  if (typeof value !== 'object' || value === null) {
    return nothing('expected an object of pipelines by name, or a list of them.');
  }
  const isList = Array.isArray(value);
  const raw = Object.entries(value).map(([key, entry]): RawEntry => {
    const path = [isList ? Number(key) : key];
    const { name, ...rest } = isObject(entry) ? entry : {};
    return isObject(entry) && (isList || name !== undefined)
      ? { path, entry: rest, name: name ?? '', nameIn: [...path, 'name'] }
      : { path, entry, name: key, nameIn: path };
  });
  if (raw.length === 0) return nothing('has no pipelines.');
  return checkEntries(raw, source);
}

interface RawEntry {
  readonly path: DocumentPath;
  readonly entry: JsonValue;
  readonly name: JsonValue;
  /** Where the name stands. */
  readonly nameIn: DocumentPath;
}

function checkEntries(raw: readonly RawEntry[], source: YamlSource): Entries {
  const findings: Finding[] = [];
  const entries: (readonly [string, Entry])[] = [];
  const report = (path: DocumentPath, text: string) => {
    findings.push({ path, text, line: source.lineOf(path) });
  };
  const names = new Set<string>();
  const portOwners = new Map<number, string>();
  for (const { path, entry, name, nameIn } of raw) {
    if (typeof name !== 'string' || !new RegExp(NAME_PATTERN).test(name)) {
      report(
        nameIn,
        `expected a letter followed by letters, digits, '-' or '_', got ${JSON.stringify(name)}.`,
      );
      continue;
    }
    if (names.has(name)) report(nameIn, `'${name}' is used twice.`);
    names.add(name);
    const fitsEntry = entryValidator();
    if (!fitsEntry(entry)) {
      for (const found of schemaFindings(fitsEntry.errors ?? [], source, path)) findings.push(found);
      continue;
    }
    const owner = portOwners.get(entry.writer_port);
    if (owner !== undefined) {
      report([...path, 'writer_port'], `${entry.writer_port} is the port of ${owner} already.`);
    }
    portOwners.set(entry.writer_port, name);
    if (entry.n_bad_modules > entry.n_modules) {
      report(
        [...path, 'n_bad_modules'],
        `expected at most n_modules, ${entry.n_modules}, got ${entry.n_bad_modules}.`,
      );
    }
    entries.push([name, entry]);
  }
  const inOrder = findings.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return { entries, findings: inOrder.map((found) => findingText(found)) };
}

function nothing(finding: string): Entries {
  return { entries: [], findings: [finding] };
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
