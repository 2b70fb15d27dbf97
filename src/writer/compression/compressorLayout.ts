import { defaultBlock, FRAMING_BYTES } from '../decoders/compression.js';

/** Page size of WebAssembly's memory. */
export const PAGE_BYTES = 65_536;
/** That it can have at most. */
export const LARGEST_PAGES = 65_536;
/** Nothing is put at the address 0. */
const START = 1024;
/** What the kernel needs for itself: a table of 8 KiB, one block of 8 KiB, and a little more. */
const SCRATCH_BYTES = 20 * 1024;
/** Frames that are with the threads have so many bytes at most, unless each thread would have none to do. */
const WAITING_BYTES = 16 * 1024 * 1024;
const MOST_PLACES_PER_THREAD = 64;

/** What the frames of one file are. */
export interface FrameSize {
  readonly bytes: number;
  /** 1, 2, 4 or 8. */
  readonly elementBytes: number;
}

/** Where everything lies in the memory that the threads of a compressor share: what each thread needs, then the frames. */
export class CompressorLayout {
  /** How many frames have a place. */
  readonly places: number;
  readonly #threads: number;
  readonly #threadBytes: number;
  readonly #placeBytes: number;

  constructor(
    threads: number,
    readonly size: FrameSize,
  ) {
    const { bytes } = size;
    this.#threads = threads;
    this.#threadBytes = SCRATCH_BYTES + align(largestChunk(size));
    this.#placeBytes = align(bytes);
    const most = Math.min(threads * MOST_PLACES_PER_THREAD, Math.floor(WAITING_BYTES / bytes));
    // One more than there are threads, to be filled meanwhile.
    this.places = Math.max(threads + 1, most);
  }

  get pages(): number {
    return Math.ceil(this.place(this.places) / PAGE_BYTES);
  }

  /** Address of the memory that a thread works with. */
  scratch(thread: number): number {
    return START + thread * this.#threadBytes;
  }

  /** Address of the memory in which a thread makes its chunk. */
  target(thread: number): number {
    return this.scratch(thread) + SCRATCH_BYTES;
  }

  /** Address of a frame. */
  place(index: number): number {
    return this.scratch(this.#threads) + index * this.#placeBytes;
  }
}

/** What becomes of pixels that cannot be compressed, and room for the last copy to go beyond. */
function largestChunk({ bytes, elementBytes }: FrameSize): number {
  const blockBytes = defaultBlock(elementBytes) * elementBytes;
  const blocks = Math.ceil(bytes / blockBytes);
  return FRAMING_BYTES + bytes + blocks * (4 + Math.ceil(blockBytes / 255) + 16) + 64;
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
