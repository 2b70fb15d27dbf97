import { isAbsolute, resolve } from 'node:path';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import type { Role } from '../contracts/component.js';
import { DiaError } from '../contracts/errors.js';
import type { JsonObject, JsonValue } from '../contracts/json.js';
import { SchemaCompiler } from '../schemas/schemaCompiler.js';
import { parseAddressBlock } from './addressBlock.js';
import { DeploymentSchema, type PipelineSettings, type ServiceSettings } from './deployment.js';
import type { Finding } from './deploymentFindings.js';
import { checkReferences, findReferences, startOrder, substituteEndpoints } from './endpoints.js';
import { isHost } from './hostName.js';
import { argumentFindings } from './programArguments.js';
import type { DocumentPath, YamlSource } from './yamlSource.js';

const { properties } = DeploymentSchema;
const compiler = new SchemaCompiler({ options: {} });
const pipelineValidator = compiler.later<PipelineSettings>(properties.pipelines.items);
const serviceValidator = compiler.later<ServiceSettings>(properties.services.items);
const auxiliaryWriterValidator = compiler.later<Adapter & { name: string }>(
  properties.auxiliaryWriters.items,
);
const triggerValidator = compiler.later<Adapter>(properties.trigger);

interface Adapter {
  readonly kind: string;
  readonly options: JsonObject;
}

/** Says what is wrong with the kind or the options of an adapter; empty when nothing is. */
export type CheckOptions = (role: Role, kind: string, options: JsonObject) => string[];

interface Surroundings {
  readonly source: YamlSource;
  readonly checkOptions: CheckOptions;
  /** Whether `pipelines` were made from `pipelinesFrom`: that is where findings lead then. */
  readonly isMade?: boolean;
}

/**
 * Finds what the schema cannot see: names used twice, references into the void, services in a circle,
 * relative data roots, and adapters with wrong options.
 *
 * Parts that do not fit the schema are left out; they have their findings already.
 */
export function checkDeployment(
  settings: unknown,
  { source, checkOptions, isMade = false }: Surroundings,
): Finding[] {
  const findings: Finding[] = [];
  const report = (path: DocumentPath, text: string) => {
    findings.push({ path, text, line: source.lineOf(path) });
  };

  const services = namedServices(settings);
  checkServices(settings, services, report);
  for (const name of ['pipelines', 'auxiliaryWriters', 'services']) checkNames(settings, name, report);
  checkHost(settings, report);
  checkRoots(settings, report);
  checkPaths(settings, report);
  checkAccess(settings, report);

  for (const { path: written, role, adapter } of adaptersIn(settings)) {
    const path = isMade && written[0] === 'pipelines' ? ['pipelinesFrom', role] : written;
    const wrong = checkReferences(adapter.options, services);
    for (const text of wrong) report([...path, 'options'], text);
    if (wrong.length > 0) continue;
    for (const text of checkOptions(role, adapter.kind, withSampleAddresses(adapter.options)))
      report(path, text);
  }
  return findings;
}

const ALL_FILES = 'clients could write to every file of the machine.';

type Report = (path: DocumentPath, text: string) => void;

function* adaptersIn(settings: unknown): Generator<{ path: DocumentPath; role: Role; adapter: Adapter }> {
  for (const [index, pipeline] of fitting(settings, 'pipelines', pipelineValidator)) {
    for (const role of ['detector', 'backend', 'writer'] as const) {
      yield { path: ['pipelines', index, role], role, adapter: pipeline[role] };
    }
  }
  for (const [index, writer] of fitting(settings, 'auxiliaryWriters', auxiliaryWriterValidator)) {
    yield { path: ['auxiliaryWriters', index], role: 'writer', adapter: writer };
  }
  const trigger = member(settings, 'trigger');
  const isTrigger = triggerValidator();
  if (isTrigger(trigger) && trigger.kind !== 'none')
    yield { path: ['trigger'], role: 'trigger', adapter: trigger };
}

