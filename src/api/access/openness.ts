import type { AccessSettings } from '../../config/accessSettings.js';
import { AddressList } from './addressList.js';

const LOOPBACK = new AddressList(['127.0.0.0/8', '::1']);

/** What a server that listens there leaves open, for the log; empty when nothing is. */
export function opennessWarnings(host: string, { tokens, allow, tls }: AccessSettings): string[] {
  if (host === 'localhost' || LOOPBACK.allows(host)) return [];
  const warnings: string[] = [];
  if (tokens.length === 0 && allow.length === 0) {
    warnings.push(
      `The API is open: it listens on ${host}, and everybody who reaches it can start, stop and configure acquisitions, set detector values and choose output files. Set access.tokens or access.allow in the deployment, see docs/how-to/secure-a-deployment.md.`,
    );
  }
  if (tokens.length > 0 && tls === undefined) {
    warnings.push(
      `Tokens travel unencrypted: the API listens on ${host} without TLS. Set access.tls in the deployment.`,
    );
  }
  return warnings;
}
