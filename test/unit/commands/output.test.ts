import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { Output, type OutputStreams } from '../../../src/commands/output.js';
import { RunDisplay } from '../../../src/commands/runDisplay.js';

interface Screen extends OutputStreams {
  readonly stdout: OutputStreams['stdout'] & PassThrough;
  readonly stderr: OutputStreams['stderr'] & PassThrough;
}

/** Streams that keep what is written, as a terminal or as pipes. */
function screen(isTTY: boolean, env: NodeJS.ProcessEnv = {}): Screen {
  const stream = () =>
    Object.assign(new PassThrough(), { isTTY, columns: 80 }) as unknown as Screen['stdout'];
  return { stdout: stream(), stderr: stream(), env };
}

const textOf = (stream: PassThrough): string => String(stream.read() ?? '');

describe('what a command prints', () => {
  it('has colours on a terminal only, and none with NO_COLOR', () => {
    expect(new Output(false, screen(true)).paint('red', 'x')).to.equal('\x1b[31mx\x1b[0m');
    expect(new Output(false, screen(false)).paint('red', 'x')).to.equal('x');
    expect(new Output(false, screen(true, { NO_COLOR: '1' })).paint('red', 'x')).to.equal('x');
    expect(new Output(false, screen(true, { NO_COLOR: '' })).paint('red', 'x')).not.to.equal('x');
    expect(new Output(false, screen(true, { TERM: 'dumb' })).paint('red', 'x')).to.equal('x');
  });

  it('is text for people or JSON, never both', () => {
    const forPeople = screen(false);
    const forPrograms = screen(false);
    for (const [streams, json] of [
      [forPeople, false],
      [forPrograms, true],
    ] as const) {
      const output = new Output(json, streams);
      output.line('text');
      output.document({ a: 'two\nlines' });
      output.problem('problem');
    }
    expect(textOf(forPeople.stdout)).to.equal('text\n');
    expect(textOf(forPrograms.stdout)).to.equal('{"a":"two\\nlines"}\n');
    expect(textOf(forPrograms.stderr)).to.equal('problem\n');
  });

  it('is dropped without an error when nobody reads any more', () => {
    const streams = screen(false);
    const output = new Output(false, streams);
    expect(output.closed.aborted).to.equal(false);
    streams.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    streams.stderr.emit('error', new Error('write EPIPE'));
    expect(output.closed.aborted).to.equal(true);
    output.line('text');
    expect(textOf(streams.stdout)).to.equal('');
  });
});

describe('a run on the screen', () => {
  const progress = (written: number, component = 'writer') => ({
    component,
    written_frames: written,
    expected_frames: 100,
    lost_frames: 0,
    frame_rate_hz: 50,
  });

  function show(streams: Screen, json = false): string {
    const display = new RunDisplay(new Output(json, streams));
    display.state('IntegrationStatus.CONFIGURED', 'starting');
    display.state('IntegrationStatus.RUNNING', null);
    display.state('IntegrationStatus.RUNNING', null);
    for (let written = 0; written <= 100; written += 1) display.progress(progress(written));
    display.state('IntegrationStatus.FINISHED', null);
    return textOf(streams.stdout);
  }

  it('is a line for each state and each tenth where there is no terminal', () => {
    const lines = show(screen(false)).trimEnd().split('\n');
    expect(lines).to.have.length(3 + 10);
    expect(lines.slice(0, 3)).to.deep.equal([
      'STARTING',
      'RUNNING',
      '10/100 frames, 10 %, 50.0 frames/s, 1.8 s left',
    ]);
    expect(lines.at(-1)).to.equal('FINISHED');
  });

  it('is one line on a terminal, written over and over', () => {
    const text = show(screen(true));
    expect(text).not.to.contain('\n');
    const last = text.split('\r').at(-1);
    expect(last).to.equal(`\x1b[KFINISHED [${'#'.repeat(24)}] 100/100 frames, 100 %, 50.0 frames/s`);
  });

  it('ends the line on the terminal before anything else is printed', () => {
    const streams = screen(true);
    const output = new Output(false, streams);
    output.live('bar');
    output.line('done');
    expect(textOf(streams.stdout)).to.equal('\r\x1b[Kbar\ndone\n');
  });

  it('is one JSON document for each event with --json', () => {
    const lines = show(screen(true), true).trimEnd().split('\n');
    expect(lines).to.have.length(3 + 101);
    expect(lines.map((line) => JSON.parse(line).type)).to.include.members(['state', 'progress']);
  });

  it('sums the frames of several writers', () => {
    const display = new RunDisplay(new Output(false, screen(false)));
    display.progress(progress(10, 'left.writer'));
    display.progress(progress(20, 'right.writer'));
    display.progress(progress(30, 'right.writer'));
    expect(display.view).to.deep.equal({
      writtenFrames: 40,
      expectedFrames: 200,
      lostFrames: 0,
      rateHz: 100,
    });
  });
});
