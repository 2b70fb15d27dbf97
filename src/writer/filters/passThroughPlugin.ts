/**
 * Makes an HDF5 filter plugin as WebAssembly for the HDF5 library (h5wasm), so that the library makes datasets whose
 * chunks were compressed by others. No chunk passes through it: they are written beside the library. So it is the one
 * function that refuses them all, in C
 *
 *     size_t filter(unsigned flags, size_t n, const unsigned *values, size_t size, size_t *buf_size, void **buf) {
 *       return 0;
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
  ];
  const types = [functionType([I32, I32, I32, I32, I32, I32], [I32]), functionType([], [I32])];
  const bodies = [body(constant(0)), body(constant(PLUGIN_TYPE_FILTER)), body(info(filterId))];
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
    ...section(9, vector([[0, ...getGlobal(GLOBAL.tableBase), END, ...vector([[FUNCTION.filter]])]])),
    ...section(10, vector(bodies)),
  ]);
}

const I32 = 0x7f;
const FUNCREF = 0x70;
const KIND = { function: 0, table: 1, memory: 2, global: 3 } as const;
const TYPE = { filter: 0, ask: 1 } as const;
const FUNCTION = { filter: 0, type: 1, info: 2 } as const;
const GLOBAL = { memoryBase: 0, tableBase: 1 } as const;
const END = 0x0b;
const PLUGIN_TYPE_FILTER = 0;
/** H5Z_class2_t: version, id, encoder, decoder, name, can_apply, set_local, filter. */
const CLASS_BYTES = 32;

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

function getGlobal(index: number): number[] {
  return [0x23, index];
}

function store(offset: number): number[] {
  return [0x36, 2, offset];
}

function constant(value: number): number[] {
  return [0x41, ...signed(value)];
}

function body(code: readonly number[]): number[] {
  const content = [0, ...code, END];
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
