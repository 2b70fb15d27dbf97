import { execSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import type { Dataset, File } from 'h5wasm/node';
import { Pull } from 'zeromq';
import { loadHdf5 } from '../../src/files/hdf5.js';

// Stands in for PSI's C++ writer, which is not to be had: arguments, answers and ends are those of seven recorded
// lives of the real program (complete, stopped midway, stopped without frames, killed, unknown parameter, out of
// order with a gap, SIGTERM). With /dev/null for a file it counts and keeps nothing, as its source says
// (lib_cpp_h5_writer, get_h5_writer). Environment: FAKE_WRITER_PARAMETERS, names that its format declares, with commas.

const [streamAddress = '', file = '', frameCount = '0', port = '0'] = process.argv.slice(2);
const expected = Number(frameCount);
const keepsNothing = file === '/dev/null';
const declared = (process.env.FAKE_WRITER_PARAMETERS ?? '').split(',');
/** Bytes of the file while it has no frame; no HDF5 library can read it. */
const STUB_BYTES = 96;
/** It says finished for so long, and then is gone. */
const FINISHED_MS = 50;

let received = 0;
let lost = 0;
let highest = -1;
let status: 'receiving' | 'finished' = 'receiving';
let output: { file: File; data: Dataset } | null = null;
let ending = false;

execSync(`mkdir -p ${dirname(file)}`);
writeFileSync(file, Buffer.alloc(STUB_BYTES, 0x89));
const stream = new Pull({ linger: 0 });
stream.connect(streamAddress);

const server = createServer((request, response) => {
  const route = `${request.method} ${request.url}`;
  switch (route) {
    case 'GET /status':
      return answer(response, { status });
    case 'GET /statistics':
      return answer(response, {
        status,
        n_received_frames: received,
        n_written_frames: received,
        total_expected_frames: expected,
        n_lost_frames: lost,
      });
    case 'GET /stop':
      status = 'finished';
      answer(response, { status });
      return end();
    case 'GET /kill':
      answer(response, { status: 'killed' });
      return end();
    case 'POST /parameters': {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const names = Object.keys(JSON.parse(Buffer.concat(chunks).toString() || '{}'));
        if (names.every((name) => declared.includes(name)))
          return answer(response, { message: 'Parameters set.' });
        // Lost: it goes on, and its file never gets complete.
        response.removeHeader('Content-Type');
        response.writeHead(500, { 'Content-Length': 27, Server: 'Crow/0.1' });
        response.end('500 Internal Server Error\r\n');
      });
      return;
    }
    default:
      response.writeHead(404, { 'Content-Length': 0, Server: 'Crow/0.1' });
      response.end();
  }
});
server.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', end);
void receive();

function answer(response: ServerResponse, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(200, {
    'Content-Type': 'application/json',
    'Content-Length': text.length,
    Server: 'Crow/0.1',
  });
  response.end(text);
}

async function receive(): Promise<void> {
  const hdf5 = await loadHdf5();
  for await (const [header, pixels] of stream) {
    if (header === undefined || pixels === undefined || ending) continue;
    const { frame, shape } = JSON.parse(header.toString()) as { frame: number; shape: [number, number] };
    if (output === null && !keepsNothing) {
      const created = new hdf5.File(file, 'w');
      const settings = {
        dtype: '<H',
        shape: [0, ...shape],
        maxshape: [null, ...shape],
        chunks: [1, ...shape],
      };
      output = {
        file: created,
        data: created.create_dataset({ name: 'data', data: new Uint16Array(0), ...settings }),
      };
    }
    if (frame <= highest) {
      if (lost > 0) process.abort();
      continue;
    }
    lost += frame - highest - 1;
    highest = frame;
    const values = new Uint16Array(
      pixels.buffer.slice(pixels.byteOffset, pixels.byteOffset + pixels.byteLength),
    );
    output?.data.resize([frame + 1, ...shape]);
    output?.data.write_slice(
      [
        [frame, frame + 1],
        [0, shape[0]],
        [0, shape[1]],
      ],
      values,
    );
    received += 1;
    if (received === expected) {
      status = 'finished';
      setTimeout(end, FINISHED_MS);
    }
  }
}

function end(): void {
  if (ending) return;
  ending = true;
  // Its port goes first.
  server.close();
  server.closeAllConnections();
  if (keepsNothing) process.exit(0);
  if (output === null) {
    const stub = openSync(file, 'r+');
    writeSync(stub, Buffer.from('no frames'));
    closeSync(stub);
    process.abort();
  }
  output.file.close();
  process.exit(0);
}
