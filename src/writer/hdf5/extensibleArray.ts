import { MetadataBlock, UNDEFINED_ADDRESS, type Write } from './metadataBlock.js';

/** The parameters with which the HDF5 library makes every chunk index of this kind. */
const SHAPE = {
  mostElementBits: 32,
  indexBlockElements: 4,
  leastBlockElements: 16,
  leastSuperBlockPointers: 4,
  pageElementBits: 10,
} as const;

/** The kind of index, with its parameters, as the layout of a dataset names it. */
export const CHUNK_INDEX = {
  kind: 4,
  parameters: [
    SHAPE.mostElementBits,
    SHAPE.indexBlockElements,
    SHAPE.leastSuperBlockPointers,
    SHAPE.leastBlockElements,
    SHAPE.pageElementBits,
  ],
} as const;

const PAGE_ELEMENTS = 2 ** SHAPE.pageElementBits;
const CHECKSUM_BYTES = 4;
/** Signature, version, client and the address of the header. */
const PREFIX_BYTES = 4 + 1 + 1 + 8;
/** The place of a block in the array. */
const OFFSET_BYTES = SHAPE.mostElementBits / 8;
const FILTERED_CLIENT = 1;

/** Blocks of one size, and what of the array they hold: a row of the format's table. */
interface Level {
  readonly blocks: number;
  readonly blockElements: number;
  readonly firstElement: number;
  readonly firstBlock: number;
}

const LEVELS = levels();
/** Levels whose blocks the index block points at itself, and the number of these blocks. */
const DIRECT_LEVELS = 2 * Math.log2(SHAPE.leastSuperBlockPointers);
const DIRECT_BLOCKS = 2 * (SHAPE.leastSuperBlockPointers - 1);

function levels(): Level[] {
  const count = 1 + SHAPE.mostElementBits - Math.log2(SHAPE.leastBlockElements);
  const found: Level[] = [];
  let [firstElement, firstBlock] = [0, 0];
  for (let index = 0; index < count; index += 1) {
    const blocks = 2 ** Math.floor(index / 2);
    const blockElements = 2 ** Math.floor((index + 1) / 2) * SHAPE.leastBlockElements;
    found.push({ blocks, blockElements, firstElement, firstBlock });
    firstElement += blocks * blockElements;
    firstBlock += blocks;
  }
  return found;
}

/** Where a chunk lies. */
export interface ChunkPlace {
  readonly address: number;
  readonly storedBytes: number;
}

/** What an array is made for. */
export interface ArrayOptions {
  /** Gives the next free place of the file, for so many bytes. */
  readonly allocate: (sizeBytes: number) => number;
  /** Bytes that tell a chunk's size, for chunks that went through a filter; null: all are plain. */
  readonly chunkSizeBytes: number | null;
}

/** The blocks of one level beyond the direct ones. */
interface SuperBlock {
  readonly block: MetadataBlock;
  readonly pointersAt: number;
}

/** The elements of one data block, in pages when it is large. */
interface DataBlock {
  readonly pages: readonly MetadataBlock[];
  readonly elementsAt: number;
  readonly pageElements: number;
}

/**
 * HDF5's index of the chunks of a dataset that grows in one dimension, written by ourselves: the library would want each
 * frame's bytes to pass through its own memory.
 *
 * Blocks lie where they were made for good, so that readers which follow the file never lose them.
 *
 * Source: HDF5 file format specification 3.0, VII.C "The Extensible Array Index".
 */
export class ExtensibleArray {
  readonly #options: ArrayOptions;
  readonly #client: number;
  readonly #elementBytes: number;
  readonly #header: MetadataBlock;
  readonly #index: MetadataBlock;
  readonly #superBlocks = new Map<number, SuperBlock>();
  readonly #dataBlocks = new Map<number, DataBlock>();
  readonly #changed = new Set<MetadataBlock>();
  /** Room that was taken for blocks, by their numbers, and by the numbers of their levels. */
  readonly #dataBlockAt = new Map<number, number>();
  readonly #superBlockAt = new Map<number, number>();
  readonly #stored = { superBlocks: 0, superBytes: 0, dataBlocks: 0, dataBytes: 0, end: 0, elements: 0 };

