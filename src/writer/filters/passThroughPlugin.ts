/**
 * Makes an HDF5 filter plugin that stores chunks which are compressed already, as WebAssembly for the HDF5 library
 * (h5wasm), which has no H5Dwrite_chunk. Written by hand because it is one function; in C it would be
 *
 *     size_t filter(unsigned flags, size_t n, const unsigned *values, size_t size, size_t *buf_size, void **buf) {
 *       if (flags & H5Z_FLAG_REVERSE) return 0;                 // it cannot read
 *       struct { void *address; size_t length; } *chunk = *buf; // see ChunkWriter
 *       void *bytes = H5allocate_memory(chunk->length, false);
 *       if (!bytes) return 0;
 *       memcpy(bytes, chunk->address, chunk->length);
 *       size_t length = chunk->length;
 *       H5free_memory(*buf);
 *       *buf = bytes;
 *       return *buf_size = length;
 *     }
 *
 * with the two functions that HDF5 asks a plugin for.
 *
 * Sources: HDF5 reference, H5Z_class2_t and H5PLget_plugin_info; WebAssembly core specification, binary format;
 * WebAssembly tool conventions, dynamic linking.
 *
 * @param filterId - The number under which the filter is registered with The HDF Group: files say it.
 * @returns A side module that HDF5 loads from its plugin folders.
 */
export function passThroughPlugin(filterId: number): Uint8Array {
  const moduleName = 'env';
  const imports = [
    [...text(moduleName), ...text('memory'), KIND.memory, 0, 0],
    [...text(moduleName), ...text('__indirect_function_table'), KIND.table, FUNCREF, 0, 0],
    [...text(moduleName), ...text('__memory_base'), KIND.global, I32, 0],
    [...text(moduleName), ...text('__table_base'), KIND.global, I32, 0],
    [...text(moduleName), ...text('H5allocate_memory'), KIND.function, TYPE.allocate],
    [...text(moduleName), ...text('H5free_memory'), KIND.function, TYPE.free],
  ];
  const types = [
    functionType([I32, I32, I32, I32, I32, I32], [I32]),
    functionType([], [I32]),
    functionType([I32, I32], [I32]),
    functionType([I32], [I32]),
  ];
  const bodies = [
    body([3, I32], FILTER),
    body(null, constant(PLUGIN_TYPE_FILTER)),
    body(null, info(filterId)),
  ];
  const memoryInfo = [...unsigned(CLASS_BYTES), 2, 1, 0];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(0, [...text('dylink.0'), 1, ...unsigned(memoryInfo.length), ...memoryInfo]),
    ...section(1, vector(types)),
    ...section(2, vector(imports)),
    ...section(3, vector([[TYPE.filter], [TYPE.ask], [TYPE.ask]])),
    ...section(
      7,
      vector([
        [...text('H5PLget_plugin_type'), KIND.function, FUNCTION.type],
        [...text('H5PLget_plugin_info'), KIND.function, FUNCTION.info],
      ]),
    ),
    ...section(9, vector([[0, ...getGlobal(GLOBAL.tableBase), OP.end, ...vector([[FUNCTION.filter]])]])),
    ...section(10, vector(bodies)),
  ]);
}

const I32 = 0x7f;
const FUNCREF = 0x70;
const KIND = { function: 0, table: 1, memory: 2, global: 3 } as const;
const TYPE = { filter: 0, ask: 1, allocate: 2, free: 3 } as const;
/** Imported functions come first. */
const FUNCTION = { allocate: 0, free: 1, filter: 2, type: 3, info: 4 } as const;
const GLOBAL = { memoryBase: 0, tableBase: 1 } as const;
const LOCAL = { flags: 0, bufferSize: 4, buffer: 5, chunk: 6, bytes: 7, length: 8 } as const;
const OP = { if: 0x04, end: 0x0b, return: 0x0f, drop: 0x1a, equalsZero: 0x45, and: 0x71 } as const;
const NO_RESULT = 0x40;
const FLAG_REVERSE = 0x100;
const PLUGIN_TYPE_FILTER = 0;
/** H5Z_class2_t: version, id, encoder, decoder, name, can_apply, set_local, filter. */
const CLASS_BYTES = 32;

const FILTER = [
  ...[...getLocal(LOCAL.flags), ...constant(FLAG_REVERSE), OP.and],
  ...[OP.if, NO_RESULT, ...constant(0), OP.return, OP.end],
  ...[...getLocal(LOCAL.buffer), ...load(0), ...setLocal(LOCAL.chunk)],
  ...[...getLocal(LOCAL.chunk), ...load(4), ...setLocal(LOCAL.length)],
  ...[...getLocal(LOCAL.length), ...constant(0), ...call(FUNCTION.allocate), ...setLocal(LOCAL.bytes)],
  ...[...getLocal(LOCAL.bytes), OP.equalsZero, OP.if, NO_RESULT, ...constant(0), OP.return, OP.end],
  ...[
    ...getLocal(LOCAL.bytes),
    ...getLocal(LOCAL.chunk),
    ...load(0),
    ...getLocal(LOCAL.length),
    ...copyMemory(),
  ],
  ...[...getLocal(LOCAL.chunk), ...call(FUNCTION.free), OP.drop],
  ...[...getLocal(LOCAL.buffer), ...getLocal(LOCAL.bytes), ...store(0)],
  ...[...getLocal(LOCAL.bufferSize), ...getLocal(LOCAL.length), ...store(0)],
  ...getLocal(LOCAL.length),
];

/** Fills in the class and answers its address. */
function info(filterId: number): number[] {
  const field = (offset: number, value: number[]) => [
    ...getGlobal(GLOBAL.memoryBase),
    ...value,
    ...store(offset),
  ];
  return [
    ...field(0, constant(1)),
    ...field(4, constant(filterId)),
    ...field(8, constant(1)),
    // The library asks for one that reads before it creates a dataset.
    ...field(12, constant(1)),
    ...field(16, constant(0)),
    ...field(20, constant(0)),
    ...field(24, constant(0)),
    ...field(28, getGlobal(GLOBAL.tableBase)),
    ...getGlobal(GLOBAL.memoryBase),
  ];
}

function getLocal(index: number): number[] {
  return [0x20, index];
}

function setLocal(index: number): number[] {
  return [0x21, index];
}

function getGlobal(index: number): number[] {
  return [0x23, index];
}

function load(offset: number): number[] {
  return [0x28, 2, offset];
}

function store(offset: number): number[] {
  return [0x36, 2, offset];
}

function call(index: number): number[] {
  return [0x10, index];
}

function copyMemory(): number[] {
  return [0xfc, 10, 0, 0];
}

function constant(value: number): number[] {
  return [0x41, ...signed(value)];
}

function body(locals: readonly number[] | null, code: readonly number[]): number[] {
  const content = [...(locals === null ? [0] : [1, ...locals]), ...code, OP.end];
  return [...unsigned(content.length), ...content];
}

function functionType(parameters: readonly number[], results: readonly number[]): number[] {
  return [0x60, parameters.length, ...parameters, results.length, ...results];
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function text(value: string): number[] {
  return [...unsigned(value.length), ...Buffer.from(value)];
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** LEB128 of a number that is not negative. */
function signed(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >>> 7)];
}
