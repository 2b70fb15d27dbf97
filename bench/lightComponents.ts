import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { Router } from 'zeromq';

/**
 * The components of many pipelines in one process, for the scale bench: they speak the protocols of the simulated detector,
 * the PSI backends and the writer service, and do nothing. Writers answer `receiving` until `/finish` is asked.
 * Prints its addresses as JSON: `{detector, http}`; the backend of pipeline i is at `http/b/i`, its writer at `http/w/i`.
 */
const { values } = parseArgs({ options: { pipelines: { type: 'string', default: '1' } } });
const count = Number(values.pipelines);
const backends = Array.from({ length: count }, () => 'INITIALIZED');
const writers = Array.from({ length: count }, () => 'stopped');
const BACKEND_WORDS: Readonly<Record<string, string>> = {
  configure: 'CONFIGURED',
  open: 'OPEN',
  close: 'CLOSED',
  reset: 'INITIALIZED',
};
const WRITER_WORDS: Readonly<Record<string, string>> = {
  configure: 'configured',
  start: 'receiving',
  stop: 'stopped',
  reset: 'stopped',
};
/** Who waits for the end of the exposure. */
const waiting: (() => void)[] = [];
let detector = 'idle';

const server = createServer((request, response) => {
  request.resume();
  request.once('end', () => answer(request, response));
});
server.keepAliveTimeout = 60_000;

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { url = '/' } = request;
  const [, role, number = '0', ...rest] = url.split('/');
  const index = Number(number);
  const call = rest.at(-1) ?? '';
  let body: string;
  if (role === 'b') {
    const word = BACKEND_WORDS[call];
    if (word !== undefined) backends[index] = word;
    body = word ?? JSON.stringify({ global_state: backends[index] });
  } else if (role === 'w' && call === 'ended' && writers[index] === 'receiving') {
    waiting.push(() => answer(request, response));
    return;
  } else if (role === 'w') {
    writers[index] = WRITER_WORDS[call] ?? writers[index] ?? 'stopped';
    body = JSON.stringify(writerBody(writers[index] ?? 'stopped'));
  } else {
    // The exposure is over.
    detector = 'idle';
    writers.fill('finished');
    for (const tell of waiting.splice(0)) tell();
    body = '{}';
  }
  response.writeHead(200, { 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

const writerBody = (status: string) => ({
  status,
  n_received_frames: 0,
  n_written_frames: 0,
  n_lost_frames: 0,
  n_duplicate_frames: 0,
  total_expected_frames: 0,
  n_written_bytes: 0,
  frame_rate: 0,
  file: null,
  error: null,
});

const router = new Router({ linger: 0 });
await router.bind('tcp://127.0.0.1:*');
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(
    `${JSON.stringify({ detector: router.lastEndpoint, http: `http://127.0.0.1:${port}` })}\n`,
  );
});
process.once('SIGTERM', () => process.exit(0));
for await (const [client, part] of router) {
  if (client === undefined || part === undefined) continue;
  const {
    msg_val: command,
    id,
    params,
  } = JSON.parse(part.toString()) as {
    msg_val: string;
    id: number;
    params?: { detector?: { command?: string } };
  };
  const wanted = params?.detector?.command;
  if (wanted !== undefined) detector = wanted === 'start' ? 'running' : 'idle';
  const state = { detector: { state: detector } };
  await router.send([
    client,
    JSON.stringify({ msg_type: 'ack', msg_val: command, id, timestamp: '', params: state }),
  ]);
}
