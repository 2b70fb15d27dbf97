import { createServer, type Socket } from 'node:net';
import { ArrayStream } from './arrayStream.js';
import { SlsFake } from './slsFake.js';
import type { SlsProgramsOptions } from './slsPrograms.js';
import { SlsStream } from './slsStream.js';

/**
 * A program that is the detectors and their receivers for the stand-ins of `sls_detector_get` and `sls_detector_put`,
 * see `SlsPrograms`. Prints its port and the addresses of the streams. A request is three lines: action, working
 * directory, arguments.
 */
const {
  detectors = 1,
  frames = 'receiver',
  ...options
}: SlsProgramsOptions = JSON.parse(process.argv[2] ?? '{}');
/** About what a call to the real one takes. */
const CALL_MS = 5;
const units = Array.from({ length: detectors }, () => {
  const fake = new SlsFake(options);
  const stream =
    frames === 'receiver' ? new SlsStream(() => fake.received) : new ArrayStream(() => fake.exposed);
  return { fake, stream };
});
/** What begins the stream of a detector, and what ends it. */
const [BEGIN, END] = frames === 'receiver' ? ['rx_start', 'rx_stop'] : ['start', 'stop'];
const calls: string[] = [];
const clients = new Set<Socket>();
let mostClients = 0;

function answer(action: string, cwd: string, line: string): string {
  if (action === 'test') return JSON.stringify(test(line));
  calls.push(`${action} ${line}`);
  const [, index, own] = /^(?:(\d+)-)?(.*)$/.exec(line) ?? [];
  const unit = units[Number(index ?? 0)];
  // One that nobody set up says so itself.
  const { fake, stream } = unit ?? { fake: new SlsFake({ ...options, configured: false }), stream: null };
  const { rc, stdout, stderr } = fake.run(action === 'get' ? 'get' : 'put', own ?? '', cwd);
  if (rc === 0 && action === 'put' && own === BEGIN) stream?.begin();
  if (rc === 0 && action === 'put' && own === END) stream?.end();
  return `${rc} ${Buffer.byteLength(stdout)} ${Buffer.byteLength(stderr)}\n${stdout}${stderr}`;
}

function test(line: string): unknown {
  for (const { fake } of units) {
    if (line === 'receiver dead') fake.receiverAlive = false;
    if (line === 'receiver alive') fake.receiverAlive = true;
    if (line === 'trigger') fake.run('put', 'trigger');
  }
  return { calls: calls.splice(0), mostClients };
}

function serve(socket: Socket): void {
  let text = '';
  socket.on('error', () => socket.destroy());
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
    const [action = '', cwd = '', line = '', ...rest] = text.split('\n');
    if (rest.length === 0) return;
    text = '';
    if (action !== 'test') clients.add(socket);
    setTimeout(() => {
      // Looked at now, when those that had gone before are known to be gone.
      mostClients = Math.max(mostClients, clients.size);
      socket.end(answer(action, cwd, line));
    }, CALL_MS);
  });
  const leave = () => clients.delete(socket);
  socket.once('end', leave).once('close', leave);
}

for (const { stream } of units) await stream.open();
const server = createServer(serve).listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const streams = units.map(({ stream }) => stream.address);
  process.stdout.write(`${JSON.stringify({ port, streams })}\n`);
});
process.once('SIGTERM', () => process.exit(0));
