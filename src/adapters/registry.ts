import type { ErrorObject } from 'ajv/dist/2020.js';
import type { Static, TSchema } from 'typebox';
import type { Backend } from '../contracts/backend.js';
import type { Role } from '../contracts/component.js';
import type { Detector } from '../contracts/detector.js';
import { InvalidRequestError } from '../contracts/errors.js';
import type { JsonObject } from '../contracts/json.js';
import type { Trigger } from '../contracts/trigger.js';
import type { Writer } from '../contracts/writer.js';
import { nearest } from '../nearest.js';
import { SchemaCompiler } from '../schemas/schemaCompiler.js';
import type { AdapterSettings } from './adapterSettings.js';
import { NoneBackendAdapter, noneBackendOptions } from './backend/noneBackend.js';
import { PsiBackendAdapter, psiBackendOptions } from './backend/psiBackend.js';
import { SlsReceiverAdapter, slsReceiverOptions } from './backend/slsReceiver.js';
import { OdinDetectorAdapter, odinDetectorOptions } from './detector/odinDetector.js';
import { SimplonDetectorAdapter } from './detector/simplon/simplonDetector.js';
import { simplonOptions } from './detector/simplon/simplonOptions.js';
import { SimulatedDetectorAdapter, simulatedDetectorOptions } from './detector/simulatedDetector.js';
import { slsDetectorOptions } from './detector/sls/options.js';
import { SlsDetectorAdapter } from './detector/sls/slsDetector.js';
import { EpicsTriggerAdapter, epicsOptions } from './trigger/epics.js';
import { NoTriggerAdapter, noTriggerOptions } from './trigger/noTrigger.js';
import { SimulatedTriggerAdapter, simulatedTriggerOptions } from './trigger/simulatedTrigger.js';
import { BrokerAdapter, brokerOptions } from './writer/broker.js';
import { H5ProcessAdapter } from './writer/h5Process/h5ProcessAdapter.js';
import { h5ProcessOptions } from './writer/h5Process/options.js';
import { H5ServiceAdapter, h5ServiceOptions } from './writer/h5Service.js';
import { MflowAdapter, mflowOptions } from './writer/mflow.js';
import { OdinDataAdapter, odinDataOptions } from './writer/odinData.js';
import { SimplonFilewriterAdapter, simplonFilewriterOptions } from './writer/simplonFilewriter.js';

interface Registration<Adapter> {
  readonly optionsSchema: TSchema;
  /** What is wrong with options, as texts. */
  readonly findings: (options: JsonObject) => string[];
  /** Only for options without findings. */
  readonly create: (name: string, options: JsonObject) => Adapter;
}

type Registrations<Adapter> = Readonly<Record<string, Registration<Adapter>>>;

const compiler = new SchemaCompiler({ options: { allErrors: true, useDefaults: true, verbose: true } });

function registration<Schema extends TSchema, Adapter>(
  optionsSchema: Schema,
  construct: (settings: AdapterSettings<Static<Schema>>) => Adapter,
): Registration<Adapter> {
  const validator = compiler.later<Static<Schema>>(optionsSchema);
  const findingsIn = (candidate: unknown): string[] => {
    const fits = validator();
    return fits(candidate) ? [] : (fits.errors ?? []).map((error) => describe(error, optionsSchema));
  };
  return {
    optionsSchema,
    findings: (options) => findingsIn(structuredClone(options)),
    create: (name, options) => {
      // Checking fills in defaults; the deployment's own options stay as they are.
      const candidate: unknown = structuredClone(options);
      const fits = validator();
      if (fits(candidate)) return construct({ name, options: candidate });
      throw invalid(name, findingsIn(candidate));
    },
  };
}

const DETECTORS: Registrations<Detector> = {
  odin: registration(odinDetectorOptions, (settings) => new OdinDetectorAdapter(settings)),
  simplon: registration(simplonOptions, (settings) => new SimplonDetectorAdapter(settings)),
  simulated: registration(simulatedDetectorOptions, (settings) => new SimulatedDetectorAdapter(settings)),
  sls: registration(slsDetectorOptions, (settings) => new SlsDetectorAdapter(settings)),
};

const BACKENDS: Registrations<Backend> = {
  none: registration(noneBackendOptions, () => new NoneBackendAdapter()),
  psi: registration(psiBackendOptions, (settings) => new PsiBackendAdapter(settings)),
  'sls-receiver': registration(slsReceiverOptions, (settings) => new SlsReceiverAdapter(settings)),
};

