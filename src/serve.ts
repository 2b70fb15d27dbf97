import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  checkAdapterOptions,
  createBackend,
  createDetector,
  createTrigger,
  createWriter,
} from './adapters/registry.js';
import { type Certificates, readCertificates } from './api/access/certificates.js';
import { opennessWarnings } from './api/access/openness.js';
import type { ApiLogger } from './api/logger.js';
import { type RunningServer, startServer } from './api/server.js';
import { closeAll } from './closeAll.js';
import type { Deployment, ServiceSettings } from './config/deployment.js';
import { type Endpoints, startOrder, substituteEndpoints } from './config/endpoints.js';
import { type LoadedDeployment, loadDeployment } from './config/loadDeployment.js';
import type { DeploymentFlags } from './config/overrides.js';
import { unlessAborted } from './contracts/bounds.js';
import { InvalidRequestError } from './contracts/errors.js';
import { type Adapters, Components } from './controller/components.js';
import type { ControllerOptions } from './controller/controllerOptions.js';
import { IntegrationController } from './controller/integrationController.js';
import { inTime } from './controller/memory.js';
import { LookupHelper } from './files/lookupHelper.js';
import { RunNumbers } from './files/runNumbers.js';
import { PROGRAM_FILES } from './programFiles.js';
import { type ServiceCommand, ServiceLauncher } from './services/launcher.js';
import { keepLogsShort } from './services/rotateLog.js';
import { openJournal } from './telemetry/journal.js';
import { createTelemetry, type Telemetry } from './telemetry/logger.js';
import { packageVersion } from './version.js';

/** What a service is started with. */
export interface ServeOptions {
  /** Name of a packaged deployment, or path of a deployment file or its folder. */
  readonly deployment: string;
  readonly flags: DeploymentFlags;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** No log lines on the terminal; the log files are written all the same. */
  readonly quiet?: boolean;
  /** Gives the start up: what was begun is ended, or left where `leavesFor` says so, and the signal's reason thrown. */
  readonly signal?: AbortSignal;
  /** Whether an end for this reason leaves acquisition and services to the next controller; no end does by default. */
  readonly leavesFor?: (reason: unknown, deployment: Deployment) => boolean;
  /** Told, before the first service is launched, how to end all of them by force within a second. */
  readonly onLaunch?: (killServices: () => Promise<void>) => void;
}

/** A service that runs. */
export interface RunningService {
  readonly url: string;
  readonly deployment: LoadedDeployment;
  /** Ends the acquisition, the REST server and the services, in that order. */
  close(): Promise<void>;
  /** Ends the REST server only: acquisition and services wait for the next controller. */
  leave(): Promise<void>;
}

/**
 * Loads a deployment, launches its services, connects to its components and serves the REST API. A start that fails
 * leaves what it has found of the controller before as it was, a run with its services above all.
 */
