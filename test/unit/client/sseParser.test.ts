import { expect } from 'chai';
import fc from 'fast-check';
import { parseServerSentEvents, type ServerSentEvent } from '../../../src/client/sseParser.js';

async function parse(chunks: Uint8Array[]): Promise<ServerSentEvent[]> {
  const events: ServerSentEvent[] = [];
  const stream = async function* () {
    yield* chunks;
  };
  for await (const event of parseServerSentEvents(stream())) events.push(event);
  return events;
}

describe('parseServerSentEvents', () => {
  const text =
    'retry: 1\n\n: comment\n\nid: a-1\nevent: état\ndata: {"x":\ndata: 1}\r\n\r\ndata:bare\nid\n\ndata: cut off';
  const expected = [
    { id: 'a-1', type: 'état', data: '{"x":\n1}' },
    { id: '', type: 'message', data: 'bare' },
  ];

  it('gives the complete events of a stream', async () => {
    expect(await parse([Buffer.from(text)])).to.deep.equal(expected);
  });

  it('gives the same however the bytes are cut', async () => {
    const bytes = Buffer.from(text);
    const cuts = fc.uniqueArray(fc.nat({ max: bytes.length }));
    await fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        const sorted = [0, ...places.sort((a, b) => a - b), bytes.length];
        const chunks = sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
        expect(await parse(chunks)).to.deep.equal(expected);
      }),
    );
  });
});
