import { BlockList, isIP, isIPv4 } from 'node:net';
import { parseAddressBlock } from '../../config/addressBlock.js';

/** The addresses that may connect; an empty list lets everybody in. */
export class AddressList {
  readonly #blocks = new BlockList();
  readonly #isEmpty: boolean;

  constructor(allowed: readonly string[]) {
    this.#isEmpty = allowed.length === 0;
    for (const text of allowed) {
      const block = parseAddressBlock(text);
      // The deployment was checked; whatever is no block after all lets nobody in.
      if (block !== null) this.#blocks.addSubnet(block.address, block.prefix, block.family);
    }
  }

  /** Whether a client of this address may connect. */
  allows(address: string): boolean {
    if (this.#isEmpty) return true;
    const plain = plainAddress(address);
    if (isIP(plain) === 0) return false;
    return this.#blocks.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6');
  }
}

/** An IPv4 address also where the socket calls it an IPv6 one, and without the zone of a link-local one. */
export function plainAddress(address: string): string {
  const [withoutZone = ''] = address.split('%');
  return withoutZone.startsWith('::ffff:') && isIPv4(withoutZone.slice('::ffff:'.length))
    ? withoutZone.slice('::ffff:'.length)
    : withoutZone;
}
