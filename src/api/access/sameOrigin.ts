import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

/** What the check has to know besides the headers. */
export interface OriginRules {
  /** Origins of other pages that are welcome. */
  readonly origins: readonly string[];
  readonly isTls: boolean;
  /** Whether the request is a GET, which pages can have sent without any `Origin`. */
  readonly isGet: boolean;
}

/**
 * Says which foreign page had a browser send this; null when none did. Programs send none of the headers that
 * browsers add, and are never refused.
 *
 * The server's own origin counts only under a name that cannot be pointed here by others: an address, `localhost`,
 * or the name of this machine. Otherwise a page could have its own name resolved to this server (DNS rebinding).
 * Sources: Fetch standard, section 3.1; W3C Fetch Metadata Request Headers.
 */
export function foreignPage(headers: IncomingHttpHeaders, rules: OriginRules): string | null {
  const { origin } = headers;
  if (origin !== undefined) return isWelcome(origin, headers.host, rules) ? null : origin;
  const site = headers['sec-fetch-site'];
  if (site === 'same-origin' || site === 'none') return null;
  if (site !== undefined) return `a page of another site (${site})`;
  // Over plain http to another machine, an image's GET has nothing but the browser's name to tell it by.
  const isBrowser = headers['user-agent']?.startsWith('Mozilla/') ?? false;
  return rules.isGet && isBrowser ? 'a page that the browser does not name' : null;
}

/** Whether a page of this origin may use the API. */
export function isWelcome(origin: string, host: string | undefined, rules: OriginRules): boolean {
  if (rules.origins.includes(origin)) return true;
  if (host === undefined || origin !== `${rules.isTls ? 'https' : 'http'}://${host.toLowerCase()}`)
    return false;
  const name = new URL(origin).hostname;
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || ownNames().includes(name);
}

function ownNames(): string[] {
  const name = hostname().toLowerCase();
  return ['localhost', name, name.split('.')[0] ?? name];
}
