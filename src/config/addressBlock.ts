import { isIP, isIPv4 } from 'node:net';

/** A block of addresses, as CIDR notation names it. */
export interface AddressBlock {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/**
 * Reads an address or a CIDR block; null when it is neither.
 * Source: RFC 4632 section 3.1 and RFC 4291 section 2.3.
 */
export function parseAddressBlock(text: string): AddressBlock | null {
  const [address = '', prefix, ...more] = text.split('/');
  if (isIP(address) === 0 || address.includes('%') || more.length > 0) return null;
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const bits = family === 'ipv4' ? 32 : 128;
  if (prefix === undefined) return { address, prefix: bits, family };
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) return null;
  return { address, prefix: Number(prefix), family };
}
