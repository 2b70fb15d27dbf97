const FIRST_CAPACITY = 16 * 1024;

/** Bytes that are put one behind the other, little-endian, and can be changed afterwards. */
export class ImageBytes {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  put8(...values: readonly number[]): void {
    const at = this.#grow(values.length);
    this.#bytes.set(values, at);
  }

  put16(value: number): void {
    this.set16(this.#grow(2), value);
  }

  put32(value: number): void {
    this.set32(this.#grow(4), value);
  }

  put64(value: number | bigint): void {
    this.set64(this.#grow(8), value);
  }

  put(bytes: Uint8Array): void {
    const at = this.#grow(bytes.byteLength);
    this.#bytes.set(bytes, at);
  }

  putText(text: string): void {
    this.put(Buffer.from(text));
  }

  putZeros(count: number): void {
    this.#grow(count);
  }

  set16(at: number, value: number): void {
    this.#view.setUint16(at, value, true);
  }

  set32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  set64(at: number, value: number | bigint): void {
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  /** What lies there, until more is put. */
  slice(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from, to);
  }

  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.byteLength) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