  constructor(options: ArrayOptions) {
    this.#options = options;
    const { chunkSizeBytes, allocate } = options;
    this.#client = chunkSizeBytes === null ? 0 : FILTERED_CLIENT;
    this.#elementBytes = chunkSizeBytes === null ? 8 : 8 + chunkSizeBytes + 4;
    const headerBytes = 12 + 6 * 8 + 8 + CHECKSUM_BYTES;
    this.#header = MetadataBlock.create(allocate(headerBytes), headerBytes, 'EAHD');
    this.#header.bytes.set(
      [
        0,
        this.#client,
        this.#elementBytes,
        SHAPE.mostElementBits,
        SHAPE.indexBlockElements,
        SHAPE.leastBlockElements,
        SHAPE.leastSuperBlockPointers,
        SHAPE.pageElementBits,
      ],
      4,
    );
    const pointers = DIRECT_BLOCKS + LEVELS.length - DIRECT_LEVELS;
    const elementsBytes = SHAPE.indexBlockElements * this.#elementBytes;
    const indexBytes = PREFIX_BYTES + elementsBytes + pointers * 8 + CHECKSUM_BYTES;
    this.#index = this.#create('EAIB', allocate(indexBytes), indexBytes);
    this.#fillElements(this.#index, PREFIX_BYTES, SHAPE.indexBlockElements);
    for (let pointer = 0; pointer < pointers; pointer += 1) {
      this.#index.view.setBigUint64(PREFIX_BYTES + elementsBytes + pointer * 8, UNDEFINED_ADDRESS, true);
    }
    this.#stored.elements = SHAPE.indexBlockElements;
    this.#header.setLength(60, this.#index.address);
  }

  get headerAddress(): number {
    return this.#header.address;
  }

  /** Takes the room that the index needs for the chunk of this number. */
  reserve(number: number): void {
    if (number < SHAPE.indexBlockElements) return;
    const { levelNumber, level, blockNumber } = locate(number);
    const key = level.firstBlock + blockNumber;
    const { allocate } = this.#options;
    if (!this.#dataBlockAt.has(key)) {
      this.#dataBlockAt.set(key, allocate(this.#dataBlockBytes(level).total));
    }
    if (levelNumber >= DIRECT_LEVELS && !this.#superBlockAt.has(levelNumber)) {
      this.#superBlockAt.set(levelNumber, allocate(superBlockBytes(level).total));
    }
  }

  /** Says where the chunk of this number lies, for which room was reserved. */
  set(number: number, place: ChunkPlace): void {
    this.#stored.end = Math.max(this.#stored.end, number + 1);
    if (number < SHAPE.indexBlockElements) {
      this.#put(this.#index, PREFIX_BYTES + number * this.#elementBytes, place);
      return;
    }
    const { levelNumber, level, blockNumber, inBlock } = locate(number);
    const { pages, elementsAt, pageElements } = this.#dataBlock(levelNumber, level, blockNumber);
    const page = pages[Math.floor(inBlock / pageElements)] as MetadataBlock;
    this.#put(page, elementsAt + (inBlock % pageElements) * this.#elementBytes, place);
  }

  /**
   * What has changed, as it is now: `leaves`, which are found only through the others, and `roots`. Written in this
   * order, the file makes sense to a reader at any time.
   */
  take(): { leaves: Write[]; roots: Write[] } {
    const { superBlocks, superBytes, dataBlocks, dataBytes, end, elements } = this.#stored;
    for (const [index, value] of [superBlocks, superBytes, dataBlocks, dataBytes, end, elements].entries()) {
      this.#header.setLength(12 + index * 8, value);
    }
    const roots: Write[] = [];
    const leaves: Write[] = [];
    for (const block of this.#changed) {
      const write = block.take();
      if (write !== null) (block === this.#index ? roots : leaves).push(write);
    }
    this.#changed.clear();
    const header = this.#header.take();
    if (header !== null) roots.push(header);
    return { leaves, roots };
  }

  #dataBlock(levelNumber: number, level: Level, blockNumber: number): DataBlock {
    const key = level.firstBlock + blockNumber;
    const known = this.#dataBlocks.get(key);
    if (known !== undefined) return known;
    const isDirect = levelNumber < DIRECT_LEVELS;
    // As the library has it: direct blocks are counted from the first of all.
    const offset = level.firstElement + (isDirect ? key : blockNumber) * level.blockElements;
    const made = this.#createDataBlock(level, { address: reserved(this.#dataBlockAt, key), offset });
    this.#dataBlocks.set(key, made.block);
    const parent = isDirect ? this.#index : this.#superBlock(levelNumber, level).block;
    const pointersAt = isDirect
      ? PREFIX_BYTES + SHAPE.indexBlockElements * this.#elementBytes + level.firstBlock * 8
      : this.#superBlock(levelNumber, level).pointersAt;
    parent.setLength(pointersAt + blockNumber * 8, made.address);
    this.#changed.add(parent);
    if (!isDirect) this.#markPages(parent, level, blockNumber);
    return made.block;
  }

  /** Bytes of a block itself, of each of its pages, and of all together. */
  #dataBlockBytes({ blockElements }: Level): { own: number; page: number; pageCount: number; total: number } {
    const isPaged = blockElements > PAGE_ELEMENTS;
    const pageCount = isPaged ? blockElements / PAGE_ELEMENTS : 0;
    const page = PAGE_ELEMENTS * this.#elementBytes + CHECKSUM_BYTES;
    const elements = isPaged ? 0 : blockElements * this.#elementBytes;
    const own = PREFIX_BYTES + OFFSET_BYTES + elements + CHECKSUM_BYTES;
    return { own, page, pageCount, total: own + pageCount * page };
  }

  #createDataBlock(
    level: Level,
    { address, offset }: { address: number; offset: number },
  ): { address: number; block: DataBlock } {
    const { blockElements } = level;
    const head = PREFIX_BYTES + OFFSET_BYTES;
    const { own, page: pageBytes, pageCount, total } = this.#dataBlockBytes(level);
    const block = this.#create('EADB', address, own);
    block.view.setUint32(PREFIX_BYTES, offset, true);
    this.#stored.dataBlocks += 1;
    this.#stored.dataBytes += total;
    this.#stored.elements += blockElements;
    if (pageCount === 0) {
      this.#fillElements(block, head, blockElements);
      return {
        address: block.address,
        block: { pages: [block], elementsAt: head, pageElements: blockElements },
      };
    }
    const pages = Array.from({ length: pageCount }, (_, number) => {
      const page = MetadataBlock.create(address + own + number * pageBytes, pageBytes);
      this.#fillElements(page, 0, PAGE_ELEMENTS);
      this.#changed.add(page);
      return page;
    });
    return { address: block.address, block: { pages, elementsAt: 0, pageElements: PAGE_ELEMENTS } };
  }

  #superBlock(levelNumber: number, level: Level): SuperBlock {
    const known = this.#superBlocks.get(levelNumber);
    if (known !== undefined) return known;
    const { pointersAt, total } = superBlockBytes(level);
    const block = this.#create('EASB', reserved(this.#superBlockAt, levelNumber), total);
    block.view.setUint32(PREFIX_BYTES, level.firstElement, true);
    for (let pointer = 0; pointer < level.blocks; pointer += 1) {
      block.view.setBigUint64(pointersAt + pointer * 8, UNDEFINED_ADDRESS, true);
    }
    this.#stored.superBlocks += 1;
    this.#stored.superBytes += total;
    const made = { block, pointersAt };
    this.#superBlocks.set(levelNumber, made);
    const pointers = PREFIX_BYTES + SHAPE.indexBlockElements * this.#elementBytes + DIRECT_BLOCKS * 8;
    this.#index.setLength(pointers + (levelNumber - DIRECT_LEVELS) * 8, block.address);
    this.#changed.add(this.#index);
    return made;
  }

  /** All pages of a block are written with it, so all of them are there. The bits of all blocks follow one another. */
  #markPages(superBlock: MetadataBlock, level: Level, blockNumber: number): void {
    if (pageMapBytes(level) === 0) return;
    const pages = level.blockElements / PAGE_ELEMENTS;
    const at = PREFIX_BYTES + OFFSET_BYTES;
    for (let page = blockNumber * pages; page < (blockNumber + 1) * pages; page += 1) {
      const byte = at + (page >> 3);
      superBlock.bytes[byte] = (superBlock.bytes[byte] ?? 0) | (0x80 >> (page & 7));
    }
  }

  #put(block: MetadataBlock, at: number, { address, storedBytes }: ChunkPlace): void {
    block.setLength(at, address);
    const { chunkSizeBytes } = this.#options;
    if (chunkSizeBytes !== null) {
      let left = storedBytes;
      for (let byte = 0; byte < chunkSizeBytes; byte += 1) {
        block.bytes[at + 8 + byte] = left % 256;
        left = Math.floor(left / 256);
      }
    }
    this.#changed.add(block);
  }

  #fillElements(block: MetadataBlock, at: number, count: number): void {
    for (let element = 0; element < count; element += 1) {
      block.view.setBigUint64(at + element * this.#elementBytes, UNDEFINED_ADDRESS, true);
    }
  }

  #create(signature: string, address: number, sizeBytes: number): MetadataBlock {
    const block = MetadataBlock.create(address, sizeBytes, signature);
    block.bytes[5] = this.#client;
    block.setLength(6, this.#header.address);
    this.#changed.add(block);
    return block;
  }
}

