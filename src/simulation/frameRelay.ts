import { setImmediate } from 'node:timers/promises';
import { Pull, Push } from 'zeromq';
import type { JsonObject } from '../contracts/json.js';
import { type FrameHeader, parseFrameHeader } from './frameMessage.js';

/** What the relay is built with. */
export interface FrameRelayOptions {
  /** Endpoint of the detector's frame stream. */
  readonly framesFrom: string;
  /** Modules the per-module arrays of the output describe. */
  readonly modules: number;
  readonly log: (line: string) => void;
}

interface Frame {
  readonly header: FrameHeader;
  readonly pixels: Buffer;
}

const RECEIVE_AHEAD_FRAMES = 16;
/** Soon: a detector that was started anew drops the frames that nobody takes. ZeroMQ alone would wait for 100 to 200 ms. */
const RECONNECT_INTERVAL_MS = 10;
const SEND_AHEAD_FRAMES = 4;
/** A full buffer stops the intake; the detector then drops frames and counts them. */
const BUFFER_BYTES = 256 * 1024 * 1024;
/** How soon a frame that finds no taker learns that the stream was closed. */
const SEND_ATTEMPT_MS = 20;
const REMEMBERED_SERIES = 64;
const PULSE_PERIOD_MS = 10;
const REBIND_TIMEOUT_MS = 2_000;

/**
 * The data path of the simulated backend: frames in by PULL, `array-1.0` out by PUSH.
 *
 * The intake is always drained. Only while open frames are kept, in a bounded buffer that waits for a slow
 * writer; frames of a series that was seen before the opening belong to an ended run and are discarded.
 */
