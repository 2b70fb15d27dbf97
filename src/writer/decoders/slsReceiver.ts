import type { JsonObject } from '../../contracts/json.js';
import { BYTES_PER_VALUE } from '../pixelTypes.js';
import { type Assembled, ImageAssembly } from './assembly.js';
import type { Decoded, Decoder, Frame } from './decoder.js';
import { unpackFourBit } from './fourBit.js';
import { badPart, parseSlsHeader, readSlsHeader, type SlsHeader, TYPE_OF_BIT_DEPTH } from './slsHeader.js';

/** What is kept of a header as it is, and what the file calls it. */
const KEPT_FIELDS = {
  expLength: 'exposure_length',
  timestamp: 'detector_timestamp',
  detSpec1: 'det_spec_1',
  detSpec2: 'det_spec_2',
  detSpec3: 'det_spec_3',
  detSpec4: 'det_spec_4',
} as const;
/** What is kept for each part, place by place. */
const KEPT_BY_PART = { frameNumber: 'framenums', modId: 'module_number', packetNumber: 'packets' } as const;
const ABSENT = -1;

/**
 * Reads the streams of SLS receivers (ZeroMQ PUB, one for each half module of an Eiger, module of others, or UDP port).
 * Part 1 is JSON, part 2 the pixels; a single part with `data: 0` ends the run of that stream.
 *
 * Images are put together on the grid `detshape` at `row` and `column`, both as the header says: the ports of an
 * Eiger's lower half count their columns from the other side, which the receiver has put into `column` already.
 * `flipRows` turns the rows of an Eiger's part around. What is missing has all bits set, as the receiver does with lost
 * packets; the frame says so in `complete_image` and `missing_parts`.
 *
 * Sources: PROTOCOLS, receiver stream of SLS detectors; slsDetectorPackage 9.2, DataStreamer and
 * DetectorImpl::readFrameFromReceiver; recordings of both kinds of receivers.
 */
export class SlsReceiverDecoder implements Decoder {
  readonly #streams: number;
  #first: SlsHeader | null = null;
  #assembly: ImageAssembly<SlsHeader> | null = null;
  #unpacked = new Uint8Array(0);
  readonly #ended = new Set<number>();

  /** @param streams - Receivers' streams that the messages come from. */
  constructor(streams: number) {
    this.#streams = streams;
  }

  decode(parts: readonly Buffer[], source = 0): Decoded {
    const [head, pixels] = parts;
    if (head === undefined) throw badPart('The message is empty.', 'a header', null);
    const fields = parseSlsHeader(head);
    if (fields.data === 0 && pixels === undefined) return this.#end(source);
    if (pixels === undefined || parts.length !== 2) {
      throw badPart('The message has the wrong number of parts.', 'header and pixels', parts.length);
    }
    this.#ended.delete(source);
    const header = readSlsHeader(fields);
    const { rows, columns, bitDepth } = header;
    const expectedBytes = Math.ceil((rows * columns * bitDepth) / 8);
    if (pixels.byteLength !== expectedBytes) {
      const expected = `${expectedBytes} bytes for ${rows}x${columns} of ${bitDepth} bit`;
      throw badPart('The pixels do not fit the header.', expected, pixels.byteLength);
    }
    return this.#place(header, bitDepth === 4 ? this.#unpack(pixels, rows * columns) : pixels);
  }

  flush(): readonly Frame[] {
    return (this.#assembly?.flush() ?? []).map((image) => this.#frame(image));
  }

  /** A run is over when it is over for all receivers; what they sent before it was armed is over for none. */
  #end(source: number): Decoded {
    this.#ended.add(source);
    if (this.#ended.size < this.#streams) return 'nothing';
    this.#ended.clear();
    return [...this.flush(), 'end'];
  }

  #place(header: SlsHeader, pixels: Uint8Array): Decoded {
    const { gridRows, gridColumns, rows, columns, image, row, column, isUpsideDown } = header;
    this.#checkLikeFirst(header);
    const places = gridRows * gridColumns;
    if (places === 1 && !isUpsideDown) {
      return this.#frame({ image, pixels, missingParts: 0, facts: [header] });
    }
    this.#assembly ??= new ImageAssembly({
      gridRows,
      gridColumns,
      partRows: rows,
      partColumns: columns,
      type: TYPE_OF_BIT_DEPTH[header.bitDepth],
      // One address for several places: somebody has merged the streams.
      partsExpected: this.#streams === 1 ? places : Math.min(places, this.#streams),
    });
    const done = this.#assembly.add({ image, row, column, pixels, isUpsideDown, facts: header });
    if (done === 'late') {
      const actual = `image ${image}, row ${row}, column ${column}`;
      throw badPart('A part came twice, or after its image had been written.', 'every part once', actual);
    }
    return done.length === 0 ? 'nothing' : done.map((assembled) => this.#frame(assembled));
  }

  #checkLikeFirst(header: SlsHeader): void {
    this.#first ??= header;
    const layout = (of: SlsHeader) =>
      `${of.gridRows}x${of.gridColumns} parts of ${of.rows}x${of.columns}, ${of.bitDepth} bit`;
    if (layout(header) !== layout(this.#first)) {
      throw badPart('The part differs from the first one.', layout(this.#first), layout(header));
    }
  }

  #frame({ image, pixels, missingParts, facts }: Assembled<SlsHeader>): Frame {
    const first = facts.find((header) => header !== undefined) ?? (this.#first as SlsHeader);
    const { rows, columns, gridRows, gridColumns, bitDepth } = first;
    const isIncomplete = missingParts > 0 || facts.some((header) => header?.isComplete === false);
    const metadata: JsonObject = {
      ...ownFields(first),
      complete_image: !isIncomplete,
      missing_parts: missingParts,
    };
    for (const [theirs, ours] of Object.entries(KEPT_FIELDS)) metadata[ours] = first.fields[theirs] ?? null;
    for (const [theirs, ours] of Object.entries(KEPT_BY_PART)) {
      metadata[ours] = facts.map((header) => header?.fields[theirs] ?? ABSENT);
    }
    return {
      number: image,
      type: TYPE_OF_BIT_DEPTH[bitDepth],
      rows: rows * gridRows,
      columns: columns * gridColumns,
      pixels,
      // Put together, or unpacked, in memory of our own.
      isBorrowed: this.#assembly !== null || bitDepth === 4,
      metadata,
      isIncomplete,
    };
  }

  #unpack(packed: Uint8Array, pixels: number): Uint8Array {
    const sizeBytes = pixels * BYTES_PER_VALUE.uint8;
    if (this.#unpacked.byteLength !== sizeBytes) this.#unpacked = new Uint8Array(sizeBytes);
    unpackFourBit(packed, this.#unpacked);
    return this.#unpacked;
  }
}

/** What the operator has told the receivers to send along (`rx_jsonpara`). */
function ownFields({ fields }: SlsHeader): JsonObject {
  const own = fields.addJsonHeader;
  return own !== null && typeof own === 'object' && !Array.isArray(own) ? own : {};
}
