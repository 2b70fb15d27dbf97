import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import Koa from 'koa';

/** The peer of other benches, as a process of its own: Koa with a handler that does nothing. Prints its URL. */
const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
const koa = new Koa();
koa.use((context) => {
  context.body = '{}';
});
const server = koa.listen(Number(values.port), '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/status\n`);
});
process.once('SIGTERM', () => process.exit(0));
