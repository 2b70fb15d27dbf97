import type { PixelType } from '../pixelTypes.js';

/** What the values of a dataset are; texts have any length, or a fixed one in bytes. UTF-8. */
export type ValueType = PixelType | 'text' | { readonly textBytes: number };

/** What an attribute says: a text, or a list of texts. */
export type AttributeValue = string | readonly string[];

/** A group of a file that is going to be made. */
export class NewGroup {
  readonly kind = 'group';
  readonly attributes = new Map<string, AttributeValue>();
  readonly children = new Map<string, NewGroup | NewDataset | SoftLink>();

  /** @throws Error when the name is taken. */
  add<T extends NewGroup | NewDataset | SoftLink>(name: string, child: T): T {
    if (this.children.has(name)) throw new Error(`There is a ${name} already.`);
    this.children.set(name, child);
    return child;
  }
}

/** A dataset of a file that is going to be made. */
export interface NewDataset {
  readonly kind: 'dataset';
  readonly type: ValueType;
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  readonly content: OneValue | GrowingChunks;
}

/** One value that lies in the file by itself. */
export interface OneValue {
  /** Little-endian, of the size of its type; a text of any length as itself. */
  readonly value: Uint8Array | string;
}

/** Rows that are going to be appended. */
export interface GrowingChunks {
  /** What one row consists of; empty: of one value. */
  readonly rowShape: readonly number[];
  readonly chunkRows: number;
  /** The filter that chunks have gone through before they come here. */
  readonly filter?: { readonly id: number; readonly options: readonly number[] } | undefined;
}

/** A name that stands for the path of another object. */
export interface SoftLink {
  readonly kind: 'link';
  readonly path: string;
}

/** Makes the description of a dataset. */
export function newDataset(
  type: ValueType,
  content: OneValue | GrowingChunks,
  attributes: Readonly<Record<string, AttributeValue>> = {},
): NewDataset {
  return { kind: 'dataset', type, content, attributes: new Map(Object.entries(attributes)) };
}
