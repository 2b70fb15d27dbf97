/** Frames smaller than this are not worth it. */
const SMALLEST_ALIGNMENT = 4096;
const LARGEST_ALIGNMENT = 1024 * 1024;
/** At most this part of a frame is left empty before it. */
const LEAST_FRAMES_PER_GAP = 64;

/** Room for a frame. */
export interface FrameRoom {
  readonly address: number;
  /** Bytes before it that are on no disk yet: they go there with the frame. */
  readonly freshBytes: number;
}

/**
 * Gives out the room at the end of a file. Frames begin where the system's page cache takes them in large pieces: at
 * other places writing costs up to twice as much. What is left empty before them is for the index.
 */
export class FileSpace {
  /** Room is given from here on. */
  #end: number;
  /** Before that, given away or left empty, and on no disk yet. */
  #freshBytes = 0;
  /** Left empty. */
  #gap = { from: 0, to: 0 };

  constructor(end: number) {
    this.#end = end;
  }

  /** Room for bytes that come after the next frame is written. */
  reserve(sizeBytes: number): number {
    const { from, to } = this.#gap;
    if (from + sizeBytes <= to) {
      this.#gap = { from: from + sizeBytes, to };
      return from;
    }
    const address = this.#end;
    this.#end += sizeBytes;
    this.#freshBytes += sizeBytes;
    return address;
  }

  frame(sizeBytes: number): FrameRoom {
    const alignment = alignmentOf(sizeBytes);
    const address = Math.ceil(this.#end / alignment) * alignment;
    const left = address - this.#end;
    if (left > this.#gap.to - this.#gap.from) this.#gap = { from: this.#end, to: address };
    const freshBytes = this.#freshBytes + left;
    this.#end = address + sizeBytes;
    this.#freshBytes = 0;
    return { address, freshBytes };
  }
}

/** Frames one after the other stay aligned where their size allows it; else only little may be lost between them. */
function alignmentOf(sizeBytes: number): number {
  let alignment = 1;
  for (let next = SMALLEST_ALIGNMENT; next <= LARGEST_ALIGNMENT; next *= 2) {
    if (sizeBytes % next === 0 || next * LEAST_FRAMES_PER_GAP <= sizeBytes) alignment = next;
  }
  return alignment;
}
