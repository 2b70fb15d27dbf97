import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createWriter } from '../../src/adapters/registry.js';
import type { JsonObject } from '../../src/contracts/json.js';
import type { Writer } from '../../src/contracts/writer.js';
import { FrameSender } from './writerFrames.js';

const FAKE = fileURLToPath(new URL('./fakeCppWriter.js', import.meta.url));

/** A folder with a frame source for writers that are a process per run, and what is left of them at the end. */
export class ProcessWriterBench {
  readonly folder = mkdtempSync(join(tmpdir(), 'dia-h5-process-'));
  readonly logFolder = join(this.folder, 'log');
  readonly #pids = new Set<number>();

  private constructor(readonly sender: FrameSender) {}

  static async open(): Promise<ProcessWriterBench> {
    return new ProcessWriterBench(await FrameSender.open());
  }

  /** Path of a start script of the stand-in for the C++ writer; `declared` are the names its format knows. */
  cppWriter(declared: readonly string[] = []): string {
    const path = join(this.folder, 'start_writer.sh');
    const lines = [
      '#!/bin/sh',
      'ulimit -c 0',
      `FAKE_WRITER_PARAMETERS=${declared.join(',')} exec "${process.execPath}" "${FAKE}" "$@"`,
    ];
    writeFileSync(path, `${lines.join('\n')}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  writer(command: string, options: JsonObject = {}): Writer {
    return createWriter('h5-process', 'writer', {
      command,
      streamAddress: this.sender.address,
      logFolder: this.logFolder,
      ...options,
    });
  }

  /** Pid of the present or last run. */
  get pid(): number {
    const { pid } = JSON.parse(readFileSync(join(this.logFolder, 'writer.run.json'), 'utf8')) as {
      pid: number;
    };
    this.#pids.add(pid);
    return pid;
  }

  close(): void {
    try {
      this.#pids.add(this.pid);
    } catch {
      // None, or forgotten.
    }
    for (const pid of this.#pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    this.sender.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
