import type { CallOptions } from '../../contracts/component.js';
import { ComponentFailedError } from '../../contracts/errors.js';
import type { JsonObject, JsonValue } from '../../contracts/json.js';
import { HttpClient } from '../transport/http.js';
import { isJsonObject } from '../transport/jsonObject.js';

/** The parameter tree of one adapter of an odin-control server. */
export class OdinTree {
  readonly #component: string;
  readonly #http: HttpClient;

  /** @param url - Of the adapter, `http://host:8888/api/0.1/<adapter>`. */
  constructor(component: string, url: string) {
    this.#component = component;
    this.#http = new HttpClient({ component, url });
  }

  connect(): Promise<void> {
    return this.#http.connect();
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  /** The value of a leaf. */
  async read(path: string, options: CallOptions): Promise<JsonValue> {
    const operation = `read ${path}`;
    const explain = (_statusCode: number, text: string) => this.#explain(operation, text);
    const answer = await this.#http.json({ method: 'GET', path: `/${path}`, operation, explain }, options);
    const value = valueIn(answer, path.split('/').at(-1) ?? '');
    if (value !== undefined) return value;
    const actual = JSON.stringify(answer).slice(0, 200);
    throw new ComponentFailedError(
      'bad_answer',
      `${this.#component} was asked to ${operation} and answered ${actual}.`,
      {
        component: this.#component,
        operation,
        expected: 'a value',
        actual,
        hint: `Check that ${path} is a parameter of this odin-control adapter.`,
      },
    );
  }

  /** Everything under a path, without the descriptions that some adapters add. */
  async readBranch(path: string, options: CallOptions): Promise<JsonObject> {
    const operation = `read ${path}`;
    const explain = (_statusCode: number, text: string) => this.#explain(operation, text);
    const answer = await this.#http.json({ method: 'GET', path: `/${path}`, operation, explain }, options);
    const branch = isJsonObject(answer) ? (answer[path] ?? answer) : {};
    return isJsonObject(branch) ? plain(branch) : {};
  }

  /** Sets a leaf; the body is the bare value. */
  async write(path: string, value: JsonValue, options: CallOptions): Promise<void> {
    const operation = `set ${path}`;
    const explain = (_statusCode: number, text: string) => this.#explain(operation, text);
    await this.#http.text({ method: 'PUT', path: `/${path}`, body: value, operation, explain }, options);
  }

  /** Errors come as `{"error": why}`. */
  #explain(operation: string, text: string): ComponentFailedError | null {
    let answer: JsonValue;
    try {
      answer = JSON.parse(text);
    } catch {
      return null;
    }
    if (!isJsonObject(answer) || typeof answer.error !== 'string') return null;
    return new ComponentFailedError(
      'component_refused',
      `${this.#component} refused to ${operation}: ${answer.error}`,
      {
        component: this.#component,
        operation,
        actual: answer.error,
        hint: `Correct what the ${this.#component} complains of, or reset and try again.`,
      },
    );
  }
}

/** A leaf comes as `{"<name>": value}`, `{"<name>": {"value": value, …}}` or `{"value": value, …}`. */
function valueIn(answer: JsonValue, name: string): JsonValue | undefined {
  if (!isJsonObject(answer)) return undefined;
  const inner = Object.hasOwn(answer, name) ? answer[name] : answer;
  return isJsonObject(inner) ? inner.value : inner;
}

function plain(branch: JsonObject): JsonObject {
  const entries = Object.entries(branch).map(([name, value]): [string, JsonValue] => {
    if (!isJsonObject(value)) return [name, value];
    return [name, value.value ?? plain(value)];
  });
  return Object.fromEntries(entries);
}
