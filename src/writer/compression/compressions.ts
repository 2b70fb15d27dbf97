/** How the writer compresses frames that come plain. */
export const COMPRESSIONS = ['none', 'bslz4'] as const;

/** `none`: stored as they come; `bslz4`: bitshuffle and LZ4, HDF5's filter 32008. */
export type CompressionName = (typeof COMPRESSIONS)[number];
