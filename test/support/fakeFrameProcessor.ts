import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Router } from 'zeromq';

type Params = Record<string, unknown>;

interface Acquisition {
  path: string;
  name: string;
  frames: number;
  id: string;
  fileName: string;
  written: number;
  processed: number;
}

const none = (): Acquisition => ({
  path: '',
  name: '',
  frames: 0,
  id: '',
  fileName: '',
  written: 0,
  processed: 0,
});

/**
 * A FrameProcessor of odin-data with a FileWriterPlugin `hdf`: its control messages and what it does with them, as
 * FrameProcessorController and FileWriterPlugin have it in their sources. Errors thrown while a message is carried out
 * get no reply there, because the reply is sent to nobody; that is kept.
 */
export class FakeFrameProcessor {
  readonly #socket = new Router({ linger: 0 });
  readonly #minor: number;
  readonly errors: string[] = [];
  readonly messages: { msg_val: string; params: Params }[] = [];
  writing = false;
  /** Makes the file when it is closed; without it the file is no more than a mark. */
  onClose: ((path: string) => void) | null = null;
  #next = none();
  #current = none();
  #settings: Params = { use_numbers: true, postfix: '', extension: 'h5', first_number: 0 };
  #held: (() => void)[] | null = null;

  private constructor(minor: number) {
    this.#minor = minor;
  }

  /** @param minor - Of its version, 1.`minor`. */
  static async open(minor: number): Promise<FakeFrameProcessor> {
    const fake = new FakeFrameProcessor(minor);
    await fake.#socket.bind('tcp://127.0.0.1:*');
    void fake.#serve();
    return fake;
  }

  get endpoint(): string {
    return this.#socket.lastEndpoint ?? '';
  }

  freeze(): void {
    this.#held = [];
  }

  wake(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const go of held) go();
  }

  close(): void {
    if (!this.#socket.closed) this.#socket.close();
  }

  take(numbers: readonly number[]): void {
    if (!this.writing) return;
    for (const number of numbers) {
      this.#current.processed += 1;
      this.#current.written = Math.max(this.#current.written, number + 1);
    }
    writeFileSync(join(this.#current.path, this.#current.fileName), 'frames');
    const { frames, written, processed } = this.#current;
    if (frames > 0 && written === frames && processed >= frames) this.#close();
  }

  #close(): void {
    this.onClose?.(join(this.#current.path, this.#current.fileName));
    this.writing = false;
  }

  async #serve(): Promise<void> {
    for await (const [identity, part] of this.#socket) {
      if (identity === undefined || part === undefined) continue;
      const go = () => void this.#answer(identity, part).catch(() => undefined);
      if (this.#held === null) go();
      else this.#held.push(go);
    }
  }

  async #answer(identity: Buffer, part: Buffer): Promise<void> {
    const message = JSON.parse(part.toString()) as { msg_val: string; id: number; params: Params };
    this.messages.push(message);
    const reply = {
      msg_type: 'ack',
      msg_val: message.msg_val,
      id: message.id,
      timestamp: new Date().toISOString(),
    };
    let params: Params = {};
    try {
      params = this.#carryOut(message.msg_val, message.params);
    } catch (error) {
      this.errors.push(error instanceof Error ? error.message : String(error));
      return;
    }
    const msg_type = 'error' in params && message.msg_val !== 'status' ? 'nack' : 'ack';
    await this.#socket.send([identity, JSON.stringify({ ...reply, msg_type, params })]);
  }

  #carryOut(command: string, params: Params): Params {
    switch (command) {
      case 'configure':
        if ('clear_errors' in params) this.errors.length = 0;
        return this.#configure((params.hdf ?? {}) as Params);
      case 'execute':
        if (this.#minor < 11) return { error: `Invalid control message: ${command}` };
        return this.#execute((params.hdf ?? {}) as Params);
      case 'request_configuration':
        return { hdf: this.#configuration() };
      case 'request_version':
        return {
          version: { 'odin-data': { major: 1, minor: this.#minor, patch: 0, short: `1.${this.#minor}.0` } },
        };
      case 'status':
        return this.#status();
      default:
        return { error: `Invalid control message: ${command}` };
    }
  }

  #configure(hdf: Params): Params {
    const file = (hdf.file ?? {}) as Params;
    if (typeof file.path === 'string') {
      if (!existsSync(file.path)) return { error: `Invalid path requested: ${file.path}` };
      if (!statSync(file.path).isDirectory()) return { error: `Path is not a directory: ${file.path}` };
      accessSync(file.path, constants.W_OK);
      this.#next.path = file.path;
    }
    const name = this.#minor < 11 ? file.name : file.prefix;
    if (typeof name === 'string') this.#next.name = name;
    for (const key of Object.keys(this.#settings)) if (key in file) this.#settings[key] = file[key];
    // 0 is no number of frames to it: an earlier one stays.
    if (hdf.frames !== undefined) {
      if (typeof hdf.frames !== 'number') throw new Error('Parameter frames has illegal type');
      if (hdf.frames > 0) this.#next.frames = hdf.frames;
    }
    if (typeof hdf.acquisition_id === 'string') this.#next.id = hdf.acquisition_id;
    if (this.#minor < 11 && typeof hdf.write === 'boolean') this.#write(hdf.write);
    return {};
  }

  #execute({ command }: Params): Params {
    if (command !== 'start_writing' && command !== 'stop_writing')
      return { error: `Unknown command ${command}` };
    this.#write(command === 'start_writing');
    return {};
  }

  #write(on: boolean): void {
    if (!on && this.writing) this.#close();
    if (!on || this.writing) return;
    if (this.#next.name === '') throw new Error('Unable to start writing - no filename to write to');
    const { use_numbers: numbered, postfix, extension } = this.#settings;
    this.#current = {
      ...this.#next,
      fileName: `${this.#next.name}${postfix}${numbered ? '_000000' : ''}.${extension}`,
    };
    this.#next = none();
    writeFileSync(join(this.#current.path, this.#current.fileName), '');
    this.writing = true;
  }

  #configuration(): Params {
    const { path, name, frames, id } = this.#next;
    const named = this.#minor < 11 ? { name } : { prefix: name };
    return { file: { path, ...named, ...this.#settings }, frames, acquisition_id: id, master: '' };
  }

  #status(): Params {
    const { path, fileName, frames, written, processed, id } = this.#current;
    const named =
      this.#minor < 11
        ? { file_path: path, acquisition_id: id }
        : { current_file_path: path, current_acquisition_id: id };
    const hdf = {
      writing: this.writing,
      frames_max: frames,
      frames_written: written,
      frames_processed: processed,
      file_name: fileName,
      ...named,
    };
    return {
      plugins: { names: ['hdf'] },
      hdf,
      ...(this.errors.length > 0 ? { error: [...this.errors] } : {}),
    };
  }
}
