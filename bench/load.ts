import { connect } from 'node:net';
import { quantile } from './report.js';

/** What a load generator has seen. */
export interface LoadOutcome {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were not 2xx. */
  readonly refused: number;
}

/**
 * A load generator, to be run as a process of its own: `load.js <url> <pollers> <seconds>`. Every poller has a connection,
 * and asks again as soon as it has its answer. Bare sockets, because a whole HTTP client costs more than the server.
 */
async function generate(url: string, pollers: number, seconds: number): Promise<LoadOutcome> {
  const { hostname, port, pathname, host } = new URL(url);
  const request = Buffer.from(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive\r\n\r\n`);
  const tookMs: number[] = [];
  let refused = 0;
  const beganMs = performance.now();
  const untilMs = beganMs + seconds * 1000;
  const poller = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      let sentMs = 0;
      let received = '';
      const ask = () => {
        sentMs = performance.now();
        socket.write(request);
      };
      socket.on('connect', ask);
      socket.setEncoding('latin1').on('data', (text: string) => {
        received += text;
        if (!isWhole(received)) return;
        const nowMs = performance.now();
        tookMs.push(nowMs - sentMs);
        if (!received.startsWith('HTTP/1.1 2')) refused += 1;
        received = '';
        if (nowMs < untilMs) ask();
        else socket.end();
      });
      socket.once('close', () => resolve());
      socket.once('error', reject);
    });
  await Promise.all(Array.from({ length: pollers }, poller));
  return {
    requests: tookMs.length,
    perSecond: tookMs.length / ((performance.now() - beganMs) / 1000),
    p50Ms: quantile(tookMs, 0.5),
    p99Ms: quantile(tookMs, 0.99),
    refused,
  };
}

/** Answers with a length are all that is asked for here. */
function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = /^content-length: *(\d+)/im.exec(text.slice(0, end))?.[1] ?? '0';
  return text.length >= end + 4 + Number(length);
}

const [url = '', pollers = '1', seconds = '2'] = process.argv.slice(2);
process.stdout.write(JSON.stringify(await generate(url, Number(pollers), Number(seconds))));
