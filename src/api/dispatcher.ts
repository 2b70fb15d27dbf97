import Router from '@koa/router';
import { nearestFew } from '../nearest.js';
import { isSafe, type Route } from './route.js';

/** What a method and a path lead to. */
export type Match =
  | { readonly kind: 'route'; readonly route: Route; readonly params: Record<string, string> }
  /** The path exists; `allow` are its methods. */
  | { readonly kind: 'otherMethods'; readonly allow: readonly string[] }
  | { readonly kind: 'nothing'; readonly near: readonly string[] };

const MOST_NEAR = 3;

const NO_PARAMS: Record<string, string> = {};

/**
 * Finds routes. Paths without parameters, which are nearly all, are looked up in a map: the router's own
 * list costs some microseconds per request, which `GET /status` should not pay.
 */
export class Dispatcher {
  readonly #fixed = new Map<string, Map<string, Route>>();
  readonly #router = new Router({ sensitive: true });
  readonly #byKey = new Map<string, Route>();
  readonly #paths: string[] = [];

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      for (const path of [route.path, ...(route.aliases ?? [])]) this.#add(path, route);
    }
  }

  match(method: string, path: string): Match {
    const fixed = this.#fixed.get(path) ?? this.#fixed.get(withoutSlash(path));
    if (fixed !== undefined) {
      const route = fixed.get(method);
      if (route !== undefined) return { kind: 'route', route, params: NO_PARAMS };
      return { kind: 'otherMethods', allow: allowed(fixed.keys()) };
    }
    const { path: layers } = this.#router.match(path, method);
    const layer = layers.find((candidate) => candidate.methods.includes(method));
    const route = layer?.name === undefined ? undefined : this.#byKey.get(layer.name);
    if (layer !== undefined && route !== undefined) {
      return { kind: 'route', route, params: layer.params(path, layer.captures(path)) };
    }
    if (layers.length > 0) {
      return { kind: 'otherMethods', allow: allowed(layers.flatMap((candidate) => candidate.methods)) };
    }
    return { kind: 'nothing', near: this.#near(path) };
  }

  #add(path: string, route: Route): void {
    if (!this.#paths.includes(path)) this.#paths.push(path);
    const methods = isSafe(route) ? [route.method, 'HEAD'] : [route.method];
    if (!path.includes(':')) {
      const fixed = this.#fixed.get(path) ?? new Map<string, Route>();
      for (const method of methods) fixed.set(method, route);
      this.#fixed.set(path, fixed);
      return;
    }
    const key = `${route.method} ${path}`;
    this.#byKey.set(key, route);
    const layer = this.#router.register(path, methods, () => {}, { name: key });
    // The router adds HEAD to each GET by itself; a GET that changes something must not have one.
    if (!isSafe(route) && 'methods' in layer) layer.methods = [route.method];
  }

  /** Paths that were perhaps meant, best first; the API's prefix counts for nothing, as it is easily forgotten. */
  #near(path: string): string[] {
    const typed = withoutPrefix(path);
    return nearestFew(typed, this.#paths, {
      most: MOST_NEAR,
      nameOf: (known) => fillIn(withoutPrefix(known), typed),
    });
  }
}

/** A known path with its parameters taken from the typed one, so that they do not count as differences. */
function fillIn(known: string, typed: string): string {
  const segments = typed.split('/');
  return known
    .split('/')
    .map((segment, index) => (segment.startsWith(':') ? (segments[index] ?? segment) : segment))
    .join('/');
}

function allowed(methods: Iterable<string>): string[] {
  return [...new Set(methods), 'OPTIONS'].sort();
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function withoutPrefix(path: string): string {
  return path.replace(/^\/api(?:\/v1)?(?=\/)/, '');
}
