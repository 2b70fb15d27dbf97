import { UnknownNameError } from '../contracts/errors.js';
import type { Command } from '../contracts/integration.js';
import type { JsonObject, Section } from '../contracts/json.js';
import { Type } from '../contracts/schemaTypes.js';
import { suggestion } from '../nearest.js';
import { BodyRule } from './bodyRule.js';
import { statusFields } from './envelope.js';
import type { ApiRequest, Route, RouteWork } from './route.js';
import { adds, bodies } from './schemas.js';

/** Prefix of all paths that are for programs. */
export const V1 = '/api/v1';

const BACKEND_ACTIONS = ['open', 'close', 'reset', 'config'];

const backendAction = Type.Enum(BACKEND_ACTIONS);

const startBody = new BodyRule(bodies.start, { example: { trigger_start: true } });
const fullConfigBody = new BodyRule(bodies.fullConfig, {
  required: true,
  example: { writer: {}, backend: {}, detector: {} },
});
const updateBody = new BodyRule(bodies.configUpdate, {
  required: true,
  example: { writer: { output_file: 'run2.h5' } },
});
const detectorValueBody = new BodyRule(bodies.detectorValue, {
  required: true,
  whenMissing: 'Set detector value JSON request cannot be empty.',
  whenIncomplete: "'name' and 'value' must be set in JSON request.",
  example: { name: 'frames', value: 100 },
});
const enabledClientsBody = new BodyRule(bodies.enabledClients, {
  required: true,
  example: { writer: true, backend: true, detector: true },
});
const clientConfigurationBody = new BodyRule(bodies.clientConfiguration, {
  required: true,
  example: { pipeline: { detector: { exptime: 0.001 } } },
});
const settingsBody = new BodyRule(bodies.backendSettings, {
  whenMissing: "The backend's action config needs settings as a JSON body: use PUT.",
  example: { bit_depth: 16, n_frames: 100 },
});
const leaseBody = new BodyRule(bodies.lease, { required: true, example: { owner: 'scan 42', seconds: 60 } });
const anyBody = new BodyRule(bodies.anything);

const command = (make: (request: ApiRequest) => Command): RouteWork => ({ kind: 'command', command: make });

const stop = command(() => ({ type: 'acquisition.stop' }));
const reset = command(() => ({ type: 'acquisition.reset' }));
const kill = command(() => ({ type: 'acquisition.kill' }));
const reapply = command(() => ({ type: 'acquisition.reapply' }));

const start = command(({ body }) => {
  const { trigger_start: triggerStart, ...given } = startBody.parse(body) ?? {};
  const sections = givenSections(given);
  return {
    type: 'acquisition.start',
    sections: Object.keys(sections).length === 0 ? null : sections,
    triggerStart: triggerStart ?? true,
  };
});

const backendCall = command(({ params, body }) => {
  const action = params.action ?? '';
  if (!BACKEND_ACTIONS.includes(action)) throw unknownAction(action);
  // Without settings the backend would be configured with nothing at all, which nobody means.
  if (action === 'config') return { type: 'backend.call', action, settings: settingsBody.need(body) };
  settingsBody.parse(body);
  noBody.parse(body);
  return { type: 'backend.call', action, settings: null };
});

/** The rule of routes that take no body: an empty object is tolerated, as clients send one. */
export const noBody = new BodyRule(bodies.none);

