import { Pull } from 'zeromq';

/** What the sink is told: how many messages to take from where. */
export interface SinkOrder {
  readonly address: string;
  readonly frames: number;
}

/** A program that takes frames and drops them: how fast Node can receive. Says when it has all. */
process.on('message', (order: SinkOrder) => void take(order));
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });

async function take({ address, frames }: SinkOrder): Promise<void> {
  const socket = new Pull({ receiveHighWaterMark: 64, linger: 0 });
  socket.connect(address);
  for (let frame = 0; frame < frames; frame += 1) await socket.receive();
  socket.close();
  process.send?.({ done: true });
}