/** The block in which a chunk's element lies that is not in the index block. */
function locate(number: number): {
  levelNumber: number;
  level: Level;
  blockNumber: number;
  inBlock: number;
} {
  const element = number - SHAPE.indexBlockElements;
  const levelNumber = Math.floor(Math.log2(element / SHAPE.leastBlockElements + 1));
  const level = LEVELS[levelNumber];
  if (level === undefined) throw new RangeError(`A dataset cannot have a chunk number ${number}.`);
  const inLevel = element - level.firstElement;
  const blockNumber = Math.floor(inLevel / level.blockElements);
  return { levelNumber, level, blockNumber, inBlock: inLevel % level.blockElements };
}

function reserved(places: ReadonlyMap<number, number>, key: number): number {
  const address = places.get(key);
  if (address === undefined) throw new Error('No room was reserved for this chunk.');
  return address;
}

/** Bytes of a super block before its pointers, and of all of it. */
function superBlockBytes(level: Level): { pointersAt: number; total: number } {
  const pointersAt = PREFIX_BYTES + OFFSET_BYTES + level.blocks * pageMapBytes(level);
  return { pointersAt, total: pointersAt + level.blocks * 8 + CHECKSUM_BYTES };
}

/** Bytes that a level has for each of its blocks to say which pages are there. */
function pageMapBytes({ blockElements }: Level): number {
  return blockElements > PAGE_ELEMENTS ? Math.ceil(blockElements / PAGE_ELEMENTS / 8) : 0;
}