const WRITERS: Registrations<Writer> = {
  broker: registration(brokerOptions, (settings) => new BrokerAdapter(settings)),
  'h5-process': registration(h5ProcessOptions, (settings) => new H5ProcessAdapter(settings)),
  'h5-service': registration(h5ServiceOptions, (settings) => new H5ServiceAdapter(settings)),
  mflow: registration(mflowOptions, (settings) => new MflowAdapter(settings)),
  'odin-data': registration(odinDataOptions, (settings) => new OdinDataAdapter(settings)),
  'simplon-filewriter': registration(
    simplonFilewriterOptions,
    (settings) => new SimplonFilewriterAdapter(settings),
  ),
};

const TRIGGERS: Registrations<Trigger> = {
  epics: registration(epicsOptions, (settings) => new EpicsTriggerAdapter(settings)),
  none: registration(noTriggerOptions, () => new NoTriggerAdapter()),
  simulated: registration(simulatedTriggerOptions, (settings) => new SimulatedTriggerAdapter(settings)),
};

const ROLES: Record<Role, Registrations<unknown>> = {
  detector: DETECTORS,
  backend: BACKENDS,
  writer: WRITERS,
  trigger: TRIGGERS,
};

/**
 * Makes the adapter of a detector; nothing is connected yet. `name` is the component's name in errors.
 *
 * @throws InvalidRequestError `invalid_deployment` for a kind that does not exist, naming those that do, and
 * for options that do not fit, naming everything that is wrong.
 */
export function createDetector(kind: string, name: string, options: JsonObject): Detector {
  return find('detector', DETECTORS, kind).create(name, options);
}

/** Makes the adapter of a backend; throws as `createDetector` does. */
export function createBackend(kind: string, name: string, options: JsonObject): Backend {
  return find('backend', BACKENDS, kind).create(name, options);
}

/** Makes the adapter of a writer; throws as `createDetector` does. */
export function createWriter(kind: string, name: string, options: JsonObject): Writer {
  return find('writer', WRITERS, kind).create(name, options);
}

/** Makes the adapter of a trigger; throws as `createDetector` does. */
export function createTrigger(kind: string, name: string, options: JsonObject): Trigger {
  return find('trigger', TRIGGERS, kind).create(name, options);
}

/** What is wrong with the kind or the options of an adapter, as texts; empty when nothing is. */
export function checkAdapterOptions(role: Role, kind: string, options: JsonObject): string[] {
  const kinds = ROLES[role];
  const found = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  return found === undefined ? [unknownKind(role, kinds, kind)] : found.findings(options);
}

/** The schema of the options of every kind, by role and kind: for documentation and editors. */
export function optionsSchemas(): Record<Role, Record<string, TSchema>> {
  const schemas = (kinds: Registrations<unknown>) =>
    Object.fromEntries(Object.entries(kinds).map(([kind, { optionsSchema }]) => [kind, optionsSchema]));
  return {
    detector: schemas(DETECTORS),
    backend: schemas(BACKENDS),
    writer: schemas(WRITERS),
    trigger: schemas(TRIGGERS),
  };
}

function find<Adapter>(role: Role, kinds: Registrations<Adapter>, kind: string): Registration<Adapter> {
  const found = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (found !== undefined) return found;
  throw new InvalidRequestError('invalid_deployment', unknownKind(role, kinds, kind), {
    operation: `choose the adapter of the ${role}`,
    expected: Object.keys(kinds),
    actual: kind,
    hint: `Correct the kind of the ${role} in deployment.yaml.`,
  });
}

function unknownKind(role: Role, kinds: Registrations<unknown>, kind: string): string {
  const known = Object.keys(kinds);
  const near = nearest(kind, known);
  const nearText = near === null ? '' : `the nearest is '${near}', `;
  return `There is no ${role} of kind '${kind}': ${nearText}the kinds are ${known.join(', ')}.`;
}

function invalid(name: string, findings: string[]): InvalidRequestError {
  return new InvalidRequestError('invalid_deployment', `Options of ${name}: ${findings.join('; ')}.`, {
    component: name,
    operation: 'read its options',
    actual: findings,
    hint: `Correct the options of ${name} in deployment.yaml.`,
  });
}

function describe({ instancePath, keyword, params, message, data }: ErrorObject, schema: TSchema): string {
  const path = `options${instancePath.replaceAll('/', '.')}`;
  if (keyword === 'required') return `${path}.${params.missingProperty} is missing`;
  if (keyword !== 'additionalProperties') {
    return `${path} ${message ?? 'is wrong'}, got ${JSON.stringify(data)?.slice(0, 80)}`;
  }
  const stranger = String(params.additionalProperty);
  const known = 'properties' in schema ? Object.keys(schema.properties ?? {}) : [];
  if (known.length === 0) return `${path}.${stranger} is unknown: there are no options`;
  const near = nearest(stranger, known);
  return `${path}.${stranger} is unknown: ${near === null ? `known are ${known.join(', ')}` : `did you mean '${near}'?`}`;
}
