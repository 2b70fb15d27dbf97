import { BYTES_PER_VALUE, type PixelType } from '../pixelTypes.js';

/** Images given out that are remembered, so that a part that comes again or late does not begin them anew. */
const REMEMBERED_IMAGES = 1024;
/** How far a stream has to be ahead before a part that it skipped is given up. Streams keep their order. */
const REORDERED_IMAGES = 8;
const LARGEST_WINDOW_BYTES = 512 * 1024 * 1024;
const SMALLEST_WINDOW = 4;
const LARGEST_WINDOW = 64;

/** How an image is divided: a grid of parts of the same size. */
export interface Geometry {
  readonly gridRows: number;
  readonly gridColumns: number;
  /** Size of a part in pixels. */
  readonly partRows: number;
  readonly partColumns: number;
  readonly type: PixelType;
  /** Parts that make an image whole; fewer than the grid has places when some are not streamed. */
  readonly partsExpected: number;
}

/** A part of an image. */
export interface Part<Facts> {
  /** Number of the image in the run. */
  readonly image: number;
  /** Place in the grid, from 0. */
  readonly row: number;
  readonly column: number;
  /** Row by row, in the byte layout of the file; copied. */
  readonly pixels: Uint8Array;
  /** Whether its last row comes first. */
  readonly isUpsideDown: boolean;
  readonly facts: Facts;
}

/** An image put together. */
export interface Assembled<Facts> {
  readonly image: number;
  /** Valid until the next call. Places of missing parts have all bits set. */
  readonly pixels: Uint8Array;
  /** Parts expected that never came. */
  readonly missingParts: number;
  /** By place in the grid, row by row; undefined where no part came. */
  readonly facts: readonly (Facts | undefined)[];
}

interface Pending<Facts> {
  readonly pixels: Uint8Array;
  readonly facts: (Facts | undefined)[];
  present: number;
}

/**
 * Puts images together from parts that come over several streams, in any order.
 *
 * An image is given out when its last part came, or incomplete once every stream that still lacks is well past it
 * (streams keep their order, so its part is lost), or once too many images wait: a stream that is silent altogether
 * must not fill the memory.
 */
export class ImageAssembly<Facts> {
  readonly #pending = new Map<number, Pending<Facts>>();
  readonly #given = new Set<number>();
  /** By place in the grid: the latest image of which a part came; -1 before the first. */
  readonly #latest: number[];
  readonly #spare: Uint8Array[] = [];
  #lent: Uint8Array[] = [];
  readonly #window: number;
  readonly #rowBytes: number;
  readonly #imageBytes: number;

  constructor(readonly geometry: Geometry) {
    const { gridRows, gridColumns, partRows, partColumns, type } = geometry;
    this.#rowBytes = partColumns * BYTES_PER_VALUE[type];
    this.#imageBytes = gridRows * partRows * gridColumns * this.#rowBytes;
    this.#latest = new Array<number>(gridRows * gridColumns).fill(-1);
    const affordable = Math.floor(LARGEST_WINDOW_BYTES / this.#imageBytes);
    this.#window = Math.max(SMALLEST_WINDOW, Math.min(LARGEST_WINDOW, affordable));
  }

  /**
   * Takes a part.
   *
   * @returns The images that it completes or gives up, or `late` for a part that came before or whose image was
   * given out without it.
   */
  add(part: Part<Facts>): readonly Assembled<Facts>[] | 'late' {
    this.#takeBack();
    const place = part.row * this.geometry.gridColumns + part.column;
    if (this.#given.has(part.image)) return 'late';
    const pending = this.#pending.get(part.image) ?? this.#begin(part.image);
    if (pending.facts[place] !== undefined) return 'late';
    pending.facts[place] = part.facts;
    pending.present += 1;
    this.#copy(part, pending.pixels);
    this.#latest[place] = Math.max(this.#latest[place] ?? -1, part.image);
    const done: Assembled<Facts>[] = [];
    if (pending.present >= this.geometry.partsExpected) done.push(this.#give(part.image, pending));
    for (;;) {
      const oldest = this.#oldest();
      if (oldest === null || !this.#isGivenUp(...oldest)) return done;
      done.push(this.#give(...oldest));
    }
  }

  /** Gives out all that waits, lowest number first. */
  flush(): readonly Assembled<Facts>[] {
    this.#takeBack();
    const waiting = [...this.#pending].sort(([one], [other]) => one - other);
    return waiting.map((entry) => this.#give(...entry));
  }

  #begin(image: number): Pending<Facts> {
    const pixels = this.#spare.pop() ?? new Uint8Array(this.#imageBytes);
    const facts = new Array<Facts | undefined>(this.#latest.length).fill(undefined);
    const pending: Pending<Facts> = { pixels, facts, present: 0 };
    this.#pending.set(image, pending);
    return pending;
  }

  #oldest(): [number, Pending<Facts>] | null {
    let oldest: [number, Pending<Facts>] | null = null;
    for (const entry of this.#pending) if (oldest === null || entry[0] < oldest[0]) oldest = entry;
    return oldest;
  }

  #isGivenUp(image: number, { facts }: Pending<Facts>): boolean {
    if (this.#pending.size > this.#window) return true;
    let decided = 0;
    for (const [place, latest] of this.#latest.entries()) {
      if (facts[place] !== undefined || latest >= image + REORDERED_IMAGES) decided += 1;
    }
    return decided >= this.geometry.partsExpected;
  }

  #give(image: number, { pixels, facts, present }: Pending<Facts>): Assembled<Facts> {
    this.#pending.delete(image);
    this.#given.add(image);
    if (this.#given.size > REMEMBERED_IMAGES) {
      const [first] = this.#given;
      if (first !== undefined) this.#given.delete(first);
    }
    this.#lent.push(pixels);
    for (const [place, part] of facts.entries()) if (part === undefined) this.#blank(place, pixels);
    return { image, pixels, missingParts: this.geometry.partsExpected - present, facts };
  }

  #takeBack(): void {
    for (const pixels of this.#lent) if (this.#spare.length < SMALLEST_WINDOW) this.#spare.push(pixels);
    this.#lent = [];
  }

  #copy({ row, column, pixels, isUpsideDown }: Part<Facts>, image: Uint8Array): void {
    const { gridColumns, partRows } = this.geometry;
    const rowBytes = this.#rowBytes;
    for (let line = 0; line < partRows; line += 1) {
      const imageLine = row * partRows + (isUpsideDown ? partRows - 1 - line : line);
      const target = (imageLine * gridColumns + column) * rowBytes;
      image.set(pixels.subarray(line * rowBytes, (line + 1) * rowBytes), target);
    }
  }

  /** As receivers do with packets that never came: the memory may hold an earlier image. */
  #blank(place: number, image: Uint8Array): void {
    const { gridColumns, partRows } = this.geometry;
    const row = Math.floor(place / gridColumns);
    const column = place % gridColumns;
    for (let line = 0; line < partRows; line += 1) {
      const target = ((row * partRows + line) * gridColumns + column) * this.#rowBytes;
      image.fill(0xff, target, target + this.#rowBytes);
    }
  }
}
