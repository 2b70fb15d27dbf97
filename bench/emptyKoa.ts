import type { AddressInfo } from 'node:net';
import Koa from 'koa';

/** The peer of the status bench, as a process of its own: Koa with a handler that does nothing. Prints its URL. */
const koa = new Koa();
koa.use((context) => {
  context.body = '{}';
});
const server = koa.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/status\n`);
});
process.once('SIGTERM', () => process.exit(0));
