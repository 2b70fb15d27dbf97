import type { JsonValue } from '../contracts/json.js';
import { suggestion } from '../nearest.js';
import type { Finding } from './deploymentFindings.js';
import { fillPlaceholders, mapTexts } from './mapTexts.js';
import type { DocumentPath, YamlSource } from './yamlSource.js';

const REFERENCE = /^env\.([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/** Variables whose names say that nobody shall read their values. */
const SECRET_NAME = /TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|PRIVATE/i;

/** Settings with the environment filled in. */
export interface FilledSettings {
  readonly value: JsonValue;
  readonly findings: readonly Finding[];
  /** Makes a text fit for logs: the values of secret variables are replaced by their names. */
  readonly redact: (text: string) => string;
}

/**
 * Fills `${env.NAME}` and `${env.NAME:-default}` into every text of a deployment. An empty variable counts as not
 * set. Where the placeholder is the whole text, a number, `true` and `false` are what they look like, unless it ends
 * with `|text`, and with `:-}` the key is left out when the variable is not set.
 */
export function fillEnvironment(
  settings: JsonValue,
  { env, source }: { readonly env: NodeJS.ProcessEnv; readonly source: YamlSource },
): FilledSettings {
  const findings: Finding[] = [];
  const secrets = new Map<string, string>();

  const variable = (path: DocumentPath, inner: string, placeholder: string): JsonValue => {
    // Other placeholders are filled in later, by whoever knows them.
    if (!/^\s*env\b/.test(inner)) return null;
    const report = (text: string) => {
      findings.push({ path, text, line: source.lineOf(path) });
      return null;
    };
    const [, name, byDefault] = REFERENCE.exec(inner) ?? [];
    if (name === undefined) {
      return report(`'${placeholder}' names no variable. Write \${env.NAME} or \${env.NAME:-default}.`);
    }
    const given = env[name] || undefined;
    const value = given ?? byDefault;
    if (value === undefined) {
      return report(`environment variable ${name} is not set.${similar(name, env)}`);
    }
    if (given !== undefined && SECRET_NAME.test(name)) secrets.set(given, `\${env.${name}}`);
    return value;
  };

  const value = mapTexts(settings, (text, path) =>
    fillPlaceholders(text, (inner, placeholder) => {
      const found = variable(path, inner, placeholder);
      if (placeholder !== text || typeof found !== 'string') return found;
      // A setting that is nothing but an empty default is one that is not given.
      return found === '' ? undefined : scalar(found);
    }),
  );
  const redact = (text: string) =>
    [...secrets].reduce((shown, [secret, name]) => shown.replaceAll(secret, () => name), text);
  return { value, findings, redact };
}

/** What a text means on its own: numbers only where they would be written the same again. */
function scalar(text: string): JsonValue {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d+(\.\d+)?$/.test(text) && String(Number(text)) === text ? Number(text) : text;
}

/** A variable that is set and has nearly this name; the others are nobody's business. */
function similar(name: string, env: NodeJS.ProcessEnv): string {
  const names = Object.keys(env).filter(
    (candidate) => env[candidate] && candidate.slice(0, 3) === name.slice(0, 3),
  );
  return names.length === 0 ? '' : suggestion(name, names).replace(/ Known are .*/, '');
}
