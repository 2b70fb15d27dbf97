import { lookup3 } from './lookup3.js';

/** Length of a superblock whose addresses have 8 bytes. */
export const SUPERBLOCK_BYTES = 48;
/** Where its parts lie. */
export const SUPERBLOCK_AT = {
  version: 8,
  addressBytes: 9,
  lengthBytes: 10,
  flags: 11,
  base: 12,
  extension: 20,
  end: 28,
  root: 36,
  checksum: 44,
} as const;
/** Marks of a file that is not at rest. */
export const FLAG = { write: 0x01, swmr: 0x04 } as const;

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
const ADDRESS_BYTES = 8;
const VERSION = 3;
const NOWHERE = 0xffff_ffff_ffff_ffffn;

/** The beginning of a file at rest. */
export function newSuperblock({ rootAddress, endBytes }: { rootAddress: number; endBytes: number }): Buffer {
  const block = Buffer.alloc(SUPERBLOCK_BYTES);
  block.set(SIGNATURE);
  block[SUPERBLOCK_AT.version] = VERSION;
  block[SUPERBLOCK_AT.addressBytes] = ADDRESS_BYTES;
  block[SUPERBLOCK_AT.lengthBytes] = ADDRESS_BYTES;
  block.writeBigUInt64LE(NOWHERE, SUPERBLOCK_AT.extension);
  block.writeBigUInt64LE(BigInt(rootAddress), SUPERBLOCK_AT.root);
  sealSuperblock(block, { flags: 0, endBytes });
  return block;
}

/** Whether an HDF5 file begins here. */
export function hasSignature(block: Buffer): boolean {
  return SIGNATURE.every((byte, index) => block[index] === byte);
}

/** Whether its own checksum agrees. */
export function hasRightChecksum(block: Buffer): boolean {
  const { checksum } = SUPERBLOCK_AT;
  return lookup3(block.subarray(0, checksum)) === block.readUInt32LE(checksum);
}

/**
 * Sets the flags and the end of the file, and the checksum over them.
 *
 * Source: HDF5 file format specification 3.0, II.A "Format Signature and Superblock".
 */
export function sealSuperblock(
  block: Buffer,
  { flags, endBytes }: { readonly flags: number; readonly endBytes: number },
): void {
  const { checksum } = SUPERBLOCK_AT;
  block[SUPERBLOCK_AT.flags] = flags;
  block.writeBigUInt64LE(BigInt(endBytes), SUPERBLOCK_AT.end);
  block.writeUInt32LE(lookup3(block.subarray(0, checksum)), checksum);
}
