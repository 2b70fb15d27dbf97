import { createServer, type Socket } from 'node:net';
import { SlsFake } from './slsFake.js';
import { SlsStream } from './slsStream.js';

/**
 * A program that is the detector and the receiver for the stand-ins of `sls_detector_get` and `sls_detector_put`,
 * see `SlsPrograms`. Prints its port and the
 * address of the receiver's stream. A request is three lines: action, working directory, arguments.
 */
const fake = new SlsFake(JSON.parse(process.argv[2] ?? '{}'));
/** About what a call to the real one takes. */
const CALL_MS = 5;
const stream = new SlsStream(() => fake.received);
const calls: string[] = [];
const clients = new Set<Socket>();
let mostClients = 0;

function answer(action: string, cwd: string, line: string): string {
  if (action === 'test') return JSON.stringify(test(line));
  calls.push(`${action} ${line}`);
  const { rc, stdout, stderr } = fake.run(action === 'get' ? 'get' : 'put', line, cwd);
  if (rc === 0 && line.endsWith('rx_start')) stream.begin();
  if (rc === 0 && line.endsWith('rx_stop')) stream.end();
  return `${rc} ${Buffer.byteLength(stdout)} ${Buffer.byteLength(stderr)}\n${stdout}${stderr}`;
}

function test(line: string): unknown {
  if (line === 'receiver dead') fake.receiverAlive = false;
  if (line === 'receiver alive') fake.receiverAlive = true;
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

await stream.open();
const server = createServer(serve).listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  process.stdout.write(`${JSON.stringify({ port, stream: stream.address })}\n`);
});
process.once('SIGTERM', () => process.exit(0));
