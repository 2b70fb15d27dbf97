import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { splitHdf5 } from '../../../scripts/splitHdf5.js';

const script = fileURLToPath(new URL('./hdf5_util.js', import.meta.resolve('h5wasm/node')));

describe('The HDF5 library in the bundle', () => {
  it('is a small script, and the WebAssembly that the package instantiates', async () => {
    const whole = await readFile(script, 'utf8');
    const { script: small, binary } = splitHdf5(whole);

    expect(small.length).to.be.lessThan(whole.length / 10);
    expect(Buffer.from(await instantiatedBy(script)).equals(binary)).to.equal(true);
  });

  it('is refused when the package is not as it was, so that a build fails', () => {
    expect(() => splitHdf5('export default 1')).to.throw('h5wasm has changed');
    const other = "function findWasmBinary(){return binaryDecode('abc')}function getBinarySync(){}";
    expect(() => splitHdf5(other)).to.throw('h5wasm has changed');
    expect(() => splitHdf5(other + other)).to.throw('h5wasm has changed');
  });
});

type Instantiate = (bytes: Uint8Array<ArrayBuffer>, imports: object) => Promise<object>;

/** What a fresh copy of the library gives to V8. */
async function instantiatedBy(path: string): Promise<Uint8Array> {
  const { default: create } = (await import(path)) as { default: (options: object) => Promise<unknown> };
  // TypeScript only knows it in browsers.
  const { WebAssembly } = globalThis as unknown as { WebAssembly: { instantiate: Instantiate } };
  const { instantiate } = WebAssembly;
  let taken = new Uint8Array();
  WebAssembly.instantiate = (bytes, imports) => {
    taken = bytes;
    return instantiate(bytes, imports);
  };
  try {
    await create({ noInitialRun: true });
  } finally {
    WebAssembly.instantiate = instantiate;
  }
  return taken;
}