export async function serve(options: ServeOptions): Promise<RunningService> {
  const loaded = await loadDeployment(options.deployment, {
    env: options.env ?? process.env,
    flags: options.flags,
    cwd: options.cwd ?? process.cwd(),
    checkOptions: checkAdapterOptions,
  });
  const certificates = await readCertificates(loaded.deployment.access, loaded.folder);
  for (const folder of [loaded.dataFolder, loaded.stateFolder]) await makeFolder(folder);
  const telemetry = createTelemetry({
    level: loaded.deployment.log.level,
    folder: loaded.stateFolder,
    quiet: options.quiet ?? false,
  });
  const closing: (() => Promise<void>)[] = [() => telemetry.close(), logWarnings(telemetry)];
  let leaves = false;
  const close = () => closeAll(closing);
  const leave = () => {
    leaves = true;
    return close();
  };
  const { signal = new AbortController().signal, leavesFor = () => false } = options;
  let running: IntegrationController | null = null;
  let goesOn = false;
  const launcher = new ServiceLauncher({
    stateFolder: loaded.stateFolder,
    onMessage: (level, text, fields) => telemetry.log[level](text, fields),
    onEnded: ({ endpoints }) => running?.componentEnded(Object.values(endpoints)),
  });
  try {
    await launcher.open();
    closing.push(() => (leaves ? launcher.leave() : launcher.close()));
    const endRotation = keepLogsShort(join(loaded.stateFolder, 'log'), ({ message }) =>
      telemetry.log.warn(`A service's log cannot be rotated: ${message}`),
    );
    closing.push(async () => endRotation());
    options.onLaunch?.(() => launcher.kill());
    const endpoints = await unlessAborted(launchAll(loaded, launcher), signal);
    const journal = await openJournal(join(loaded.stateFolder, 'journal.jsonl'));
    closing.push(() => inTime(journal.close(), loaded.deployment.limits.settleTimeoutMs));
    goesOn = journal.last !== null && journal.last.phase !== 'initialized';
    const helper = new LookupHelper();
    helper.start();
    closing.push(async () => helper.close());
    const controller = createController(loaded, endpoints, {
      telemetry,
      journal,
      helper,
      replaceProgram: (address) => launcher.replace(address),
    });
    running = controller;
    closing.push(() => (leaves ? controller.leave() : controller.close()));
    const endRun = async () => {
      if (!leaves) await controller.endRun();
    };
    closing.push(endRun);
    // Not cut short, as it takes no longer than two looks: a run that is to be ended has to be known.
    await controller.start();
    signal.throwIfAborted();
    const server = await startApi(loaded, controller, { telemetry, certificates });
    // Once the run has ended, so that those who follow the acquisition see how it does.
    closing.splice(closing.indexOf(endRun), 0, () => server.close());
    telemetry.log.info(`Serving ${loaded.deployment.name} at ${server.url}`, { data: loaded.dataFolder });
    return { url: server.url, deployment: loaded, close, leave };
  } catch (error) {
    leaves = signal.aborted
      ? leavesFor(signal.reason, loaded.deployment)
      : goesOn || launcher.hasFoundServices;
    if (leaves) {
      telemetry.log.warn('The start is given up; acquisition and services are left to the next controller.');
    }
    // Why it could not start says more than what went wrong at its end.
    await close().catch(() => undefined);
    throw error;
  }
}

/** Logs what parts without a logger of their own warn of, and Node; answers how to end it. */
function logWarnings({ log }: Telemetry): () => Promise<void> {
  const onWarning = ({ name, message }: Error) => log.warn(message, { warning: name });
  process.on('warning', onWarning);
  return async () => {
    process.off('warning', onWarning);
  };
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new InvalidRequestError(
      'invalid_deployment',
      `The folder ${folder} cannot be made: ${cause.message}.`,
      {
        component: 'controller',
        operation: 'serve',
        expected: 'a folder that can be written',
        actual: cause.code ?? cause.message,
        hint: 'Choose another one with --data-dir, DIA_DATA_DIR, or paths.data and paths.state of the deployment.',
        cause,
      },
    );
  });
}

/** Launches the services layer by layer: one that needs another's endpoints comes after it. */
async function launchAll(
  { deployment, roots }: LoadedDeployment,
  launcher: ServiceLauncher,
): Promise<Endpoints> {
  const endpoints: Record<string, Readonly<Record<string, string>>> = {};
  for (const layer of startOrder(deployment.services)) {
    await Promise.all(
      layer.map(async (service) => {
        endpoints[service.name] = await launcher.launch(commandOf(service, { endpoints, roots }));
      }),
    );
  }
  return endpoints;
}

function commandOf(
  { name, program, command, args, lingerMs }: ServiceSettings,
  { endpoints, roots }: { endpoints: Endpoints; roots: readonly string[] },
): ServiceCommand {
  const [executable, ...first] =
    program === undefined ? (command ?? []) : [process.execPath, PROGRAM_FILES[program]];
  // The writer looks once more when it opens the file: a folder may have become a link since the config was checked.
  const allowed = program === 'writer' ? roots.flatMap((folder) => ['--data-root', folder]) : [];
  return {
    name,
    executable: executable ?? '',
    args: [...first, ...substituteEndpoints(args, endpoints), ...allowed],
    lingerMs,
    ...(program === undefined ? {} : { listenOn }),
  };
}

/** The options by which a program of this project listens at addresses it had before. */
function listenOn(endpoints: Readonly<Record<string, string>>): string[] {
  return Object.entries(endpoints).flatMap(([name, address]) => [`--${name}-port`, new URL(address).port]);
}

