import { encode, Tag } from 'cbor2';
import { type Packing, pack } from './packing.js';

/** An image to be sent. */
export interface SimplonImage {
  readonly series: number;
  readonly number: number;
  readonly type: string;
  readonly rows: number;
  readonly columns: number;
  /** In the byte order said. */
  readonly pixels: Uint8Array;
  readonly isBigEndian?: boolean;
  readonly packing?: Packing;
}

/** RFC 8746: the tag of a little-endian typed array, and of a big-endian one. */
export const ARRAY_TAGS: Readonly<Record<string, readonly [number, number]>> = {
  uint8: [64, 64],
  uint16: [69, 65],
  uint32: [70, 66],
  uint64: [71, 67],
  int8: [72, 72],
  int16: [77, 73],
  int32: [78, 74],
  int64: [79, 75],
  float32: [85, 81],
  float64: [86, 82],
};

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** The start of a series, version 1. */
export function headerV1(series: number): Buffer[] {
  return [json({ htype: 'dheader-1.0', series, header_detail: 'basic' }), json({ nimages: 3 })];
}

/** An image, version 1. */
export function imageV1(image: SimplonImage): Buffer[] {
  const { packing, isBigEndian = false, pixels } = image;
  const blob = packing === undefined ? Buffer.from(pixels) : pack(pixels, packing);
  const algorithm =
    packing === undefined ? '' : packing.algorithm === 'lz4' ? 'lz4' : `bs${packing.elementBytes * 8}-lz4`;
  return [
    json({ htype: 'dimage-1.0', series: image.series, frame: image.number, hash: 'd41d8cd98f' }),
    json({
      htype: 'dimage_d-1.0',
      shape: [image.columns, image.rows],
      type: image.type,
      encoding: `${algorithm}${isBigEndian ? '>' : '<'}`,
      size: blob.byteLength,
    }),
    blob,
    json({ htype: 'dconfig-1.0', start_time: 1000, stop_time: 3000, real_time: 2000 }),
  ];
}

/** The end of a series, version 1. */
export function endV1(series: number): Buffer[] {
  return [json({ htype: 'dseries_end-1.0', series })];
}

function cbor(message: Record<string, unknown>): Buffer[] {
  return [Buffer.from(encode(new Tag(55_799, message)))];
}

/** The start of a series, version 2. */
export function startV2(series: number, images = 3): Buffer[] {
  const channels = ['threshold_1'];
  return cbor({ type: 'start', series_id: series, number_of_images: images, channels });
}

/** An image, version 2; the same pixels in every channel but for those named here. */
export function imageV2(image: SimplonImage, channels: readonly string[] = ['threshold_1']): Buffer[] {
  const { packing, pixels, isBigEndian = false } = image;
  const tag = ARRAY_TAGS[image.type]?.[isBigEndian ? 1 : 0] ?? 0;
  const bytes = Uint8Array.from(pixels);
  const values =
    packing === undefined
      ? bytes
      : new Tag(56_500, [packing.algorithm, packing.elementBytes, Uint8Array.from(pack(bytes, packing))]);
  const array = new Tag(40, [[image.rows, image.columns], new Tag(tag, values)]);
  return cbor({
    type: 'image',
    series_id: image.series,
    image_id: image.number,
    start_time: [0, 50_000_000],
    stop_time: [100_000_000, 50_000_000],
    real_time: [100_000_000, 50_000_000],
    data: Object.fromEntries(channels.map((channel) => [channel, array])),
  });
}

/** The end of a series, version 2. */
export function endV2(series: number): Buffer[] {
  return cbor({ type: 'end', series_id: series });
}
