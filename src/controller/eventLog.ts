import { randomBytes } from 'node:crypto';
import type { EventSource, IntegrationEvent } from '../contracts/integration.js';
import type { JsonObject } from '../contracts/json.js';

const REMEMBERED = 1000;

/** The events of one life of the controller; the last 1000 are remembered for clients that were cut off. */
export class EventLog implements EventSource {
  readonly epoch = randomBytes(6).toString('hex');
  private readonly remembered: IntegrationEvent[] = [];
  private readonly listeners = new Set<(event: IntegrationEvent) => void>();
  private id = 0;

  get lastId(): number {
    return this.id;
  }

  since(id: number): IntegrationEvent[] | null {
    const oldest = this.remembered[0]?.id ?? this.id + 1;
    if (id < oldest - 1 || id > this.id) return null;
    return this.remembered.slice(this.remembered.length - (this.id - id), this.remembered.length);
  }

  subscribe(listener: (event: IntegrationEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  add(type: IntegrationEvent['type'], data: JsonObject): void {
    const event: IntegrationEvent = { id: ++this.id, type, time: new Date().toISOString(), data };
    this.remembered.push(event);
    if (this.remembered.length > REMEMBERED) this.remembered.shift();
    for (const listener of this.listeners) listener(event);
  }
}