function checkServices(settings: unknown, services: readonly ServiceSettings[], report: Report): void {
  for (const [index, service] of fitting(settings, 'services', serviceValidator)) {
    if ((service.program === undefined) === (service.command === undefined)) {
      report(['services', index], "needs either 'program' or 'command'.");
    }
    for (const key of ['command', 'args'] as const) {
      for (const text of checkReferences(service[key] ?? [], services))
        report(['services', index, key], text);
    }
    for (const text of argumentFindings(service)) report(['services', index, 'args'], text);
  }
  try {
    startOrder(services);
  } catch (error) {
    if (!(error instanceof DiaError)) throw error;
    report(['services'], error.message);
  }
}

function checkNames(settings: unknown, key: string, report: Report): void {
  const seen = new Set<JsonValue>();
  for (const [index, item] of list(settings, key).entries()) {
    const name = member(item, 'name');
    if (typeof name !== 'string') continue;
    if (seen.has(name)) report([key, index, 'name'], `'${name}' is used twice.`);
    seen.add(name);
  }
}

function checkPaths(settings: unknown, report: Report): void {
  const seen = new Set<unknown>();
  for (const [index, route] of list(settings, 'routes').entries()) {
    const path = member(route, 'path');
    if (typeof path !== 'string') continue;
    if (seen.has(path)) report(['routes', index, 'path'], `'${path}' is used twice.`);
    seen.add(path);
  }
}

function checkAccess(settings: unknown, report: Report): void {
  const access = member(settings, 'access');
  checkNames(access, 'tokens', (path, text) => report(['access', ...path], text));
  for (const [index, text] of list(access, 'allow').entries()) {
    if (typeof text === 'string' && text !== '' && parseAddressBlock(text) === null) {
      report(
        ['access', 'allow', index],
        `expected an address or a block such as 10.1.0.0/16, got "${text}".`,
      );
    }
  }
}

function checkHost(settings: unknown, report: Report): void {
  const host = member(member(settings, 'http'), 'host');
  if (typeof host !== 'string' || host === '' || isHost(host)) return;
  report(['http', 'host'], `expected an address such as 127.0.0.1 or the name of a machine, got "${host}".`);
}

function checkRoots(settings: unknown, report: Report): void {
  const data = member(member(settings, 'paths'), 'data');
  if (typeof data === 'string' && isAbsolute(data) && resolve(data) === '/') {
    report(['paths', 'data'], `expected a folder below '/', got "${data}": ${ALL_FILES}`);
  }
  for (const [index, root] of list(member(settings, 'paths'), 'roots').entries()) {
    if (typeof root !== 'string' || root === '' || root === 'tmp' || /^\$\{tmpdir\}/.test(root)) continue;
    if (!isAbsolute(root)) {
      report(['paths', 'roots', index], `expected an absolute folder, 'tmp' or '\${tmpdir}', got "${root}".`);
    } else if (resolve(root) === '/') {
      report(['paths', 'roots', index], `expected a folder below '/', got "${root}": ${ALL_FILES}`);
    }
  }
}

/** Services by name; one that does not fit the schema still has a name that others may refer to. */
function namedServices(settings: unknown): ServiceSettings[] {
  return list(settings, 'services').flatMap((item) => {
    const isService = serviceValidator();
    if (isService(item)) return [item];
    const name = member(item, 'name');
    return typeof name === 'string' ? [{ name, args: [], lingerMs: 0 }] : [];
  });
}

/** The adapters' checks see addresses of the right form where the real ones are only known later. */
function withSampleAddresses(options: JsonObject): JsonObject {
  const samples: Record<string, Record<string, string>> = {};
  for (const { service, endpoint } of findReferences(options).references) {
    const address = `${endpoint === 'http' ? 'http' : 'tcp'}://127.0.0.1:1`;
    samples[service] = { ...samples[service], [endpoint]: address };
  }
  return substituteEndpoints(options, samples);
}

function* fitting<T>(
  settings: unknown,
  key: string,
  validator: () => ValidateFunction<T>,
): Generator<[number, T]> {
  for (const [index, item] of list(settings, key).entries()) {
    const fits = validator();
    if (fits(item)) yield [index, item];
  }
}

function list(value: unknown, key: string): unknown[] {
  const found = member(value, key);
  return Array.isArray(found) ? found : [];
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
