import { InvalidRequestError } from '../contracts/errors.js';
import type { JsonValue } from '../contracts/json.js';
import { suggestion } from '../nearest.js';
import type { ServiceSettings } from './deployment.js';
import { mapTexts, PLACEHOLDER } from './mapTexts.js';

/** Endpoints that the programs of this project announce when they are up. */
export const PROGRAM_ENDPOINTS = {
  'simulated-detector': ['control', 'frames'],
  'simulated-backend': ['http', 'frames'],
  writer: ['http'],
} as const satisfies Record<NonNullable<ServiceSettings['program']>, readonly string[]>;

/** Addresses by service and endpoint name, as the services announced them. */
export type Endpoints = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Where in a value an address is to be filled in. */
export interface EndpointReference {
  /** As it is written, for messages. */
  readonly text: string;
  readonly service: string;
  readonly endpoint: string;
}

const REFERENCE = /^services\.([A-Za-z][A-Za-z0-9_-]*)\.([A-Za-z][A-Za-z0-9_-]*)$/;

/** Finds the references in a value, however deep, and the placeholders that are none. */
export function findReferences(value: JsonValue): { references: EndpointReference[]; malformed: string[] } {
  const references: EndpointReference[] = [];
  const malformed: string[] = [];
  for (const text of textsIn(value)) {
    for (const [placeholder, inner] of text.matchAll(PLACEHOLDER)) {
      const match = REFERENCE.exec(inner ?? '');
      const [, service, endpoint] = match ?? [];
      if (service === undefined || endpoint === undefined) malformed.push(placeholder);
      else references.push({ text: placeholder, service, endpoint });
    }
  }
  return { references, malformed };
}

/**
 * What is wrong with the references in a value, as texts; empty when nothing is.
 *
 * Endpoint names are only checked for programs of this project: what a foreign command announces is not
 * known before it runs.
 */
export function checkReferences(value: JsonValue, services: readonly ServiceSettings[]): string[] {
  const { references, malformed } = findReferences(value);
  const findings = malformed.map(malformedReference);
  const names = services.map((service) => service.name);
  for (const { text, service: serviceName, endpoint } of references) {
    const service = services.find((candidate) => candidate.name === serviceName);
    if (service === undefined) {
      findings.push(`'${text}' names no service of this deployment.${suggestion(serviceName, names)}`);
      continue;
    }
    const known: readonly string[] = service.program === undefined ? [] : PROGRAM_ENDPOINTS[service.program];
    if (service.program !== undefined && !known.includes(endpoint)) {
      findings.push(
        `'${text}': a ${service.program} has no endpoint '${endpoint}'.${suggestion(endpoint, known)}`,
      );
    }
  }
  return findings;
}

/**
 * Fills the announced addresses into a value; the value itself stays as it is.
 *
 * @throws InvalidRequestError `invalid_deployment` naming every reference that has no address.
 */
export function substituteEndpoints<T extends JsonValue>(value: T, endpoints: Endpoints): T {
  const findings: string[] = [];
  const filled = mapTexts(value, (text) =>
    text.replace(PLACEHOLDER, (placeholder: string, inner: string) => {
      const [, service, endpoint] = REFERENCE.exec(inner) ?? [];
      if (service === undefined || endpoint === undefined) {
        findings.push(malformedReference(placeholder));
        return placeholder;
      }
      const announced = Object.hasOwn(endpoints, service) ? endpoints[service] : undefined;
      if (announced !== undefined && Object.hasOwn(announced, endpoint)) {
        return announced[endpoint] ?? placeholder;
      }
      findings.push(missingEndpoint(placeholder, { service, endpoint, endpoints }));
      return placeholder;
    }),
  );
  if (findings.length > 0) {
    throw new InvalidRequestError('invalid_deployment', findings.join(' '), {
      operation: 'fill in the addresses of the services',
      actual: findings,
      hint: 'Compare the references in deployment.yaml with the names of its services and with what they announce.',
    });
  }
  return filled;
}

/**
 * The services in the order they have to be started: those of one layer can be started in parallel once all
 * earlier layers announced their addresses.
 *
 * @throws InvalidRequestError `invalid_deployment` when services wait for each other in a circle.
 */
export function startOrder(services: readonly ServiceSettings[]): ServiceSettings[][] {
  const layers: ServiceSettings[][] = [];
  const started = new Set<string>();
  let waiting = [...services];
  while (waiting.length > 0) {
    const ready = waiting.filter((service) =>
      dependenciesOf(service).every(
        (dependency) => started.has(dependency) || !services.some(({ name }) => name === dependency),
      ),
    );
    if (ready.length === 0) {
      throw new InvalidRequestError(
        'invalid_deployment',
        `Services wait for each other in a circle: ${circleAmong(waiting).join(' -> ')}.`,
        {
          operation: 'order the services',
          actual: waiting.map(({ name }) => name),
          hint: 'Take one of the references between these services out of their args.',
        },
      );
    }
    layers.push(ready);
    for (const { name } of ready) started.add(name);
    waiting = waiting.filter(({ name }) => !started.has(name));
  }
  return layers;
}

function dependenciesOf(service: ServiceSettings): string[] {
  return findReferences([...(service.command ?? []), ...service.args]).references.map(
    (found) => found.service,
  );
}

/** Every waiting service depends on a waiting one, so following them must come round. */
function circleAmong(waiting: readonly ServiceSettings[]): string[] {
  const path: string[] = [];
  let current = waiting[0];
  while (current !== undefined && !path.includes(current.name)) {
    path.push(current.name);
    const dependencies = dependenciesOf(current);
    current = waiting.find(({ name }) => dependencies.includes(name));
  }
  return current === undefined ? path : [...path.slice(path.indexOf(current.name)), current.name];
}

function malformedReference(text: string): string {
  return `'${text}' is no reference to a service. Write \${services.<name>.<endpoint>}.`;
}

function missingEndpoint(
  placeholder: string,
  { service, endpoint, endpoints }: { service: string; endpoint: string; endpoints: Endpoints },
): string {
  const announced = Object.hasOwn(endpoints, service) ? endpoints[service] : undefined;
  if (announced === undefined) {
    return `'${placeholder}': no service '${service}' has announced itself.${suggestion(service, Object.keys(endpoints))}`;
  }
  const known = Object.keys(announced);
  return `'${placeholder}': service '${service}' has announced no endpoint '${endpoint}'.${suggestion(endpoint, known)}`;
}

function* textsIn(value: JsonValue): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) yield* textsIn(inner);
  }
}