/** Every route of the API; the app and the OpenAPI document are both made from it. */
export const routes: readonly Route[] = [
  {
    method: 'GET',
    path: `${V1}/status`,
    tellsAddresses: true,
    summary: 'The status, from memory.',
    body: null,
    adds: adds.status,
    work: { kind: 'read', read: (integration) => statusFields(integration.status()) },
  },
  {
    method: 'POST',
    path: `${V1}/start`,
    summary: 'Start the acquisition; with config sections, configure first.',
    body: startBody,
    adds: adds.file,
    work: start,
  },
  {
    method: 'POST',
    path: `${V1}/stop`,
    summary: 'End the acquisition, keep the frames so far, go back to INITIALIZED.',
    body: null,
    adds: adds.nothing,
    work: stop,
  },
  {
    method: 'POST',
    path: `${V1}/reset`,
    summary: 'Go back to INITIALIZED from any state.',
    body: null,
    adds: adds.nothing,
    work: reset,
  },
  {
    method: 'GET',
    path: `${V1}/reset`,
    summary: 'As POST, for old clients.',
    body: null,
    adds: adds.nothing,
    work: reset,
    deprecatedFor: 'POST',
  },
  {
    method: 'POST',
    path: `${V1}/kill`,
    summary: 'Stop everything by force, then reset.',
    body: null,
    adds: adds.nothing,
    work: kill,
  },
  {
    method: 'GET',
    path: `${V1}/status_details`,
    tellsAddresses: true,
    summary: "Every component's status, asked live.",
    body: null,
    adds: adds.statusDetails,
    work: {
      kind: 'read',
      read: async (integration) => ({ details: await integration.statusDetails() }),
    },
  },
  {
    method: 'GET',
    path: `${V1}/config`,
    summary: 'The last config set, as given.',
    body: null,
    adds: adds.config,
    work: { kind: 'read', read: (integration) => ({ config: integration.config() }) },
  },
  {
    method: 'PUT',
    path: `${V1}/config`,
    summary: 'Set the whole config and apply it.',
    body: fullConfigBody,
    adds: adds.config,
    // A null section counts as missing, so that the config's validator names all sections it wants.
    work: command(({ body }) => ({
      type: 'acquisition.configure',
      config: body === null ? {} : givenSections(fullConfigBody.need(body)),
    })),
  },
  {
    method: 'POST',
    path: `${V1}/config`,
    summary: 'Change fields of the last config and apply it.',
    body: updateBody,
    adds: adds.config,
    work: command(({ body }) => ({
      type: 'acquisition.update',
      sections: givenSections(updateBody.need(body)),
    })),
  },
  {
    method: 'POST',
    path: `${V1}/configure`,
    summary: 'Apply the last config again.',
    body: null,
    adds: adds.config,
    work: reapply,
  },
  {
    method: 'GET',
    path: `${V1}/detector/value/:name`,
    summary: "Read one of the detector's parameters.",
    body: null,
    adds: adds.value,
    work: {
      kind: 'read',
      read: async (integration, { params, context }) => ({
        value: await integration.detectorValue(params.name ?? '', context),
      }),
    },
  },
  {
    method: 'POST',
    path: `${V1}/detector/value`,
    summary: "Set one of the detector's parameters; answers the value read back.",
    body: detectorValueBody,
    adds: adds.value,
    work: command(({ body }) => ({ type: 'detector.setValue', ...detectorValueBody.need(body) })),
  },
  {
    method: 'GET',
    path: `${V1}/info`,
    tellsAddresses: true,
    summary: 'What this server is: addresses, version, uptime, deployment.',
    body: null,
    adds: adds.serverInfo,
    work: { kind: 'read', read: (integration) => ({ server_info: integration.serverInfo() }) },
  },
  {
    method: 'GET',
    path: `${V1}/metrics`,
    tellsAddresses: true,
    summary: "Every component's counters.",
    body: null,
    adds: adds.metrics,
    work: { kind: 'read', read: async (integration) => ({ metrics: await integration.metrics() }) },
  },
  {
    method: 'GET',
    path: `${V1}/control_panel`,
    summary: 'All that a control panel shows, in one answer.',
    body: null,
    adds: adds.controlPanel,
    work: {
      kind: 'read',
      read: async (integration) => {
        const [details, metrics] = await Promise.all([integration.statusDetails(), integration.metrics()]);
        const clientsEnabled = integration.clientsEnabled();
        return { details, clients_enabled: clientsEnabled, config: integration.config(), metrics };
      },
    },
  },
  {
    method: 'GET',
    path: `${V1}/enabled_clients`,
    summary: 'Which components are enabled.',
    body: null,
    adds: adds.clientsEnabled,
    work: { kind: 'read', read: (integration) => ({ clients_enabled: integration.clientsEnabled() }) },
  },
  {
    method: 'POST',
    path: `${V1}/enabled_clients`,
    summary: 'Enable or disable components.',
    body: enabledClientsBody,
    adds: adds.clientsEnabled,
    work: command(({ body }) => ({ type: 'components.enable', enabled: enabledClientsBody.need(body) })),
  },
  {
    method: 'PUT',
    path: `${V1}/backend/:action`,
    params: { action: backendAction },
    summary: 'Call the backend directly: open, close, reset or config.',
    body: settingsBody,
    adds: adds.backend,
    work: backendCall,
  },
  {
    method: 'GET',
    path: `${V1}/backend/:action`,
    params: { action: backendAction },
    summary: 'As PUT, without settings, for old clients.',
    body: null,
    adds: adds.backend,
    work: backendCall,
    deprecatedFor: 'PUT',
  },
  {
    method: 'POST',
    path: `${V1}/set_client_configuration`,
    aliases: [`${V1}/set_client_cinfiguration`],
    summary: 'Set the fields in which pipelines differ from the shared config.',
    body: clientConfigurationBody,
    adds: adds.clientConfiguration,
    work: command(({ body }) => ({ type: 'overlay.set', overlays: clientConfigurationBody.need(body) })),
  },
  {
    method: 'POST',
    path: `${V1}/clear_client_configuration/:client`,
    summary: 'Forget what was set for one pipeline.',
    body: null,
    adds: adds.clientConfiguration,
    work: command(({ params }) => ({ type: 'overlay.clear', pipeline: params.client ?? '' })),
  },
  {
    method: 'POST',
    path: `${V1}/get_client_configuration/:client`,
    summary: 'What was set for one pipeline.',
    body: null,
    adds: adds.clientConfiguration,
    work: {
      kind: 'read',
      read: (integration, { params }) => ({
        client_configuration: integration.overlay(params.client ?? ''),
      }),
    },
  },
  {
    method: 'POST',
    path: `${V1}/daq_test`,
    summary: 'Dry run: validate a config and touch nothing; any other body comes back as it is.',
    body: anyBody,
    adds: adds.result,
    work: {
      kind: 'read',
      read: async (integration, { body }) => ({ result: await integration.dryRun(body ?? null) }),
    },
  },
  {
    method: 'POST',
    path: `${V1}/lease`,
    summary: 'Take control, or keep it for longer: commands without the lease are refused, except kill.',
    body: leaseBody,
    adds: adds.leaseTaken,
    work: command(({ body }) => ({ type: 'lease.take', ...leaseBody.need(body) })),
  },
  {
    method: 'DELETE',
    path: `${V1}/lease`,
    summary: 'Give control back.',
    body: null,
    adds: adds.lease,
    work: command(() => ({ type: 'lease.release' })),
  },
  {
    method: 'GET',
    path: `${V1}/lease`,
    summary: 'Who holds control, and for how long.',
    body: null,
    adds: adds.lease,
    work: { kind: 'read', read: (integration) => ({ lease: integration.lease() }) },
  },
  {
    method: 'GET',
    path: `${V1}/events`,
    summary: 'State, component and progress events as server-sent events; can be resumed.',
    body: null,
    adds: adds.nothing,
    work: { kind: 'document', document: 'events' },
  },
  {
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document.',
    body: null,
    adds: adds.nothing,
    work: { kind: 'document', document: 'openapi' },
  },
  {
    method: 'GET',
    path: '/',
    summary: 'A page for the browser: state, components, progress, links.',
    body: null,
    adds: adds.nothing,
    work: { kind: 'document', document: 'page' },
  },
];

/** Sections that were given: null counts as not given. */
function givenSections(body: Record<string, Section | boolean | null>): Record<string, Section> {
  const sections: Record<string, Section> = {};
  for (const [name, section] of Object.entries(body)) {
    if (isSection(section)) sections[name] = section;
  }
  return sections;
}

function isSection(value: Section | boolean | null): value is JsonObject {
  return typeof value === 'object' && value !== null;
}

function unknownAction(action: string): UnknownNameError {
  return new UnknownNameError(
    'unknown_action',
    `Action ${action} not supported. Currently supported actions: ${BACKEND_ACTIONS.join(', ')}`,
    {
      component: 'api',
      expected: BACKEND_ACTIONS,
      actual: action,
      hint: suggestion(action, BACKEND_ACTIONS).trim(),
    },
  );
}