function createController(
  loaded: LoadedDeployment,
  endpoints: Endpoints,
  {
    helper,
    ...outside
  }: Pick<ControllerOptions, 'telemetry' | 'journal' | 'replaceProgram'> & { helper: LookupHelper },
): IntegrationController {
  const { deployment } = loaded;
  const startedAt = Date.now();
  const adapters = createAdapters(loaded, endpoints);
  const unseen = adapters.pipelines.every(({ writer: { counts = 'live' } }) => counts !== 'live');
  return new IntegrationController({
    ...outside,
    components: new Components(adapters, deployment.limits, outside.telemetry),
    limits: deployment.limits,
    vocabulary: deployment.vocabulary,
    resetWhileRunning: deployment.resetWhileRunning,
    validator: loaded.validator,
    plan: {
      pipelines: deployment.pipelines.map(({ name }) => name),
      auxiliaryWriters: deployment.auxiliaryWriters.map(({ name }) => name),
      dataFolder: loaded.dataFolder,
      roots: loaded.roots,
      stateFolder: loaded.stateFolder,
      existingFile: deployment.existingFile,
      fileRules: deployment.fileRules,
      stall: { ...deployment.stall, unseen },
      allowDevNull: deployment.allowDevNull,
    },
    lookups: () => helper.within(deployment.limits.lookupTimeoutMs),
    runNumbers: new RunNumbers(join(loaded.stateFolder, 'runs')),
    space: {
      images: Object.fromEntries(
        deployment.pipelines.flatMap(({ name, image }) => (image === undefined ? [] : [[name, image]])),
      ),
      minimumFreeBytes: deployment.limits.minimumFreeBytes,
    },
    about: () => ({
      validator: deployment.schema,
      version: packageVersion(),
      uptime_s: Math.round((Date.now() - startedAt) / 100) / 10,
      deployment: deployment.name,
    }),
  });
}

function createAdapters({ deployment }: LoadedDeployment, endpoints: Endpoints): Adapters {
  const single = deployment.pipelines.length === 1;
  const { trigger } = deployment;
  return {
    pipelines: deployment.pipelines.map((pipeline) => {
      const nameOf = (role: string) => (single ? role : `${pipeline.name}.${role}`);
      const { detector, backend, writer } = substituteEndpoints(pipeline, endpoints);
      return {
        name: pipeline.name,
        detector: createDetector(detector.kind, nameOf('detector'), detector.options),
        backend: createBackend(backend.kind, nameOf('backend'), backend.options),
        writer: createWriter(writer.kind, nameOf('writer'), writer.options),
        disabled: (['detector', 'backend', 'writer'] as const).filter((role) => !pipeline[role].enabled),
      };
    }),
    auxiliaryWriters: deployment.auxiliaryWriters.map(({ name, kind, options }) => ({
      name,
      writer: createWriter(kind, name, substituteEndpoints(options, endpoints)),
    })),
    trigger:
      trigger.kind === 'none'
        ? null
        : createTrigger(trigger.kind, 'trigger', substituteEndpoints(trigger.options, endpoints)),
  };
}

/** Requests that only read are noted apart; whatever went wrong, and every command, is in the log. */
function requestLogger({ log, access }: Telemetry): ApiLogger {
  return {
    info: (message, fields) => log.info(message, fields),
    access,
    warn: (message, fields) => log.warn(message, fields),
    error: (message, fields) => log.error(message, fields),
  };
}

function startApi(
  { deployment }: LoadedDeployment,
  integration: IntegrationController,
  { telemetry, certificates }: { telemetry: Telemetry; certificates: Certificates | null },
): Promise<RunningServer> {
  const { access, routes: detectorRoutes } = deployment;
  const { eventStreams: mostStreams, ...http } = deployment.http;
  for (const warning of opennessWarnings(http.host, access)) telemetry.log.warn(warning);
  return startServer({
    integration,
    logger: requestLogger(telemetry),
    version: packageVersion(),
    detectorRoutes,
    access,
    certificates,
    events: { mostStreams },
    ...http,
  });
}