export class FrameRelay {
  readonly #options: FrameRelayOptions;
  readonly #input = new Pull({
    linger: 0,
    receiveHighWaterMark: RECEIVE_AHEAD_FRAMES,
    reconnectInterval: RECONNECT_INTERVAL_MS,
  });
  #output = newOutput();
  #endpoint = '';
  #isOpen = false;
  #closed = false;
  #buffer: Frame[] = [];
  #bufferedBytes = 0;
  #onChange: (() => void)[] = [];
  #forwarding: Promise<void> = Promise.resolve();
  readonly #endedSeries = new Set<number>();
  #presentSeries: number | null = null;
  #firstPulse = 0;
  #received = 0;
  #sent = 0;
  #discarded = 0;
  #movedAtMs = 0;

  constructor(options: FrameRelayOptions) {
    this.#options = options;
  }

  /** Opens the output and connects to the detector; answers the output's endpoint. */
  async bind(address: string): Promise<string> {
    await this.#output.bind(address);
    this.#endpoint = this.#output.lastEndpoint ?? address;
    this.#input.connect(this.#options.framesFrom);
    return this.#endpoint;
  }

  /** Takes frames in until the relay is shut down. */
  async receive(): Promise<void> {
    for await (const [head, pixels] of this.#input) {
      const header = parseFrameHeader(head);
      if (header === null || pixels === undefined) {
        this.#options.log('discards a message that is no array-1.0 frame');
        this.#discarded++;
        continue;
      }
      this.#take({ header, pixels });
      while (this.#bufferedBytes > BUFFER_BYTES) await this.#change();
    }
  }

  /** Lets frames through. */
  open(): void {
    this.#isOpen = true;
    this.#presentSeries = null;
    this.#firstPulse = Math.floor(Date.now() / PULSE_PERIOD_MS);
    this.#movedAtMs = performance.now();
    this.#forwarding = this.#forward();
  }

  /** Discards what is on its way; settles once no more frame can leave. */
  async close(): Promise<void> {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    if (this.#presentSeries !== null) this.#endSeries(this.#presentSeries);
    this.#discarded += this.#buffer.length;
    this.#buffer = [];
    this.#bufferedBytes = 0;
    this.#changed();
    await this.#forwarding;
    if (wasOpen && !this.#closed) await this.#renewOutput();
  }

  /**
   * Begins the stream anew. Until ZeroMQ has noticed that a writer is gone it shares the frames out between that
   * one and its successor, and half of the next run would be lost.
   */
  async #renewOutput(): Promise<void> {
    await this.#output.unbind(this.#endpoint);
    this.#output.close();
    this.#output = newOutput();
    const deadlineMs = performance.now() + REBIND_TIMEOUT_MS;
    for (;;) {
      try {
        await this.#output.bind(this.#endpoint);
        return;
      } catch (error) {
        // The old socket's port becomes free a moment after it was given back.
        if (codeOf(error) !== 'EADDRINUSE' || performance.now() > deadlineMs) throw error;
        await setImmediate();
      }
    }
  }

  async shutDown(): Promise<void> {
    this.#closed = true;
    await this.close();
    this.#input.close();
    this.#output.close();
  }

  /** Counts frames from zero. */
  clearCounts(): void {
    this.#received = 0;
    this.#sent = 0;
    this.#discarded = 0;
  }

  counts(): {
    received_frames: number;
    sent_frames: number;
    buffered_frames: number;
    discarded_frames: number;
  } {
    return {
      received_frames: this.#received,
      sent_frames: this.#sent,
      buffered_frames: this.#buffer.length,
      discarded_frames: this.#discarded,
    };
  }

  /** Milliseconds since a frame last came or left, or since the opening. */
  get quietForMs(): number {
    return performance.now() - this.#movedAtMs;
  }

  #take(frame: Frame): void {
    const { series } = frame.header;
    if (!this.#isOpen) this.#endSeries(series);
    if (!this.#isOpen || this.#endedSeries.has(series)) {
      this.#discarded++;
      return;
    }
    if (this.#presentSeries !== null && this.#presentSeries !== series) this.#endSeries(this.#presentSeries);
    this.#presentSeries = series;
    this.#received++;
    this.#movedAtMs = performance.now();
    this.#buffer.push(frame);
    this.#bufferedBytes += frame.pixels.length;
    this.#changed();
  }

  async #forward(): Promise<void> {
    while (this.#isOpen) {
      const frame = this.#buffer[0];
      if (frame === undefined) {
        await this.#change();
        continue;
      }
      if (!(await this.#send(frame))) continue;
      this.#sent++;
      this.#movedAtMs = performance.now();
      // The buffer is another one when it was emptied in the meantime.
      if (this.#buffer[0] !== frame) continue;
      this.#buffer.shift();
      this.#bufferedBytes -= frame.pixels.length;
      this.#changed();
    }
  }

  async #send(frame: Frame): Promise<boolean> {
    try {
      await this.#output.send([JSON.stringify(this.#outputHeader(frame.header)), frame.pixels]);
      return true;
    } catch (error) {
      // No writer, or a slow one: the frame waits for as long as the stream is open.
      if (this.#closed || codeOf(error) === 'EAGAIN') return false;
      throw error;
    }
  }

  #outputHeader({ series: _internal, ...header }: FrameHeader): JsonObject {
    const frame = typeof header.frame === 'number' ? header.frame : 0;
    const pulse = this.#firstPulse + frame;
    const perModule = <T>(value: T) => Array.from({ length: this.#options.modules }, () => value);
    return {
      ...header,
      pulse_id: pulse,
      is_good_frame: 1,
      daq_rec: 0,
      pulse_ids: perModule(pulse),
      framenums: perModule(frame),
      framenum_diff: perModule(0),
      missing_packets_1: perModule(0),
      missing_packets_2: perModule(0),
      daq_recs: perModule(0),
      module_number: Array.from({ length: this.#options.modules }, (_, module) => module),
    };
  }

  #endSeries(series: number): void {
    this.#endedSeries.add(series);
    if (this.#endedSeries.size <= REMEMBERED_SERIES) return;
    for (const oldest of this.#endedSeries) {
      this.#endedSeries.delete(oldest);
      return;
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#onChange.push(resolve));
  }

  #changed(): void {
    const waiting = this.#onChange;
    this.#onChange = [];
    for (const resolve of waiting) resolve();
  }
}

function newOutput(): Push {
  return new Push({ linger: 0, sendHighWaterMark: SEND_AHEAD_FRAMES, sendTimeout: SEND_ATTEMPT_MS });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
