import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Ajv2020, KeywordDefinition, Options, ValidateFunction } from 'ajv/dist/2020.js';
import { STORED_VALIDATORS } from '../programFiles.js';

const require = createRequire(import.meta.url);

/** How schemas are compiled. */
export interface SchemaCompilerOptions {
  /** What Ajv is told; its own words for it. */
  readonly options: Options;
  /** The schemas are a user's: each is checked against the rules of JSON Schema. Ours are known to fit. */
  readonly isForeign?: boolean;
  /** Keywords that JSON Schema does not have. */
  readonly keywords?: readonly KeywordDefinition[];
  /** Where validators are stored. */
  readonly folder?: string;
}

/** A validator that had to be made, with what is needed to store it as `<key>.cjs`. */
export interface MadeValidator {
  readonly key: string;
  readonly ajv: Ajv2020;
  readonly validate: ValidateFunction;
}

/**
 * Compiles JSON Schemas (2020-12), or takes the validator that the build has stored for the very same schema and options.
 *
 * Reading and running Ajv's compiler takes longer than the rest of the program's start; it is left out when everything is
 * stored. A schema that is not, such as that of a beamline's own deployment, is compiled here and now.
 */
export class SchemaCompiler {
  /** Told of every validator that was not stored. For the build, which stores them. */
  static onMade: ((made: MadeValidator) => void) | null = null;

  readonly #settings: Required<SchemaCompilerOptions>;
  /** Ajv, with and without the check of schemas; each is made when it is first needed. */
  #checking: Ajv2020 | null = null;
  #trusting: Ajv2020 | null = null;

  constructor(settings: SchemaCompilerOptions) {
    this.#settings = { isForeign: false, keywords: [], folder: STORED_VALIDATORS, ...settings };
  }

  /**
   * The validator of a schema.
   *
   * @throws Error in Ajv's words when it is no schema.
   */
  compile<T>(schema: object): ValidateFunction<T> {
    const key = this.#keyOf(schema);
    return this.#stored<T>(key) ?? this.#make<T>(key, schema);
  }

  /** The validator of a schema, compiled when it is first asked for. */
  later<T>(schema: object): () => ValidateFunction<T> {
    let compiled: ValidateFunction<T> | undefined;
    return () => {
      compiled ??= this.compile<T>(schema);
      return compiled;
    };
  }

  /** Whatever makes a difference for the validator. */
  #keyOf(schema: object): string {
    const { options, keywords, isForeign } = this.#settings;
    return createHash('sha256')
      .update(JSON.stringify([options, keywords, isForeign, schema]))
      .digest('hex');
  }

  #stored<T>(key: string): ValidateFunction<T> | null {
    const file = join(this.#settings.folder, `${key}.cjs`);
    return existsSync(file) ? (require(file) as ValidateFunction<T>) : null;
  }

  #make<T>(key: string, schema: object): ValidateFunction<T> {
    if (!this.#settings.isForeign || this.#isSound(schema)) {
      this.#trusting ??= this.#ajv({ meta: false, validateSchema: false });
      try {
        return this.#told(key, this.#trusting, this.#trusting.compile<T>(schema));
      } catch (error) {
        // A schema may refer to the rules of JSON Schema themselves, which are not there.
        if (!this.#settings.isForeign) throw error;
      }
    }
    this.#checking ??= this.#ajv({});
    return this.#told(key, this.#checking, this.#checking.compile<T>(schema));
  }

  /** Whether a schema fits the rules of JSON Schema; false when that takes Ajv to find out. */
  #isSound(schema: object): boolean {
    if ('$schema' in schema && schema.$schema !== RULES.$ref) return false;
    const validate = this.#stored(this.#keyOf(RULES));
    return validate?.(schema) ?? false;
  }

  #ajv(more: Options): Ajv2020 {
    const { options, keywords, isForeign } = this.#settings;
    const { onMade } = SchemaCompiler;
    // What the compiler spends on shorter code, the few calls at run time do not bring in.
    const code = onMade === null ? { optimize: false } : { source: true };
    const ajv = new (loadAjv())({ ...options, ...more, code });
    ajv.addVocabulary([...keywords]);
    const rules = isForeign && more.meta !== false ? ajv.getSchema(RULES.$ref) : undefined;
    if (rules !== undefined) this.#told(this.#keyOf(RULES), ajv, rules as ValidateFunction);
    return ajv;
  }

  #told<T>(key: string, ajv: Ajv2020, validate: ValidateFunction<T>): ValidateFunction<T> {
    SchemaCompiler.onMade?.({ key, ajv, validate });
    return validate;
  }
}

/** The rules of JSON Schema, as a schema. */
const RULES = { $ref: 'https://json-schema.org/draft/2020-12/schema' } as const;

function loadAjv(): typeof Ajv2020 {
  return (require('ajv/dist/2020.js') as { Ajv2020: typeof Ajv2020 }).Ajv2020;
}
