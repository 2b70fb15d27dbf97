import { type AcquisitionValidator, invalidConfig } from '../config/acquisitionConfig.js';
import { toDiaError, UnknownNameError } from '../contracts/errors.js';
import type { AcquisitionConfig, JsonObject, JsonValue, Section } from '../contracts/json.js';
import type { Remembered } from '../telemetry/journal.js';
import type { Logger } from '../telemetry/logger.js';

type Sections = Readonly<Record<string, Section | null>>;
type Overlays = Readonly<Record<string, Record<string, Section>>>;

/** The acquisition config the integration remembers, the pipelines' overlays, and the rules both must obey. */
export class ConfigBook {
  private readonly validator: AcquisitionValidator;
  private readonly log: Logger;
  private config: AcquisitionConfig;
  private successful = false;
  private byPipeline: Overlays = {};

  constructor(validator: AcquisitionValidator, log: Logger) {
    this.validator = validator;
    this.log = log;
    this.config = validator.emptyConfig();
  }

  /** The last config set, as the client gave it; empty sections at first. */
  get last(): AcquisitionConfig {
    return structuredClone(this.config);
  }

  /** Whether the components took the last config. */
  get lastSuccessful(): boolean {
    return this.successful;
  }

  /** Remembers a config that is about to be applied. */
  set(config: AcquisitionConfig): void {
    this.config = structuredClone(config);
    this.successful = false;
  }

  /** Takes back what was remembered by the controller before. */
  restore({ config, overlays }: Pick<Remembered, 'config' | 'overlays'>): void {
    this.config = structuredClone(config);
    this.byPipeline = structuredClone(overlays);
  }

  get overlays(): Overlays {
    return this.byPipeline;
  }

  succeeded(): void {
    this.successful = true;
  }

  /** The components no longer have the last config. */
  doubt(): void {
    this.successful = false;
  }

  /** The last config with `sections` merged into it, field by field. */
  merged(sections: Sections): AcquisitionConfig {
    const { config, findings } = this.validator.merge(this.config, sections);
    if (findings.length > 0) throw invalidConfig(findings);
    return config;
  }

  /** What a start brought: all sections replace the last config, some are merged into it. */
  completed(sections: Sections): AcquisitionConfig {
    const complete = this.validator.sections.every((name) => sections[name] != null);
    return complete ? (sections as AcquisitionConfig) : this.merged(sections);
  }

  /**
   * Checks a config and answers what the schema makes of it (`output_file` with its ending). Sections of
   * `disabled` are left out. Throws `invalid_config` with everything that is wrong.
   */
  validated(config: AcquisitionConfig, disabled: readonly string[]): AcquisitionConfig {
    const result = this.validator.validate(config, { disabled });
    if (result.findings.length > 0) throw invalidConfig(result.findings);
    for (const warning of result.warnings) this.log.warn(warning);
    return result.config;
  }

  /** A valid config as one pipeline gets it: with its overlay, which must leave it valid. */
  ofPipeline(config: AcquisitionConfig, pipeline: string, disabled: readonly string[]): AcquisitionConfig {
    const overlay = this.byPipeline[pipeline];
    if (overlay === undefined) return config;
    const merged = this.validator.merge(config, overlay);
    const { config: own, findings: wrong } = this.validator.validate(merged.config, { disabled });
    const findings = [...merged.findings, ...wrong].map((finding) => `Pipeline '${pipeline}': ${finding}`);
    if (findings.length > 0) throw invalidConfig(findings);
    return own;
  }

  overlay(pipeline: string, pipelines: readonly string[]): Record<string, Section> {
    requirePipeline(pipeline, pipelines);
    return structuredClone(this.byPipeline[pipeline] ?? {});
  }

  /** Sets what pipelines differ in; all or none. */
  setOverlays(overlays: Overlays, pipelines: readonly string[]): JsonObject {
    for (const name of Object.keys(overlays)) requirePipeline(name, pipelines);
    const findings = Object.values(overlays).flatMap(
      (overlay) => this.validator.merge(this.config, overlay).findings,
    );
    if (findings.length > 0) throw invalidConfig(findings);
    this.byPipeline = { ...this.byPipeline, ...structuredClone(overlays) };
    return structuredClone(this.byPipeline) as JsonObject;
  }

  clearOverlay(pipeline: string, pipelines: readonly string[]): JsonObject {
    requirePipeline(pipeline, pipelines);
    const { [pipeline]: _cleared, ...others } = this.byPipeline;
    this.byPipeline = others;
    return {};
  }

  /**
   * Tries a config without touching anything: `{valid, findings, config}`. A body that names no section is no
   * config, and comes back as it is. `plan` tries what the schema cannot know, such as output paths.
   */
  async dryRun(
    body: JsonValue,
    disabled: readonly string[],
    plan: (config: AcquisitionConfig) => Promise<unknown>,
  ): Promise<JsonValue> {
    const names = typeof body === 'object' && body !== null && !Array.isArray(body) ? Object.keys(body) : [];
    if (!names.some((name) => this.validator.sections.includes(name))) return body;
    const { config, findings, warnings } = this.validator.validate(body, { disabled });
    const problems = [...findings];
    if (problems.length === 0) {
      await plan(config).catch((thrown: unknown) => problems.push(toDiaError(thrown).message));
    }
    return { valid: problems.length === 0, findings: problems, warnings: [...warnings], config };
  }
}

function requirePipeline(name: string, pipelines: readonly string[]): void {
  if (pipelines.includes(name)) return;
  throw new UnknownNameError('unknown_pipeline', `There is no pipeline '${name}'.`, {
    component: 'controller',
    operation: 'specialise a pipeline',
    hint: 'GET /api/v1/info names the deployment; its deployment.yaml names the pipelines.',
    expected: [...pipelines],
    actual: name,
  });
}
